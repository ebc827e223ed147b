/*
 * The rules about settings that no single row of the table shows. Private to settings.c.
 */
#ifndef GATEWAY_SETTINGS_RULES_H
#define GATEWAY_SETTINGS_RULES_H

struct settings_check;

/*
 * Checks settings that were read and folded, and lowers session.heartbeat_interval to a third of
 * session.ttl where nobody said another interval for that ttl. Returns 0; -1 with a reason that
 * begins with who gave the value at fault.
 */
int settings_rules_apply(const struct settings_check *check);

#endif
