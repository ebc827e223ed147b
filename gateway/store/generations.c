/* Generations: which cached answers about sessions are still to be believed. */
#include "generations.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define SLOTS 65536

struct generations {
    _Atomic uint32_t all;         /* moved on for all sessions at once */
    _Atomic bool fed;             /* a feed tells of all ends */
    _Atomic uint32_t slot[SLOTS]; /* by a hash of the sessionId */
};

struct generations *generations_new(void)
{
    struct generations *generations = calloc(1, sizeof *generations);

    if (generations != NULL)
        generations->all = 1;
    return generations;
}

void generations_free(struct generations *generations)
{
    free(generations);
}

/* A short id, which is none of ours, shares a slot. */
static size_t slot_of(const char *session_id)
{
    return strnlen(session_id, SESSION_ID_LEN) == SESSION_ID_LEN
               ? session_id_hash(session_id) % SLOTS
               : 0;
}

uint64_t generations_of(const struct generations *generations, const char *session_id)
{
    return (uint64_t)generations->all << 32 | generations->slot[slot_of(session_id)];
}

void generations_move(struct generations *generations, const char *session_id)
{
    generations->slot[slot_of(session_id)]++;
}

void generations_move_all(struct generations *generations)
{
    if (++generations->all == 0) /* 0 is nobody's */
        generations->all++;
}

void generations_set_fed(struct generations *generations, bool fed)
{
    if (generations->fed == fed)
        return;
    if (!fed)
        generations->fed = false;
    generations_move_all(generations);
    if (fed)
        generations->fed = true;
}

bool generations_is_fed(const struct generations *generations)
{
    return generations->fed;
}
