/*
 * Tells the operator what is wrong with Redis: one line for a fault and process, whichever and however many of its
 * connections meet it, as an error that names the setting where one is at fault. It is over, and told again when it
 * comes back, once it is over for all who met it, or nobody has met it for a minute. Which of our scripts an error of
 * Redis comes from, and which line of it, makes no difference, and isn't logged.
 */
#ifndef REDIS_TROUBLE_H
#define REDIS_TROUBLE_H

#include <stdint.h>

/*
 * Reasons that take turns (a name's two addresses fail in two ways) are faults of their own, so many at a time.
 * Where more do, what is told of those that there is no room for is one line a second, from the whole process.
 */
#define REDIS_TROUBLE_REASONS 4

struct redis_fault;

/* The faults that one connection, or one who asks, has met and that aren't over for it. All zeroes: none. */
struct redis_trouble {
    struct redis_fault *faults[REDIS_TROUBLE_REASONS]; /* told, by whomever; NULL: none */
    unsigned next;                                     /* of faults: gives way to a further one */
};

enum redis_trouble_kind {
    REDIS_TROUBLE_LOST,   /* a connection that was up */
    REDIS_TROUBLE_FAILED, /* one that could not be made */
    REDIS_TROUBLE_REFUSED /* a command */
};

struct redis_trouble_report {
    enum redis_trouble_kind kind;
    const char *link; /* who met it, for the log */
    const char
        *server;     /* whose fault it is: "host:port", a socket's path; NULL: no single server's */
    const char *why; /* what Redis, TLS or the system says */
    int64_t now_ms;  /* monotonic clock */
};

/* Any thread: it was met. Logged unless it is told, known by its server and reason, and not over, or it must wait for room. */
void redis_trouble_log(struct redis_trouble *trouble, const struct redis_trouble_report *report);

/* Any thread: it is over for who met it, or who met it is no more. */
void redis_trouble_clear(struct redis_trouble *trouble);

/* The setting that is at fault where Redis or TLS says this; NULL where none is. */
const char *redis_trouble_setting(const char *why);

#endif
