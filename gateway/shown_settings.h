/*
 * The settings in force, for those who ask while the program runs: as it began, with what a reload has changed.
 */
#ifndef GATEWAY_SHOWN_SETTINGS_H
#define GATEWAY_SHOWN_SETTINGS_H

#include <pthread.h>

#include "settings.h"

struct shown_settings {
    pthread_mutex_t lock;     /* over settings */
    struct settings settings; /* in force; what its members point to is the program's */
};

/* settings stay the caller's, and must stay as long as these do. */
void shown_settings_init(struct shown_settings *shown, const struct settings *settings);
void shown_settings_done(struct shown_settings *shown);

/*
 * Any thread: what a reload takes over (log.*, auth.*, admin.token, tokens.keys, *.tls.*) is now as in these, which must
 * stay until others are taken over.
 */
void shown_settings_take(struct shown_settings *shown, const struct settings *settings);

/* Any thread: appends them as JSON, secrets masked. Returns 0; -1 where memory runs out. */
int shown_settings_write(struct shown_settings *shown, struct buf *out);

#endif
