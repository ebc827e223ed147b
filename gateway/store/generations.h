/*
 * Generations: which cached answers about sessions are still to be believed (DESIGN.md section 7).
 *
 * One table for the process, of counters by a hash of the sessionId. Who asks the store notes the session's
 * generation before the question is sent, keeps it with the answer, and believes the answer only while the
 * table still shows it. Whoever learns that a session ended or changed moves the counter on, before anybody is
 * told: so an invalidation that overtakes the very answer that it should cancel, cancels it all the same.
 *
 * Ends elsewhere are told by a feed. While there is none nothing is believed.
 */
#ifndef GENERATIONS_H
#define GENERATIONS_H

#include <stdbool.h>
#include <stdint.h>

struct generations;

/* All at 0, without a feed. NULL where memory runs out. */
struct generations *generations_new(void);
void generations_free(struct generations *generations); /* accepts NULL */

/* Any thread, all of these. */

/* The generation of a session now. Never 0. */
uint64_t generations_of(const struct generations *generations, const char *session_id);

/* A session has ended, or changed, or lives again. */
void generations_move(struct generations *generations, const char *session_id);

/* Any session may have. */
void generations_move_all(struct generations *generations);

/* Whether a feed tells of all ends; a change moves all generations on. */
void generations_set_fed(struct generations *generations, bool fed);
bool generations_is_fed(const struct generations *generations);

#endif
