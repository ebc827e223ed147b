/* /admin/v1/events: an operator watches what happens. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "admin_fixture.h"
#include "event_feed.h"
#include "event_stream.h"
#include "redis_server.h"

TestSuite(embedded, .timeout = 100);
TestSuite(redis, .timeout = 100);
TestSuite(events, .timeout = 100);

/* No limit is in the way of a test that needs many sessions. */
static const char *const unlimited[] = {"GATEWAY_RATE_LIMIT_CREATE=0", "GATEWAY_LIMITS_FAMILY=0",
                                        "GATEWAY_LIMITS_DEVICE=0", NULL};

static const char *address_of(const struct admin_fixture *admin)
{
    return gateway_process_admin(admin->api.gateway);
}

static struct event_stream *watch(const struct admin_fixture *admin, const char *query)
{
    return event_stream_open_ready(address_of(admin), query, NULL);
}

static struct event_stream *resume(const struct admin_fixture *admin, const char *query,
                                   const char *id)
{
    return event_stream_open_ready(address_of(admin), query, api_text("Last-Event-ID: %s\r\n", id));
}

static struct http_answer create(struct http_client *player, const char *user, const char *family,
                                 const char *device, const char *media)
{
    return http_client_ask(
        player, "POST", "/v1/sessions", NULL,
        api_json("{'userId':'%s','familyId':'%s','deviceId':'%s','mediaId':'%s'}", user, family,
                 device, media));
}

static struct api_session admit(struct http_client *player, const char *user, const char *family,
                                const char *device, const char *media)
{
    struct http_answer answer = create(player, user, family, device, media);

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    struct api_session session = api_session_of(&answer);
    http_answer_done(&answer);
    return session;
}

/* That the next event is the start of this session. Returns it. */
static const struct event_block *expect_started(struct event_stream *stream,
                                                const struct api_session *session)
{
    const struct event_block *block = event_stream_expect(stream, "started");

    cr_assert_str_eq(event_block_text(block, "sessionId"), session->id, "%s", block->data);
    return block;
}

/* ---- What is told ---- */

ON_BOTH_STORES(each_event_is_told_as_it_happens)
{
    const char *env[] = {"GATEWAY_LIMITS_DEVICE=1", NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct http_client *player = admin.api.client;
    struct event_stream *stream = watch(&admin, "");

    struct api_session session = api_admit(player, "f1", "d1", NULL);
    const struct event_block *block = expect_started(stream, &session);
    cr_expect_str_eq(event_block_text(block, "id"), block->id);
    cr_expect_neq(block->id[0], '\0');
    cr_expect_str_eq(event_block_text(block, "type"), "started");
    cr_expect_str_eq(event_block_text(block, "userId"), "u1");
    cr_expect_str_eq(event_block_text(block, "familyId"), "f1");
    cr_expect_str_eq(event_block_text(block, "deviceId"), "d1");
    cr_expect_str_eq(event_block_text(block, "mediaId"), "m1");
    cr_expect_eq(strlen(event_block_text(block, "time")), 24, "%s", block->data);
    cr_expect_null(json_object_get(block->json, "cause"));
    cr_expect_null(json_object_get(block->json, "by"));
    cr_expect_null(json_object_get(block->json, "duration"));

    api_expect_refused(api_create(player, "f1", "d1", NULL), 409, "device_limit");
    block = event_stream_expect(stream, "denied");
    cr_expect_str_eq(event_block_text(block, "cause"), "device_limit");
    cr_expect_null(json_object_get(block->json, "sessionId"));

    admin_expect_terminated(admin.client, api_text("/admin/v1/sessions/%s?reason=test", session.id),
                            1);
    block = event_stream_expect(stream, "terminated");
    cr_expect_str_eq(event_block_text(block, "sessionId"), session.id);
    cr_expect_str_eq(event_block_text(block, "by"), ADMIN_NAME);
    cr_expect(json_is_integer(json_object_get(block->json, "duration")), "%s", block->data);
    event_stream_close(stream);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(a_watcher_is_told_what_it_asked_for_and_nothing_else)
{
    static const struct {
        const char *query;
        const char *expected; /* letters of the sessions, in small where the event is a stop */
    } cases[] = {
        {"", "ABCaD"},
        {"?family=f2", "BCD"},
        {"?device=d2", "BD"},
        {"?user=u2", "BD"},
        {"?media=m2", "BCD"},
        {"?media=m2&device=d1", "C"},
        {"?type=stopped", "a"},
        {"?type=denied,stopped&family=f1", "a"},
        {"?type=started,stopped&family=f1", "Aa"},
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    struct admin_fixture admin = admin_fixture_start(store, unlimited);
    struct http_client *player = admin.api.client;
    struct event_stream *streams[CASES];
    struct api_session sessions[5];

    for (size_t i = 0; i < CASES; i++)
        streams[i] = watch(&admin, cases[i].query);
    sessions[0] = admit(player, "u1", "f1", "d1", "m1");
    sessions[1] = admit(player, "u2", "f2", "d2", "m2");
    sessions[2] = admit(player, "u1", "f2", "d1", "m2");
    cr_expect_eq(api_status(api_call(player, "DELETE", &sessions[0], "")), 204);
    sessions[3] = admit(player, "u2", "f2", "d2", "m2");

    for (size_t i = 0; i < CASES; i++) {
        for (const char *at = cases[i].expected; *at != '\0'; at++) {
            bool stops = *at >= 'a';
            const struct event_block *block =
                event_stream_expect(streams[i], stops ? "stopped" : "started");

            cr_expect_str_eq(event_block_text(block, "sessionId"),
                             sessions[*at - (stops ? 'a' : 'A')].id, "%s to %s", block->data,
                             cases[i].query);
        }
        event_stream_close(streams[i]);
    }
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(what_was_asked_for_wrongly_is_refused_by_name)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    const char *ids[] = {"x", "12", "-1", "1-", "1-2-3", "1-x", "99999999999999999999999-1"};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        admin_expect_refused_for(
            http_client_ask(admin.client, "GET", "/admin/v1/events",
                            api_text(ADMIN_HEADER "Last-Event-ID: %s\r\n", ids[i]), NULL),
            "Last-Event-ID");
    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/events?type=foo", NULL),
                             "type");
    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/events?type=started,", NULL),
                             "type");
    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/events?family=", NULL),
                             "family");
    admin_expect_refused_for(admin_ask(admin.client, "GET", "/admin/v1/events?what=f1", NULL),
                             "what");
    cr_expect_eq(api_status(http_client_ask(admin.client, "GET", "/admin/v1/events", NULL, NULL)),
                 401);
    admin_fixture_stop(&admin);
}

