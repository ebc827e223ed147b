/*
 * Where Redis is, from all the variables that say so. Private to settings.c.
 */
#ifndef GATEWAY_SETTINGS_REDIS_H
#define GATEWAY_SETTINGS_REDIS_H

struct settings_check;

/*
 * Decides `store` and redis_url. The first of these that is set says everything about Redis; none
 * adds to another:
 *   1. GATEWAY_REDIS_URL  2. REDIS_URL
 *   3. REDIS_HOST, with REDIS_PORT, REDIS_USERNAME, REDIS_PASSWORD, REDIS_DB
 *   4. redis.url in the file
 * URLs and REDIS_PASSWORD also as …_FILE. A REDIS_PORT that begins with tcp:// is what Kubernetes
 * injects for a service named "redis", and is ignored. With `store: memory` none of them is looked
 * at.
 *
 * Returns 0; -1 with a reason that names the variable or the key at fault.
 */
int settings_redis_fold(const struct settings_check *check);

#endif
