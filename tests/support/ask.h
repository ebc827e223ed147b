/*
 * Asking a store under test, in few words: each call makes one request, waits for its answer and
 * returns it; it stays valid until the next. All go over the fixture's first handle.
 */
#ifndef SUPPORT_ASK_H
#define SUPPORT_ASK_H

#include <criterion/criterion.h>

#include "store_fixture.h"

/*
 * A session with a new id, by user "user", of media "media". All are put into the first partition,
 * whatever the family: a cluster counts devices and users in each for itself.
 */
struct session ask_session(const char *family, const char *device);

/* A session of a family that is of that partition: always the same family for the same number. */
struct session ask_session_in(unsigned partition, const char *device);

/* What a create asks for beside the session: limits of the caller's, -1 for none; sessions to give
 * up. */
struct store_create ask_limits(int family_limit, int device_limit);
void ask_replace(struct store_create *create, const struct session *session);

const struct store_req *ask_create(struct store_fixture *fixture, const struct session *session);
const struct store_req *ask_create_with(struct store_fixture *fixture,
                                        const struct session *session,
                                        const struct store_create *create);
const struct store_req *ask_heartbeat(struct store_fixture *fixture, const struct session *session);
const struct store_req *ask_check(struct store_fixture *fixture, const struct session *session);
const struct store_req *ask_get(struct store_fixture *fixture, const struct session *session);
const struct store_req *ask_end(struct store_fixture *fixture, const struct session *session,
                                enum end_reason reason);
const struct store_req *ask_end_with(struct store_fixture *fixture, const struct session *session,
                                     const struct store_end *end);

/* Revives a session, its start given, by a token issued at that time. */
const struct store_req *ask_revive(struct store_fixture *fixture, const struct session *session,
                                   int64_t issued_ms);

/* Changes what is watched; title "" leaves that as it is. */
const struct store_req *ask_zap(struct store_fixture *fixture, const struct session *session,
                                const char *media, const char *title);

const struct store_req *ask_list(struct store_fixture *fixture, const char *family);
const struct store_req *ask_sweep(struct store_fixture *fixture);

/* Terminates all of a family or, where that is "", on a device. */
const struct store_req *ask_revoke(struct store_fixture *fixture, const char *family,
                                   const char *device, const char *message, int64_t for_ms);

/* Overrides a family's limits; -1: not that one. */
const struct store_req *ask_set_limits(struct store_fixture *fixture, const char *family,
                                       int family_limit, int device_limit, int64_t for_ms);

/* Creates a session that must be let in, and returns it with its start. */
struct session ask_begin(struct store_fixture *fixture, const char *family, const char *device);

/* The same, and makes it look silent for so long. */
struct session ask_begin_silent(struct store_fixture *fixture, const char *family,
                                const char *device, int64_t silent_ms);

/* Creates count sessions of a family, each on a device of its own, "<prefix>0" and so on. */
void ask_fill(struct store_fixture *fixture, const char *family, const char *device_prefix,
              struct session *ret_sessions, int count);

/* The outcome of an answer. */
#define ASSERT_ERR(answer, expected)                                                               \
    do {                                                                                           \
        const enum err err_ = (answer)->err;                                                       \
        cr_assert(err_ == (expected), "%s, not %s", err_word(err_), err_word(expected));           \
    } while (0)

/* That it says that the session ended, and why. */
#define ASSERT_ENDED(answer, expected)                                                             \
    do {                                                                                           \
        const struct store_req *answer_ = (answer);                                                \
        ASSERT_ERR(answer_, ERR_SESSION_ENDED);                                                    \
        cr_assert(answer_->end.reason == (expected), "%s, not %s",                                 \
                  end_reason_word(answer_->end.reason), end_reason_word(expected));                \
    } while (0)

/* The counts that a create reports. */
#define ASSERT_ACTIVE(answer, family, device)                                                      \
    do {                                                                                           \
        const struct store_usage usage_ = (answer)->usage;                                         \
        cr_assert(usage_.family_active == (family) && usage_.device_active == (device),            \
                  "%u of the family and %u on the device, not %u and %u", usage_.family_active,    \
                  usage_.device_active, (unsigned)(family), (unsigned)(device));                   \
    } while (0)

#endif
