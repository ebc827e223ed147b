/*
 * What can change while the program runs, as the settings say: keys, certificates, the log. A reload reads all of it
 * anew; what is wrong changes nothing.
 */
#ifndef GATEWAY_RELOADABLE_H
#define GATEWAY_RELOADABLE_H

#include <stdbool.h>

#include "settings.h"

struct buf;
struct keyring;
struct listener_tls;

/* All zeroes: nothing is loaded. */
struct reloadable {
    struct settings
        settings;         /* what a reload read; at the start they are the caller's, and not here */
    struct keyring *keys; /* that the settings name */
    struct listener_tls *player_tls; /* the listeners' certificates; NULL: without TLS */
    struct listener_tls *admin_tls;  /* the same */
};

/*
 * Loads keys and certificates as these settings say; a trial makes nothing (keys.h). Returns an exit code (app.h),
 * logged where it isn't APP_OK. Release in any case.
 */
int reloadable_open(struct reloadable *reloadable, const struct settings *settings, bool trial);

/*
 * Reads the settings again, from file (NULL: none) and environment, and all that they name. -1, with a reason, where
 * something is wrong, or can't change from what is in force since the start. Release in any case.
 */
int reloadable_read(struct reloadable *reloadable, const char *file,
                    const struct settings *started_with, const struct reloadable *in_force,
                    struct buf *reason);

void reloadable_release(struct reloadable *reloadable);

#endif