/* ---- Resuming ---- */

ON_BOTH_STORES(a_watcher_that_comes_back_has_missed_nothing)
{
    struct admin_fixture admin = admin_fixture_start(store, unlimited);
    struct http_client *player = admin.api.client;
    struct event_stream *stream = watch(&admin, "");
    struct api_session sessions[6];
    char second[64];

    for (int i = 0; i < 3; i++)
        sessions[i] = api_admit(player, "f1", "d1", NULL);
    expect_started(stream, &sessions[0]);
    strcpy(second, expect_started(stream, &sessions[1])->id);
    expect_started(stream, &sessions[2]);
    event_stream_close(stream);

    for (int i = 3; i < 5; i++)
        sessions[i] = api_admit(player, "f1", "d1", NULL);
    struct event_stream *others = resume(&admin, "?family=f2", second);
    stream = resume(&admin, "?family=f1", second);
    for (int i = 2; i < 5; i++)
        expect_started(stream, &sessions[i]);
    sessions[5] = api_admit(player, "f1", "d1", NULL);
    expect_started(stream, &sessions[5]);
    sessions[0] = api_admit(player, "f2", "d1", NULL);
    expect_started(others, &sessions[0]);
    event_stream_close(stream);
    event_stream_close(others);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(a_resume_over_many_events_meets_those_that_happen_meanwhile)
{
    enum { BEFORE = 1700, MEANWHILE = 300, STEP = 4 };
    static char ids[BEFORE + MEANWHILE][24];
    struct admin_fixture admin = admin_fixture_start(store, unlimited);
    struct http_client *player = admin.api.client;
    struct event_stream *stream = watch(&admin, "");
    struct api_session session;
    char first[64];

    for (int i = 0; i < BEFORE; i++) {
        session = api_admit(player, api_text("f%d", i), "d1", NULL);
        strcpy(ids[i], session.id);
    }
    strcpy(first, event_stream_expect(stream, "started")->id);
    event_stream_close(stream);

    stream = resume(&admin, "", first);
    for (int i = 1, more = BEFORE; i < BEFORE + MEANWHILE; i++) {
        if (i % STEP == 0 && more < BEFORE + MEANWHILE) {
            session = api_admit(player, api_text("f%d", i), "d1", NULL);
            strcpy(ids[more++], session.id);
        }
        const struct event_block *block = event_stream_expect(stream, "started");
        cr_assert_str_eq(event_block_text(block, "sessionId"), ids[i], "the event %d: %s", i,
                         block->data);
    }
    event_stream_close(stream);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(an_event_that_was_never_there_is_a_gap)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct event_stream *stream = resume(&admin, "", "9999999999999-7");

    event_stream_expect(stream, "gap");
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    expect_started(stream, &session);
    event_stream_close(stream);
    admin_fixture_stop(&admin);
}

Test(embedded, what_was_before_the_start_is_a_gap)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    struct event_stream *stream = resume(&admin, "", "1700000000000-7");

    event_stream_expect(stream, "gap");
    expect_started(stream, &session);
    event_stream_close(stream);
    admin_fixture_stop(&admin);
}

/* ---- Many watchers, slow ones, and the end ---- */

