/*
 * The program's settings: one struct, made from the table in settings.def.
 */
#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "settings_reader.h"

enum settings_store { SETTINGS_STORE_AUTO, SETTINGS_STORE_REDIS, SETTINGS_STORE_MEMORY };
enum settings_on_limit { SETTINGS_REJECT, SETTINGS_EVICT_OLDEST };
enum settings_auth {
    SETTINGS_AUTH_UNSAID = -1,
    SETTINGS_AUTH_OPEN,
    SETTINGS_AUTH_API_KEY,
    SETTINGS_AUTH_JWT
};

struct settings {
#define STRING(member, path, fallback, flags, help)    char *member;
#define LIST(member, path, fallback, flags, help)      struct setting_list member;
#define INT(member, path, fallback, least, most, help) int64_t member;
#define BOOL(member, path, fallback, help)             bool member;
#define CHOICE(member, path, fallback, words, help)    int member;
#include "settings.def"
#undef STRING
#undef LIST
#undef INT
#undef BOOL
#undef CHOICE

    /* Who gave each value: `if (settings->given.session_ttl)` is whether anybody did. */
    struct {
#define STRING(member, ...) enum setting_source member;
#define LIST(member, ...)   enum setting_source member;
#define INT(member, ...)    enum setting_source member;
#define BOOL(member, ...)   enum setting_source member;
#define CHOICE(member, ...) enum setting_source member;
#include "settings.def"
#undef STRING
#undef LIST
#undef INT
#undef BOOL
#undef CHOICE
    } given;
};

/* settings.def as a table. */
extern const struct settings_table settings_table;

/*
 * Reads and checks all settings: defaults, file (NULL: none), environment. Applies the rules that
 * no single setting shows (an interval of at most a third of the TTL, auth.mode said where the
 * player listener isn't on loopback, api keys where auth.mode is api_key, well-formed keys,
 * addresses and URLs…), and folds GATEWAY_REDIS_URL, REDIS_URL, REDIS_HOST, REDIS_PORT,
 * REDIS_USERNAME, REDIS_PASSWORD and REDIS_DB into redis_url (DESIGN.md section 6, "Store choice").
 * After it, `store` is never AUTO, redis_url is set where `store` is REDIS and NULL where it isn't,
 * and workers is never 0.
 *
 * Returns 0; -1 with one line, without its end, appended to reason. Warnings are lines appended to
 * warnings. Free with settings_free in both cases.
 */
int settings_load(struct settings *settings, const char *file, struct buf *reason,
                  struct buf *warnings);

/* Appends all settings as JSON text, secrets masked. Returns 0; -1 where memory runs out. */
int settings_show(const struct settings *settings, struct buf *out);

/* Appends one line for each setting: its path, environment name, default and help. */
void settings_help(struct buf *out);

void settings_free(struct settings *settings);

#endif
