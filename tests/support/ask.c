/* Asking a store under test, in few words. */
#include "ask.h"

#include <stdio.h>
#include <string.h>

#include "partition.h"

struct session ask_session(const char *family, const char *device)
{
    struct session session = {.user_id = "user", .media_id = "media"};

    snprintf(session.family_id, sizeof session.family_id, "%s", family);
    snprintf(session.device_id, sizeof session.device_id, "%s", device);
    session_id_make(session.family_id, session.id);
    memcpy(session.id, partition_tag(0), PARTITION_TAG_LEN);
    return session;
}

struct session ask_session_in(unsigned partition, const char *device)
{
    char family[32];
    unsigned number = 0;

    do
        snprintf(family, sizeof family, "family-%u", number++);
    while (partition_of(family) != partition);
    struct session session = ask_session(family, device);
    session_id_make(family, session.id);
    return session;
}

struct store_create ask_limits(int family_limit, int device_limit)
{
    return (struct store_create){.family_limit = family_limit, .device_limit = device_limit};
}

void ask_replace(struct store_create *create, const struct session *session)
{
    cr_assert_lt(create->replace_count, SESSION_REPLACE_MAX);
    memcpy(create->replace[create->replace_count++], session->id, sizeof session->id);
}

static const struct store_req *ask(struct store_fixture *fixture, enum store_op op,
                                   const struct session *session)
{
    const struct store_req req = {.op = op, .session = *session};

    return store_fixture_run(fixture, 0, &req);
}

const struct store_req *ask_create(struct store_fixture *fixture, const struct session *session)
{
    const struct store_create create = ask_limits(-1, -1);

    return ask_create_with(fixture, session, &create);
}

const struct store_req *ask_create_with(struct store_fixture *fixture,
                                        const struct session *session,
                                        const struct store_create *create)
{
    const struct store_req req = {.op = STORE_CREATE, .session = *session, .create = *create};

    return store_fixture_run(fixture, 0, &req);
}

const struct store_req *ask_heartbeat(struct store_fixture *fixture, const struct session *session)
{
    return ask(fixture, STORE_HEARTBEAT, session);
}

const struct store_req *ask_check(struct store_fixture *fixture, const struct session *session)
{
    return ask(fixture, STORE_CHECK, session);
}

const struct store_req *ask_get(struct store_fixture *fixture, const struct session *session)
{
    return ask(fixture, STORE_GET, session);
}

const struct store_req *ask_end(struct store_fixture *fixture, const struct session *session,
                                enum end_reason reason)
{
    const struct store_end end = {.reason = reason};

    return ask_end_with(fixture, session, &end);
}

const struct store_req *ask_end_with(struct store_fixture *fixture, const struct session *session,
                                     const struct store_end *end)
{
    const struct store_req req = {.op = STORE_END, .session = *session, .end = *end};

    return store_fixture_run(fixture, 0, &req);
}

const struct store_req *ask_revive(struct store_fixture *fixture, const struct session *session,
                                   int64_t issued_ms)
{
    struct store_req req = {.op = STORE_REVIVE, .session = *session, .create = ask_limits(-1, -1)};

    req.create.issued_ms = issued_ms;
    return store_fixture_run(fixture, 0, &req);
}

const struct store_req *ask_zap(struct store_fixture *fixture, const struct session *session,
                                const char *media, const char *title)
{
    struct store_req req = {.op = STORE_ZAP, .session = *session};

    snprintf(req.session.media_id, sizeof req.session.media_id, "%s", media);
    snprintf(req.session.media_title, sizeof req.session.media_title, "%s", title);
    return store_fixture_run(fixture, 0, &req);
}

/* Asks about a family or a device alone. */
static const struct store_req *ask_about(struct store_fixture *fixture, const struct store_req *req,
                                         const char *family, const char *device)
{
    struct store_req named = *req;

    snprintf(named.session.family_id, sizeof named.session.family_id, "%s", family);
    snprintf(named.session.device_id, sizeof named.session.device_id, "%s", device);
    return store_fixture_run(fixture, 0, &named);
}

const struct store_req *ask_list(struct store_fixture *fixture, const char *family)
{
    return ask_about(fixture, &(struct store_req){.op = STORE_LIST}, family, "");
}

const struct store_req *ask_sweep(struct store_fixture *fixture)
{
    return ask_about(fixture, &(struct store_req){.op = STORE_SWEEP}, "", "");
}

const struct store_req *ask_revoke(struct store_fixture *fixture, const char *family,
                                   const char *device, const char *message, int64_t for_ms)
{
    struct store_req req = {.op = STORE_REVOKE, .for_ms = for_ms};

    snprintf(req.end.message, sizeof req.end.message, "%s", message);
    return ask_about(fixture, &req, family, device);
}

const struct store_req *ask_set_limits(struct store_fixture *fixture, const char *family,
                                       int family_limit, int device_limit, int64_t for_ms)
{
    const struct store_req req = {
        .op = STORE_SET_LIMITS, .create = ask_limits(family_limit, device_limit), .for_ms = for_ms};

    return ask_about(fixture, &req, family, "");
}

struct session ask_begin(struct store_fixture *fixture, const char *family, const char *device)
{
    struct session session = ask_session(family, device);
    const struct store_req *answer = ask_create(fixture, &session);

    ASSERT_ERR(answer, ERR_OK);
    session.started_ms = answer->session.started_ms;
    return session;
}

struct session ask_begin_silent(struct store_fixture *fixture, const char *family,
                                const char *device, int64_t silent_ms)
{
    const struct session session = ask_begin(fixture, family, device);

    store_fixture_age(fixture, session.id, silent_ms);
    return session;
}

void ask_fill(struct store_fixture *fixture, const char *family, const char *device_prefix,
              struct session *ret_sessions, int count)
{
    for (int i = 0; i < count; i++) {
        char device[SESSION_NAME_MAX + 1];

        snprintf(device, sizeof device, "%s%d", device_prefix, i);
        ret_sessions[i] = ask_session(family, device);
        ASSERT_ERR(ask_create(fixture, &ret_sessions[i]), ERR_OK);
    }
}
