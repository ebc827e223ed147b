/*
 * A Sentinel that says what the test wants: in the test's own process, on a free port of the loopback, on
 * the loop that the test runs. Whatever fails here fails the test (criterion).
 */
#ifndef SUPPORT_FAKE_SENTINEL_H
#define SUPPORT_FAKE_SENTINEL_H

#include <stddef.h>

struct fake_sentinel;
struct loop;

/* What it does when it is asked for the master. */
enum fake_sentinel_mood {
    FAKE_SENTINEL_NAMES,  /* names the one that fake_sentinel_name was called with */
    FAKE_SENTINEL_NIL,    /* knows no such master */
    FAKE_SENTINEL_NOAUTH, /* wants a password, whatever it is given */
    FAKE_SENTINEL_CLOSES, /* closes the connection */
    FAKE_SENTINEL_HANGS,  /* answers nothing */
    FAKE_SENTINEL_RAVES   /* answers something else */
};

struct fake_sentinel *fake_sentinel_start(struct loop *loop);

/* Closes it, running the loop meanwhile. Accepts NULL. */
void fake_sentinel_stop(struct fake_sentinel *fake);

int fake_sentinel_port(const struct fake_sentinel *fake);

void fake_sentinel_set_mood(struct fake_sentinel *fake, enum fake_sentinel_mood mood);

/* From now on the master is on this port of the loopback. */
void fake_sentinel_name(struct fake_sentinel *fake, int port);

/* Tells who listens that a master, by name, has become another one, by ports of the loopback. */
void fake_sentinel_publish(struct fake_sentinel *fake, const char *master, int from, int to);

/* How many listen; how often it was asked for a master. */
size_t fake_sentinel_listeners(const struct fake_sentinel *fake);
size_t fake_sentinel_questions(const struct fake_sentinel *fake);

#endif
