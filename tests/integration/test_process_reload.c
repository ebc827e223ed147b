/* SIGHUP: keys change while viewers watch, and none of them notices. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin_fixture.h"
#include "clock.h"
#include "event_stream.h"
#include "jwt_issuer.h"
#include "temp_dir.h"

TestSuite(process_reload, .timeout = 120);

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f"

enum {
    THREADS = 3, /* of a gateway that gateway_process starts: two workers, and the admin thread */
    VIEWERS = 4, /* that watch while keys change */
    RELOADS = 24 /* meanwhile */
};

static char *dir, *file;

/* Writes the file that settings are read from, whole or not at all. */
static void write_file(const char *text)
{
    char *fresh = temp_dir_write(dir, "fresh", text);

    free(file);
    file = temp_dir_path(dir, "file");
    cr_assert_eq(rename(fresh, file), 0);
    free(fresh);
}

static void set_up(void)
{
    dir = temp_dir_make();
}

static void tear_down(void)
{
    free(file);
    temp_dir_remove(dir);
}

/*
 * Sends SIGHUP once the main thread sleeps, as it does but for moments: ThreadSanitizer puts a signal off to the next
 * call of its thread, and one that comes just before it goes to sleep until it wakes.
 */
static void hang_up(struct gateway_process *gateway)
{
    int64_t until_ms = clock_monotonic_ms() + 20000;
    char state = '?';

    gateway_process_wait_log(gateway, " serving ");
    while (state != 'S' && clock_monotonic_ms() < until_ms) {
        int pid = gateway_process_pid(gateway);
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, pid);
        FILE *stat = fopen(path, "r");

        cr_assert_not_null(stat);
        if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
            state = '?';
        fclose(stat);
    }
    cr_assert_eq(state, 'S', "the main thread doesn't sleep");
    gateway_process_signal(gateway, SIGHUP);
}

/* Has the gateway, which must log at debug, read again; waits until every thread has the n-th set of keys. */
static void reload(struct gateway_process *gateway, unsigned n)
{
    hang_up(gateway);
    gateway_process_wait_log_times(gateway, "keys taken over", n * THREADS);
}

static int beat(struct http_client *client, const struct api_session *session)
{
    return api_status(api_call(client, "POST", session, "/heartbeat"));
}

/* One client to each worker can't be chosen: so many that each has one, most likely. */
static void expect_beats(struct gateway_process *gateway, const struct api_session *session,
                         int status)
{
    for (int i = 0; i < 16; i++) {
        struct http_client *client = http_client_new(gateway_process_player(gateway));

        cr_expect_eq(beat(client, session), status);
        http_client_free(client);
    }
}

