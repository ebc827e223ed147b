/*
 * Wrong tokens on the admin listener, counted by client, so that guessing one is slow. For one thread.
 *
 * A client may be wrong ADMIN_GUESSES times, and once more for every ADMIN_GUESS_MS that pass. One that has no
 * guess left is refused unjudged: also with the right token, or asking fast would be guessing fast. So an
 * operator at the same address as somebody who guesses may be refused while that goes on, for about a second
 * after it has ended, and never for what comes from elsewhere; whoever shares a proxy's address has those of the
 * machine itself (127.0.0.2; on a unix socket a user of his own).
 */
#ifndef ADMIN_GUESSES_H
#define ADMIN_GUESSES_H

#include <stdint.h>

#define ADMIN_GUESSES  5    /* at once */
#define ADMIN_GUESS_MS 1000 /* for each further one */

struct admin_guesses;

/* NULL where memory runs out. */
struct admin_guesses *admin_guesses_new(void);
void admin_guesses_free(struct admin_guesses *guesses); /* accepts NULL */

/* How many ms a client (http_request_client) must wait before it is judged; 0: it is now. */
int64_t admin_guesses_wait_ms(struct admin_guesses *guesses, const char *client, int64_t now_ms);

/* Counts a wrong token, which was judged. now_ms: of a clock that doesn't go back. */
void admin_guesses_note(struct admin_guesses *guesses, const char *client, int64_t now_ms);

#endif
