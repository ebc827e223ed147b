/*
 * A race for the places of one family: many clients create and stop at random, and watchers look at
 * the sets in Redis all the while. What is raced for, by which rules, is the test's.
 */
#ifndef SUPPORT_RACE_H
#define SUPPORT_RACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

enum {
    RACE_CLIENTS = 64,
    RACE_DEVICES =
        7, /* of 2 streams each: the family's 10 are reached before all of them are full */
    RACE_FAMILY_LIMIT = 10,
    RACE_DEVICE_LIMIT = 2,
    RACE_ENOUGH = 500, /* creates admitted, and refused: with fewer it isn't a test */
    RACE_HELD_MAX = 4, /* sessions that one client has at once */
};

/* The family that all clients are of, and the start of their devices' names ("race0" and so on). */
#define RACE_FAMILY "race"

struct http_client;
struct race;
struct redis_server;

/* A session that a client has. */
struct race_session {
    char id[23];      /* its sessionId */
    char token[1400]; /* its token, where there are tokens */
    int device;       /* that it is on */
};

struct race_client {
    struct race *race;                       /* that it takes part in */
    unsigned number;                         /* of this client */
    uint64_t dice;                           /* what its next roll comes of */
    unsigned creates;                        /* so far */
    struct http_client *http;                /* to it */
    redisContext *redis;                     /* to look for itself */
    struct race_session held[RACE_HELD_MAX]; /* what it has */
    size_t held_count;                       /* of them */
};

enum race_outcome { RACE_ADMITTED, RACE_REFUSED, RACE_ODD };

/* How a client gets a place on session->device, and gives it up; called in the clients' threads. */
struct race_rules {
    const char *name; /* for the figures */
    enum race_outcome (*create)(struct race_client *client, struct race_session *session);
    bool (*stop)(struct race_client *client, const struct race_session *session);
};

struct race {
    const struct race_rules *rules;           /* of admission */
    struct redis_server *redis;               /* where the sets are */
    struct race_client clients[RACE_CLIENTS]; /* a thread each */
    bool others_end;                          /* set before: clients end each other's sessions */
    int64_t until_ms;                         /* when it ends anyway; monotonic clock */
    atomic_bool over;                         /* everybody is to stop */
    atomic_int admitted, refused, stopped;    /* calls that were answered so */
    atomic_int odd;                           /* calls that were answered otherwise */
    atomic_int unlisted;                      /* sessions that were admitted, and not in the sets */
    atomic_int looks;                         /* of the watchers */
    atomic_int family_peak, device_peak;      /* live members, at most */
    atomic_int torn;                          /* looks at which the sets didn't agree */
};

/*
 * Lets all clients race, each at one of the gateways (addresses; count may be 0), until there are
 * twice as many calls as are needed, or a limit is passed, or a minute is over. Prints the figures.
 */
void race_run(struct race *race, const struct race_rules *rules, struct redis_server *redis,
              const char *const *gateways, size_t count);

/* Frees what the clients have; no session is ended. */
void race_done(struct race *race);

/* What is wrong with a race that was run; NULL where it shows that the limits hold. */
const char *race_judge(const struct race *race);

/* Whether a limit was passed. */
bool race_is_past_limit(const struct race *race);

/* Live members of the family's set, then of each device's, in one atomic look; false where it
 * failed. */
bool race_look(redisContext *redis, long long ret_live[1 + RACE_DEVICES]);

/* Whether a session lives and both of its sets hold it. */
bool race_is_listed(struct race_client *client, const struct race_session *session);

/*
 * EVALs a script over the sets of family and device, with the sessionId as its argument. false
 * where the reply isn't an array of so many integers.
 */
bool race_eval(struct race_client *client, const char *script, const struct race_session *session,
               long long *ret_numbers, size_t count);

#endif