Test(process_reload, a_token_key_is_appended_promoted_and_dropped, .init = set_up,
     .fini = tear_down)
{
    write_file(KEY_A "\n");
    const char *env[] = {api_text("GATEWAY_TOKENS_KEYS_FILE=%s", file), "GATEWAY_LOG_LEVEL=debug",
                         NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    struct api_session by_a = api_admit(api.client, "f1", "d1", NULL);

    expect_beats(api.gateway, &by_a, 200); /* every thread has opened it once */
    write_file(KEY_A "\n" KEY_B "\n");
    reload(api.gateway, 1);
    expect_beats(api.gateway, &by_a, 200);

    write_file(KEY_B "," KEY_A);
    reload(api.gateway, 2);
    struct api_session by_b = api_admit(api.client, "f1", "d1", NULL);
    expect_beats(api.gateway, &by_a, 200);
    expect_beats(api.gateway, &by_b, 200);

    write_file(KEY_B);
    reload(api.gateway, 3);
    expect_beats(api.gateway, &by_a, 401);
    expect_beats(api.gateway, &by_b, 200);
    cr_expect_eq(api_status(api_watch(api.client, &by_a)), 401);
    cr_expect_eq(api_status(api_watch(api.client, &by_b)), 200);
    api_fixture_stop(&api);
}

static int create_by(struct http_client *client, const char *secret)
{
    return api_status(http_client_ask(
        client, "POST", "/v1/sessions", api_text("Authorization: Bearer %s\r\n", secret),
        api_json("{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m'}")));
}

Test(process_reload, an_api_key_is_added_and_taken_away, .init = set_up, .fini = tear_down)
{
    write_file("old:secret-1");
    const char *env[] = {"GATEWAY_AUTH_MODE=api_key",
                         api_text("GATEWAY_AUTH_API_KEYS_FILE=%s", file), "GATEWAY_LIMITS_DEVICE=0",
                         "GATEWAY_LOG_LEVEL=debug", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    cr_expect_eq(create_by(api.client, "secret-1"), 201);
    cr_expect_eq(create_by(api.client, "secret-2"), 401);
    write_file("old:secret-1\nnew:secret-2\n");
    reload(api.gateway, 1);
    cr_expect_eq(create_by(api.client, "secret-1"), 201);
    cr_expect_eq(create_by(api.client, "secret-2"), 201);
    write_file("new:secret-2\n");
    reload(api.gateway, 2);
    cr_expect_eq(create_by(api.client, "secret-1"), 401);
    cr_expect_eq(create_by(api.client, "secret-2"), 201);
    api_fixture_stop(&api);
}

Test(process_reload, an_admin_token_changes, .init = set_up, .fini = tear_down)
{
    write_file("ops:token-1");
    const char *env[] = {api_text("GATEWAY_ADMIN_TOKEN_FILE=%s", file), "GATEWAY_LOG_LEVEL=debug",
                         NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    struct http_client *admin = http_client_new(gateway_process_admin(api.gateway));

    for (int i = 1; i <= 2; i++) {
        for (int j = 1; j <= 2; j++)
            cr_expect_eq(api_status(http_client_ask(
                             admin, "GET", "/admin/v1/config",
                             api_text("Authorization: Bearer token-%d\r\n", j), NULL)),
                         i == j ? 200 : 401);
        write_file("ops:token-2");
        if (i == 1)
            reload(api.gateway, 1);
    }
    http_client_free(admin);
    api_fixture_stop(&api);
}

Test(process_reload, the_live_feed_ends_and_begins_again_for_those_who_still_may, .init = set_up,
     .fini = tear_down)
{
    write_file(ADMIN_NAME ":" ADMIN_SECRET);
    const char *env[] = {api_text("GATEWAY_ADMIN_TOKEN_FILE=%s", file), "GATEWAY_LOG_LEVEL=debug",
                         NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    const char *address = gateway_process_admin(api.gateway);
    struct event_stream *streams[3];

    for (unsigned n = 1; n <= 2; n++) {
        for (size_t i = 0; i < 3; i++)
            streams[i] = event_stream_open_ready(address, "", NULL);
        if (n == 2)
            write_file(ADMIN_NAME ":another-token-of-ops");
        reload(api.gateway, n);
        for (size_t i = 0; i < 3; i++) {
            cr_expect_null(event_stream_next(streams[i]));
            event_stream_close(streams[i]);
        }
    }
    struct http_client *admin = http_client_new(address);
    api_expect_refused(http_client_ask(admin, "GET", "/admin/v1/events", ADMIN_HEADER, NULL), 401,
                       "unauthorized");
    http_client_free(admin);
    api_fixture_stop(&api);
}

static int create_by_jwt(struct http_client *client, const struct jwt_issuer *issuer)
{
    return create_by(client, jwt_issuer_sign(issuer, api_json("{'sub':'u','family':'f','exp':%lld}",
                                                              (long long)time(NULL) + 600)));
}

Test(process_reload, an_issuer_rotates_its_keys, .init = set_up, .fini = tear_down)
{
    struct jwt_issuer *old = jwt_issuer_new(JWT_ES256, "old"),
                      *new = jwt_issuer_new(JWT_RS256, "new");

    write_file(api_text("{\"keys\":[%s]}", jwt_issuer_jwk(old, NULL)));
    const char *env[] = {"GATEWAY_AUTH_MODE=jwt",
                         api_text("GATEWAY_AUTH_JWT_KEYS=%s", file),
                         "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=family",
                         "GATEWAY_LIMITS_DEVICE=0",
                         "GATEWAY_LOG_LEVEL=debug",
                         NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    cr_expect_eq(create_by_jwt(api.client, old), 201);
    cr_expect_eq(create_by_jwt(api.client, new), 401);
    write_file(
        api_text("{\"keys\":[%s,%s]}", jwt_issuer_jwk(old, NULL), jwt_issuer_jwk(new, NULL)));
    reload(api.gateway, 1);
    cr_expect_eq(create_by_jwt(api.client, old), 201);
    cr_expect_eq(create_by_jwt(api.client, new), 201);
    write_file(api_text("{\"keys\":[%s]}", jwt_issuer_jwk(new, NULL)));
    reload(api.gateway, 2);
    cr_expect_eq(create_by_jwt(api.client, old), 401);
    cr_expect_eq(create_by_jwt(api.client, new), 201);

    /* a wrong set changes nothing, and is told in one line */
    write_file("{\"keys\":[");
    hang_up(api.gateway);
    gateway_process_wait_log(api.gateway, "settings not reloaded");
    cr_expect_eq(create_by_jwt(api.client, new), 201);
    char *log = gateway_process_log(api.gateway);
    cr_expect_not_null(strstr(log, api_text("auth.jwt.keys: %s: begins like JSON", file)), "%s",
                       log);
    cr_expect_null(strstr(strstr(log, " error ") + 1, " error "), "more than one line: %s", log);
    free(log);
    jwt_issuer_free(old);
    jwt_issuer_free(new);
    api_fixture_stop(&api);
}

/* Starts a gateway on the settings file. */
static struct admin_fixture start_on_file(const char *text)
{
    struct admin_fixture fixture = {0};

    write_file(text);
    const char *args[] = {"--config", file, NULL};
    const char *env[] = {ADMIN_TOKEN, "GATEWAY_AUTH_MODE", NULL};
    fixture.api.gateway = gateway_process_spawn(env, args);
    gateway_process_wait_ready(fixture.api.gateway);
    fixture.api.client = http_client_new(gateway_process_player(fixture.api.gateway));
    fixture.client = http_client_new(gateway_process_admin(fixture.api.gateway));
    return fixture;
}

Test(process_reload, a_wrong_file_changes_nothing, .init = set_up, .fini = tear_down)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{", "file: line 1"},
        {"{\"log\":{\"level\":\"loud\"}}", "log.level"},
        {"{\"auth\":{\"mode\":\"open\",\"api_keys\":[\"nameless\"]}}", "auth.api_keys"},
        {"{\"auth\":{\"mode\":\"api_key\"}}", "auth.api_keys"},
        {"{\"auth\":{\"mode\":\"api_key\",\"api_keys\":[\"a:secret\"]}}", "needs a restart"},
        {"{\"auth\":{\"mode\":\"open\"},\"tokens\":{\"keys\":[\"" KEY_B "x\"]}}", "tokens.keys"},
    };
    struct admin_fixture admin = start_on_file("{\"auth\":{\"mode\":\"open\"},\"tokens\":{\"keys\":"
                                               "[\"" KEY_A "\"]},\"log\":{\"level\":\"debug\"}}");
    struct api_session session = api_admit(admin.api.client, "f", "d", NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(cases[i].text);
        hang_up(admin.api.gateway);
        gateway_process_wait_log_times(admin.api.gateway, "settings not reloaded", (unsigned)i + 1);
        gateway_process_wait_log(admin.api.gateway, cases[i].why);
        cr_expect_eq(beat(admin.api.client, &session), 200);
        cr_expect_eq(api_status(api_create(admin.api.client, "f2", "d2", NULL)), i < 2 ? 201 : 409);
    }
    char *log = gateway_process_log(admin.api.gateway);
    cr_expect_null(strstr(log, "keys taken over"), "%s", log);
    free(log);
    admin_fixture_stop(&admin);
}

Test(process_reload, the_settings_shown_are_those_in_force, .init = set_up, .fini = tear_down)
{
    struct admin_fixture admin = start_on_file("{\"log\":{\"level\":\"debug\"}}");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/config");

    cr_expect_eq(json_array_size(http_answer_member(&answer, "tokens.keys")), 0, "%s", answer.body);
    http_answer_done(&answer);
    for (unsigned i = 1; i <= 2; i++) {
        write_file(i == 1 ? "{\"log\":{\"level\":\"debug\"},\"tokens\":{\"keys\":[\"" KEY_A "\"]}}"
                          : "{\"log\":{\"level\":\"debug\"},\"tokens\":{\"keys\":[\"" KEY_A
                            "\",\"" KEY_B "\"]}}");
        reload(admin.api.gateway, i);
        answer = admin_get(admin.client, "/admin/v1/config");
        cr_expect_eq(json_array_size(http_answer_member(&answer, "tokens.keys")), i, "%s",
                     answer.body);
        cr_expect_null(strstr(answer.body, "0102"), "a key is shown: %s", answer.body);
        http_answer_done(&answer);
    }
    admin_fixture_stop(&admin);
}

/* ---- Viewers meanwhile ---- */

/* Viewers take a breath: each request is a line in the log, all of which the test reads again and again. */
enum { PAUSE_US = 2000 };

struct viewer {
    pthread_t thread;
    const char *address;        /* of the player listener */
    struct api_session session; /* its own; the token is renewed by zaps */
    const char *headers;        /* that it sends, or NULL */
    atomic_uint asked;          /* requests made */
    char trouble[256];          /* the first answer that wasn't 200; "" */
};

static atomic_bool is_over;

/* Asks, and keeps a token that the answer brings. */
static void ask(struct viewer *viewer, struct http_client *client, const char *method,
                const char *target, const char *body)
{
    struct http_answer answer = http_client_ask(client, method, target, viewer->headers, body);
    const char *token = http_answer_text(&answer, "token");

    atomic_fetch_add(&viewer->asked, 1);
    if (answer.status != 200 && viewer->trouble[0] == '\0')
        snprintf(viewer->trouble, sizeof viewer->trouble, "%s %.12s: %d %.200s", method, target,
                 answer.status, answer.body);
    if (token[0] != '\0')
        snprintf(viewer->session.token, sizeof viewer->session.token, "%s", token);
    http_answer_done(&answer);
}

static void *watch(void *arg)
{
    struct viewer *viewer = arg;
    struct http_client *client = http_client_new(viewer->address);
    char target[1500];

    while (!atomic_load(&is_over)) {
        snprintf(target, sizeof target, "/v1/authorize?stream_token=%s", viewer->session.token);
        ask(viewer, client, "GET", target, NULL);
        snprintf(target, sizeof target, "/v1/sessions/%s/heartbeat", viewer->session.token);
        ask(viewer, client, "POST", target, NULL);
        ask(viewer, client, "POST", target, "{\"mediaId\":\"m1\"}");
        usleep(PAUSE_US);
    }
    http_client_free(client);
    return NULL;
}

static void *look(void *arg)
{
    struct viewer *viewer = arg;
    struct http_client *client = http_client_new(viewer->address);

    while (!atomic_load(&is_over)) {
        ask(viewer, client, "GET", "/v1/families/f/sessions", NULL);
        usleep(PAUSE_US);
    }
    http_client_free(client);
    return NULL;
}

static struct viewer viewers[VIEWERS];

static void begin_watching(const struct api_fixture *api, void *(*run)(void *arg))
{
    for (int i = 0; i < VIEWERS; i++) {
        viewers[i].address = gateway_process_player(api->gateway);
        cr_assert_eq(pthread_create(&viewers[i].thread, NULL, run, &viewers[i]), 0);
    }
}

/* Waits until each has asked twice more: once, at least, from first to last with the keys of now. */
static void wait_for_all(void)
{
    int64_t until_ms = clock_monotonic_ms() + 20000;

    for (int i = 0; i < VIEWERS; i++) {
        unsigned enough = atomic_load(&viewers[i].asked) + 2;

        while (atomic_load(&viewers[i].asked) < enough && clock_monotonic_ms() < until_ms)
            usleep(500);
        cr_assert_geq(atomic_load(&viewers[i].asked), enough, "viewer %d: %s", i,
                      viewers[i].trouble);
    }
}

static void expect_no_trouble(void)
{
    atomic_store(&is_over, true);
    for (int i = 0; i < VIEWERS; i++) {
        pthread_join(viewers[i].thread, NULL);
        cr_expect_str_eq(viewers[i].trouble, "");
    }
}

Test(process_reload, no_viewer_is_refused_while_keys_are_rotated_again_and_again, .init = set_up,
     .fini = tear_down)
{
    write_file(KEY_A "," KEY_B);
    const char *env[] = {api_text("GATEWAY_TOKENS_KEYS_FILE=%s", file), "GATEWAY_AUTH_MODE=open",
                         "GATEWAY_LOG_LEVEL=debug", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    for (int i = 0; i < VIEWERS; i++)
        viewers[i].session = api_admit(api.client, api_text("f%d", i), api_text("d%d", i), NULL);
    begin_watching(&api, watch);
    for (unsigned n = 1; n <= RELOADS; n++) {
        write_file(n % 2 == 0 ? KEY_A "," KEY_B : KEY_B "," KEY_A);
        reload(api.gateway, n);
        wait_for_all();
    }
    expect_no_trouble();
    api_fixture_stop(&api);
}

Test(process_reload, no_caller_is_refused_while_the_issuer_adds_keys_and_drops_others,
     .init = set_up, .fini = tear_down)
{
    struct jwt_issuer *old = jwt_issuer_new(JWT_ES256, "old"),
                      *new = jwt_issuer_new(JWT_RS256, "new");
    char headers[4096];

    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n",
             jwt_issuer_sign(old, api_json("{'sub':'u','family':'f','exp':%lld}",
                                           (long long)time(NULL) + 600)));
    write_file(api_text("{\"keys\":[%s]}", jwt_issuer_jwk(old, NULL)));
    const char *env[] = {"GATEWAY_AUTH_MODE=jwt", api_text("GATEWAY_AUTH_JWT_KEYS=%s", file),
                         "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=family", "GATEWAY_LOG_LEVEL=debug", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    for (int i = 0; i < VIEWERS; i++)
        viewers[i].headers = headers;
    begin_watching(&api, look);
    for (unsigned n = 1; n <= RELOADS; n++) {
        write_file(n % 2 == 0 ? api_text("{\"keys\":[%s]}", jwt_issuer_jwk(old, NULL))
                              : api_text("{\"keys\":[%s,%s]}", jwt_issuer_jwk(new, NULL),
                                         jwt_issuer_jwk(old, NULL)));
        reload(api.gateway, n);
        wait_for_all();
    }
    expect_no_trouble();
    jwt_issuer_free(old);
    jwt_issuer_free(new);
    api_fixture_stop(&api);
}
