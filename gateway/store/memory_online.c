/*
 * About how many users were seen lately.
 *
 * Linear counting (Whang et al., 1990): each user sets the bit that a hash names, and from the share of bits that
 * are still clear follows how many have set one. A million bits make it exact to a few for thousands of users, and
 * to 0.3 % for five million, at the price of one bit set for a heartbeat.
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

void memory_online_see(struct memory_online *online, const char *user_id, int64_t window)
{
    unsigned bit = memory_table_hash(user_id, strlen(user_id)) % MEMORY_ONLINE_BITS;

    move_to(online, window);
    seen_in(online, online->window)[bit / 64] |= UINT64_C(1) << bit % 64;
}

uint64_t memory_online_count(struct memory_online *online, int64_t window)
{
    const double bits = MEMORY_ONLINE_BITS;
    unsigned set = 0;

    move_to(online, window);
    for (size_t i = 0; i < MEMORY_ONLINE_BITS / 64; i++)
        set += (unsigned)__builtin_popcountll(online->seen[0][i] | online->seen[1][i]);
    /* With no bit left clear there may be any number, and one is as if it were. */
    double clear = set < MEMORY_ONLINE_BITS ? MEMORY_ONLINE_BITS - set : 1;
    return (uint64_t)llround(bits * log(bits / clear));
}