ON_BOTH_STORES(a_hundred_watchers_are_told_the_same)
{
    enum { WATCHERS = 100, EVENTS = 20 };
    struct admin_fixture admin = admin_fixture_start(store, unlimited);
    struct event_stream *streams[WATCHERS];
    struct api_session sessions[EVENTS];

    for (int i = 0; i < WATCHERS; i++)
        streams[i] = watch(&admin, "");
    for (int i = 0; i < EVENTS; i++)
        sessions[i] = api_admit(admin.api.client, "f1", "d1", NULL);
    for (int i = 0; i < WATCHERS; i++)
        for (int n = 0; n < EVENTS; n++)
            expect_started(streams[i], &sessions[n]);
    for (int i = 0; i < WATCHERS; i++)
        event_stream_close(streams[i]);
    admin_fixture_stop(&admin);
}

Test(events, no_more_than_so_many_watch)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    struct event_stream *streams[EVENT_FEED_WATCHERS_MAX];
    int status;

    for (int i = 0; i < EVENT_FEED_WATCHERS_MAX; i++)
        streams[i] = watch(&admin, "");
    struct http_answer answer = admin_ask(admin.client, "GET", "/admin/v1/events", NULL);
    api_expect_problem(&answer, 503, "overloaded");
    api_expect_header(&answer, "Retry-After", "1");
    http_answer_done(&answer);
    /* a HEAD has no stream: it tells when a place is free */
    event_stream_close(streams[0]);
    do
        status = api_status(admin_ask(admin.client, "HEAD", "/admin/v1/events", NULL));
    while (status == 503);
    cr_expect_eq(status, 200);
    streams[0] = watch(&admin, "");
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    for (int i = 0; i < EVENT_FEED_WATCHERS_MAX; i++) {
        expect_started(streams[i], &session);
        event_stream_close(streams[i]);
    }
    admin_fixture_stop(&admin);
}

Test(events, a_slow_watcher_is_dropped_and_the_others_miss_nothing)
{
    enum { EVENTS = 16000, STEP = 1000, LONG = 120 };
    const char *env[] = {"GATEWAY_RATE_LIMIT_CREATE=0", "GATEWAY_LIMITS_FAMILY=1", NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);
    struct event_stream *slow = watch(&admin, ""), *quick = watch(&admin, "?type=denied");
    const struct event_block *block;
    char name[LONG + 1] = "";
    int told = 0;

    memset(name, 'f', LONG);
    admit(admin.api.client, name, name, name, name);
    for (int i = 0; i < EVENTS; i++) {
        cr_assert_eq(api_status(create(admin.api.client, name, name, name, name)), 409);
        if (i % STEP == STEP - 1)
            for (int n = 0; n < STEP; n++)
                event_stream_expect(quick, "denied");
    }
    while ((block = event_stream_next(slow)) != NULL)
        told++;
    cr_expect_lt(told, EVENTS, "a slow watcher had all of %d events waiting", EVENTS);
    event_stream_close(slow);
    event_stream_close(quick);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(a_stop_ends_the_streams_and_waits_for_none)
{
    enum { WATCHERS = 10 };
    struct admin_fixture admin = admin_fixture_start(store, unlimited);
    struct event_stream *streams[WATCHERS];

    for (int i = 0; i < WATCHERS; i++)
        streams[i] = watch(&admin, "");
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    expect_started(streams[0], &session);
    gateway_process_signal(admin.api.gateway, SIGTERM);
    while (event_stream_next(streams[0]) != NULL)
        ;
    for (int i = 0; i < WATCHERS; i++)
        event_stream_close(streams[i]);
    admin_fixture_stop(&admin);
}

/* ---- When the store is away ---- */

Test(events, tells_when_redis_goes_and_comes_back_and_what_happened_meanwhile)
{
    const char *env[] = {"GATEWAY_REDIS_TIMEOUT_MS=300", "GATEWAY_LIMITS_DEVICE=0", NULL};
    struct admin_fixture admin = admin_fixture_start(API_REDIS, env);
    struct event_stream *stream = watch(&admin, "");
    struct api_session session = api_admit(admin.api.client, "f1", "d1", NULL);
    const struct event_block *block;

    expect_started(stream, &session);
    redis_server_pause(admin.api.redis);
    block = event_stream_expect(stream, "store");
    cr_expect_str_eq(event_block_text(block, "kind"), "redis");
    cr_expect_str_eq(event_block_text(block, "state"), "fallback");

    struct event_stream *late = watch(&admin, "");
    cr_expect_str_eq(event_block_text(event_stream_expect(late, "store"), "state"), "fallback");
    session = api_admit(admin.api.client, "f1", "d2", NULL);
    block = expect_started(stream, &session);
    cr_expect_str_eq(block->id, "");
    expect_started(late, &session);

    redis_server_resume(admin.api.redis);
    do
        block = event_stream_next(stream);
    while (block != NULL && strcmp(block->event, "adopted") != 0);
    cr_assert_not_null(block);
    while (strcmp(event_block_text(block, "sessionId"), session.id) != 0)
        block = event_stream_expect(stream, "adopted");
    cr_expect_neq(block->id[0], '\0');
    event_stream_close(stream);
    event_stream_close(late);
    admin_fixture_stop(&admin);
}
