/*
 * A session: one playback. What stores keep of it, and what its parts may be.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_ID_LEN       22   /* characters of base64url */
#define SESSION_NAME_MAX     128  /* bytes of an id, a device's name, a title, a platform */
#define SESSION_PLAYER_MAX   64   /* bytes of a playerId */
#define SESSION_METADATA_MAX 1024 /* bytes of metadata as compact JSON */
#define SESSION_REPLACE_MAX  16   /* sessionIds in a create's `replace` */

typedef char session_name[SESSION_NAME_MAX + 1];

/* Why a session ended; the words stand in 410 answers, tombstones and events. */
#define END_REASON_TABLE(X)                                                                        \
    X(END_STOPPED, "stopped")                                                                      \
    X(END_EXPIRED, "expired")                                                                      \
    X(END_REPLACED, "replaced")                                                                    \
    X(END_DISPLACED, "displaced")                                                                  \
    X(END_TERMINATED, "terminated")

enum end_reason {
#define X(name, word) name,
    END_REASON_TABLE(X)
#undef X
        END_REASON_COUNT
};

/* The word of a reason. Never NULL. */
const char *end_reason_word(enum end_reason reason);

/* The reason of a word; -1 where there is none. */
int end_reason_from_word(const char *word, size_t len);

struct session {
    char id[SESSION_ID_LEN + 1];             /* public name */
    session_name user_id;                    /* who watches */
    session_name family_id;                  /* the account that pays */
    session_name device_id;                  /* one installation of an app */
    session_name media_id;                   /* what is watched */
    session_name device_name;                /* "" where not given; so with all below */
    session_name media_title;                /* for people */
    session_name platform;                   /* for people */
    char player_id[SESSION_PLAYER_MAX + 1];  /* one player instance, say a browser tab */
    char metadata[SESSION_METADATA_MAX + 1]; /* compact JSON of an object */
    int64_t started_ms;                      /* wall clock of the store */
    int64_t last_heartbeat_ms;               /* wall clock of the store */
};

/*
 * Makes a new id for a session of this family: the two characters of its partition (partition.h),
 * and 20 random ones (120 bits). libsodium must have been made ready, as token_keys_new does.
 */
void session_id_make(const char *family_id, char ret_id[SESSION_ID_LEN + 1]);

/*
 * A hash of an id of ours (22 characters, random behind the partition's two), for tables. Not for what a caller
 * made up: that could pile up in one place.
 */
unsigned session_id_hash(const char *id);

/* Whether text has the form of a sessionId: 22 characters of base64url. */
bool session_id_is_valid(const char *text, size_t len);

#endif
