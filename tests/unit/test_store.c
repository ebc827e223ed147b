/* What all stores share: which partition a request is about, and how a store is as a whole. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "partition.h"
#include "session.h"
#include "store.h"

/* ---- Partitions ---- */

static struct store_req about(const char *id, const char *family)
{
    struct store_req req = {.op = STORE_GET};

    snprintf(req.session.id, sizeof req.session.id, "%s", id);
    snprintf(req.session.family_id, sizeof req.session.family_id, "%s", family);
    return req;
}

Test(store, a_request_is_about_the_partition_that_its_session_id_names)
{
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        char id[SESSION_ID_LEN + 1];

        snprintf(id, sizeof id, "%.2sAAAAAAAAAAAAAAAAAAAA", partition_tag(i));
        const struct store_req session = about(id, ""), both = about(id, "f1");
        id[PARTITION_TAG_LEN] = '\0'; /* a sweep names no more than that */
        const struct store_req tag = about(id, "");

        cr_assert_eq(store_partition(&session), i);
        cr_assert_eq(store_partition(&both), i);
        cr_assert_eq(store_partition(&tag), i);
    }
}

Test(store, a_request_without_a_session_is_about_its_familys_partition)
{
    const struct store_req req = about("", "f1");

    cr_assert_eq(store_partition(&req), partition_of("f1"));
}

Test(store, a_session_is_made_in_its_familys_partition)
{
    static const char *const families[] = {"f1", "f2", "family-with-a-longer-name"};

    cr_assert_geq(sodium_init(), 0);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        char id[SESSION_ID_LEN + 1];

        session_id_make(families[i], id);
        const struct store_req by_id = about(id, ""), by_family = about("", families[i]);
        cr_assert_eq(store_partition(&by_id), store_partition(&by_family));
    }
}

Test(store, an_id_of_no_partition_leaves_the_family_and_else_the_first)
{
    const struct store_req named = about("--AAAAAAAAAAAAAAAAAAAA", "f1"),
                           unnamed = about("--AAAAAAAAAAAAAAAAAAAA", ""), empty = about("", "");

    cr_assert_eq(store_partition(&named), partition_of("f1"));
    cr_assert_eq(store_partition(&unnamed), 0);
    cr_assert_eq(store_partition(&empty), 0);
}

/* ---- States ---- */

enum { PARTS = 3 };

static enum store_state states[PARTS];

static enum store_state state_of(const struct store *store, unsigned partition)
{
    cr_assert_lt(partition, store->partitions);
    return states[partition];
}

static const struct store_ops ops = {.kind = "redis", .state = state_of};

static enum store_state state_with(enum store_state first, enum store_state second,
                                   enum store_state third, bool *ret_serves)
{
    const struct store store = {.ops = &ops, .partitions = PARTS};

    states[0] = first;
    states[1] = second;
    states[2] = third;
    *ret_serves = store_serves(&store);
    return store_state(&store);
}

Test(store, is_as_its_worst_partition)
{
    static const enum store_state from_best[] = {STORE_UP,    STORE_STARTING, STORE_RETURNING,
                                                 STORE_ALLOW, STORE_FALLBACK, STORE_AWAY};
    bool serves;

    for (size_t i = 0; i < sizeof from_best / sizeof from_best[0]; i++) {
        for (size_t k = 0; k <= i; k++) {
            cr_assert_eq(state_with(from_best[k], from_best[i], from_best[k], &serves),
                         from_best[i]);
            cr_assert_eq(state_with(from_best[i], from_best[k], from_best[k], &serves),
                         from_best[i]);
        }
    }
}

Test(store, serves_as_long_as_one_partition_does)
{
    bool serves;

    state_with(STORE_AWAY, STORE_AWAY, STORE_UP, &serves);
    cr_assert(serves);
    state_with(STORE_AWAY, STORE_FALLBACK, STORE_STARTING, &serves);
    cr_assert(serves);
    state_with(STORE_AWAY, STORE_STARTING, STORE_AWAY, &serves);
    cr_assert_not(serves);
}
