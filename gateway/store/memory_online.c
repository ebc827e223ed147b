/*
 * About how many users were seen lately.
 *
 * Linear counting (Whang et al., 1990): each user sets the bit that a hash names, and from the share of bits that
 * are still clear follows how many have set one. A million bits make it exact to a few for thousands of users, and
 * to 0.3 % for five million, at the price of one bit set for a heartbeat. (Partitions that are apart have 4,096 each:
 * their sum is as exact.)
 */
#include "memory_online.h"

#include <math.h>
#include <string.h>

#include "memory_table.h"

static uint64_t *seen_in(struct memory_online *online, int64_t window)
{
    return online->seen[window & 1];
}

/* Forgets what lies outside of two windows; all of it, where the clock was set. */
static void move_to(struct memory_online *online, int64_t window)
{
    if (window == online->window || window == online->window - 1)
        return;
    memset(seen_in(online, window), 0, sizeof online->seen[0]);
    if (window != online->window + 1)
        memset(seen_in(online, window - 1), 0, sizeof online->seen[0]);
    online->window = window;
}

/* A partition's bits. */
static unsigned share(const struct memory_online *online)
{
    return MEMORY_ONLINE_BITS / online->partitions;
}

void memory_online_see(struct memory_online *online, const char *user_id, unsigned partition,
                       int64_t window)
{
    unsigned hash = memory_table_hash(user_id, strlen(user_id));
    unsigned bit = partition * share(online) + hash % share(online);

    move_to(online, window);
    seen_in(online, window)[bit / 64] |= UINT64_C(1) << bit % 64;
}

uint64_t memory_online_count(struct memory_online *online, unsigned partition, int64_t window)
{
    unsigned bits = share(online), set = 0;

    move_to(online, window);
    for (unsigned i = partition * bits / 64; i < (partition + 1) * bits / 64; i++)
        set += (unsigned)__builtin_popcountll(online->seen[0][i] | online->seen[1][i]);
    /* With no bit left clear there may be any number; it is told as if one were. */
    return (uint64_t)llround(bits * log((double)bits / (set < bits ? bits - set : 1)));
}
