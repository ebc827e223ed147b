/* Generations: which cached answers about sessions are still to be believed. */
#include "generations.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

/* Ids are random behind the partition's two characters; a short one, which is none of ours, shares a slot. */
static size_t slot_of(const char *session_id)
{
    uint64_t bits = 0;

    if (strnlen(session_id, 12) == 12)
        memcpy(&bits, session_id + 4, sizeof bits);
    return (size_t)(bits * 0x9e3779b97f4a7c15u >> 48);
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
