/* What a gateway keeps and what it doesn't: the state directory, the log, a Redis that isn't there
 * yet. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_fixture.h"
#include "redis_server.h"
#include "temp_dir.h"

TestSuite(process_state, .timeout = 60);

static char *dir;

static void start(void)
{
    dir = temp_dir_make();
}

static void stop(void)
{
    temp_dir_remove(dir);
}

/* A text file's first line. */
static const char *read_line(const char *path)
{
    char line[256] = "";
    FILE *file = fopen(path, "r");

    cr_assert_not_null(file, "%s can't be read", path);
    cr_assert_not_null(fgets(line, sizeof line, file));
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return api_text("%s", line);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    cr_assert_eq(stat(path, &st), 0, "%s", path);
    return st.st_mode & 07777;
}

Test(process_state, makes_its_keys_for_its_owner_alone_and_logs_their_paths_alone, .init = start,
     .fini = stop)
{
    const char *env[] = {api_text("GATEWAY_STATE_DIR=%s/a/b", dir), NULL};
    struct gateway_process *gateway = gateway_process_start(env);
    char *log = gateway_process_log(gateway);
    static const char *const names[] = {"token.key", "admin.token"};

    cr_expect_eq(mode_of(api_text("%s/a/b", dir)), 0700);
    for (size_t i = 0; i < 2; i++) {
        const char *path = api_text("%s/a/b/%s", dir, names[i]);
        const char *secret = read_line(path);

        cr_expect_eq(mode_of(path), 0600);
        cr_expect_eq(strlen(secret), 64, "%s", secret);
        cr_expect_not_null(strstr(log, path), "%s", log);
        cr_expect_null(strstr(log, secret), "%s", log);
    }
    free(log);
    gateway_process_stop(gateway);
}

Test(process_state, keeps_its_keys_over_a_restart, .init = start, .fini = stop)
{
    struct redis_server *redis = redis_server_start((struct redis_server_options){0});
    const char *env[] = {api_text("GATEWAY_STATE_DIR=%s/state", dir),
                         api_text("REDIS_URL=%s", redis_server_url(redis)), NULL};
    struct api_session session = {0};

    for (int i = 0; i < 2; i++) {
        struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

        if (i == 0)
            session = api_admit(api.client, "f1", "d1", NULL);
        else
            cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
        api_fixture_stop(&api);
    }
    redis_server_stop(redis);
}

Test(process_state, refuses_tokens_of_another_state_directory, .init = start, .fini = stop)
{
    struct api_session session = {0};

    for (int i = 0; i < 2; i++) {
        const char *env[] = {api_text("GATEWAY_STATE_DIR=%s/state%d", dir, i), NULL};
        struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

        if (i == 0)
            session = api_admit(api.client, "f1", "d1", NULL);
        else
            api_expect_refused(api_call(api.client, "POST", &session, "/heartbeat"), 401,
                               "invalid_token");
        api_fixture_stop(&api);
    }
}

/* That a gateway with these settings ends with 2 and says this. */
static void expect_refusal(const char *const *env, const char *text)
{
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    int status = gateway_process_wait(gateway);
    char *log = gateway_process_log(gateway);

    cr_expect_eq(status, 2, "it ended with %d: %s", status, log);
    cr_expect_not_null(strstr(log, text), "%s isn't in: %s", text, log);
    free(log);
    gateway_process_free(gateway);
}

Test(process_state, a_directory_that_can_not_be_made_ends_with_2, .init = start, .fini = stop)
{
    char *file = temp_dir_write(dir, "file", "");
    const char *below_file[] = {api_text("GATEWAY_STATE_DIR=%s/state", file), NULL};
    const char *in_proc[] = {"GATEWAY_STATE_DIR=/proc/stream-gateway", NULL};

    /* what nobody may write to, root included */
    expect_refusal(below_file, "state_dir can't be used");
    expect_refusal(below_file, file);
    expect_refusal(in_proc, "/proc/stream-gateway: the directory can't be made");
    free(file);
}

Test(process_state, a_directory_is_not_needed_where_all_secrets_are_given, .init = start,
     .fini = stop)
{
    char *file = temp_dir_write(dir, "file", "");
    const char *env[] = {
        api_text("GATEWAY_STATE_DIR=%s/state", file), "GATEWAY_ADMIN_TOKEN=secret",
        "GATEWAY_TOKENS_KEYS=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        NULL};
    struct gateway_process *gateway = gateway_process_start(env);

    gateway_process_stop(gateway);
    free(file);
}

Test(process_state, a_key_that_others_can_read_ends_with_2, .init = start, .fini = stop)
{
    char *file = temp_dir_write(
        dir, "token.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
    const char *env[] = {api_text("GATEWAY_STATE_DIR=%s", dir), NULL};

    cr_assert_eq(chmod(file, 0644), 0);
    expect_refusal(env, "must be 0600");
    cr_assert_eq(chmod(file, 0600), 0);
    gateway_process_stop(gateway_process_start(env));
    free(file);
}

Test(process_state, takes_the_directory_that_systemd_gives, .init = start, .fini = stop)
{
    const char *env[] = {"GATEWAY_STATE_DIR", api_text("STATE_DIRECTORY=%s/given", dir), NULL};

    gateway_process_stop(gateway_process_start(env));
    cr_expect_eq(access(api_text("%s/given/token.key", dir), F_OK), 0);
}

/* Makes every call that there is, with a token in every place where one may stand. */
static void make_all_calls(struct http_client *client, const struct api_session *session)
{
    static const char *const calls[][2] = {
        {"POST", "/heartbeat"}, {"GET", ""},       {"PUT", ""},
        {"POST", "/nothing"},   {"POST", "/stop"}, {"DELETE", ""}};
    const char *header = api_token_header(session->token);
    const char *bearer = api_text("Authorization: Bearer %s\r\n", session->token);
    const char *rest = api_text("X-Original-URI: /a?stream_token=%s\r\n"
                                "Cookie: stream_token=%s\r\nReferer: http://x/?stream_token=%s\r\n",
                                session->token, session->token, session->token);

    for (int i = 0; i < 2; i++) {
        api_status(http_client_ask(client, "GET", "/v1/authorize", header, NULL));
        api_status(http_client_ask(client, "GET", "/v1/authorize", bearer, NULL));
        api_status(http_client_ask(client, "GET", "/v1/authorize", rest, NULL));
        for (size_t j = 0; j < sizeof calls / sizeof calls[0]; j++) {
            char target[3200];

            snprintf(target, sizeof target, "/v1/sessions/%s%s", session->id, calls[j][1]);
            api_status(http_client_ask(client, calls[j][0], target, header, NULL));
            api_status(http_client_ask(client, calls[j][0], target, bearer, NULL));
            snprintf(target, sizeof target, "/v1/sessions/%s%s", session->token, calls[j][1]);
            api_status(http_client_ask(client, calls[j][0], target, NULL, NULL));
            snprintf(target, sizeof target, "/v1/authorize/s/%s/a.ts?stream_token=%s",
                     session->token, session->token);
            api_status(http_client_ask(client, calls[j][0], target, NULL, NULL));
        }
        api_status(http_client_ask(
            client, "GET", api_text("/%s?x=%s", session->token, session->token), NULL, NULL));
        api_status(http_client_ask(
            client, "POST", "/v1/sessions", header,
            api_json("{'userId':7,'%s':1,'%s':1}", session->token, session->token)));
        api_status(http_client_ask(client, "GET", "/v1/authorize",
                                   api_text("X-Request-Id: %s\r\n", session->token), NULL));
        /* and what libmicrohttpd itself refuses and complains of */
        api_status(http_client_ask(client, "GET",
                                   api_text("/%s %s", session->token, session->token), NULL, NULL));
        api_status(http_client_ask(client, "GET", "/v1/authorize",
                                   api_text("X-Stream-Token : %s\r\n", session->token), NULL));
    }
}

Test(process_state, never_logs_a_token, .timeout = 60)
{
    static const char *const levels[] = {"GATEWAY_LOG_LEVEL=debug", "GATEWAY_LOG_LEVEL=info"};

    for (size_t i = 0; i < 2; i++)
        for (enum api_store store = API_EMBEDDED; store <= API_REDIS; store++) {
            const char *env[] = {levels[i], "GATEWAY_AUTH_MODE=open", NULL};
            struct api_fixture api = api_fixture_start(store, env);
            struct api_session session = api_admit(api.client, "f1", "d1", NULL), forged = session;

            forged.token[60] = forged.token[60] == 'A' ? 'B' : 'A';
            make_all_calls(api.client, &session);
            make_all_calls(api.client, &forged);
            gateway_process_wait_log(api.gateway, session.id);
            char *log = gateway_process_log(api.gateway);
            /* any part of it: behind the version and the key's name all of it is secret */
            for (size_t at = 8; at + 16 <= strlen(session.token); at += 16)
                cr_expect_null(memmem(log, strlen(log), session.token + at, 16),
                               "part of the token is in the log: %.16s", session.token + at);
            free(log);
            api_fixture_stop(&api);
        }
}

Test(process_state, never_logs_an_api_key_or_the_admin_token)
{
    const char *env[] = {"GATEWAY_LOG_LEVEL=debug", "GATEWAY_AUTH_MODE=api_key",
                         "GATEWAY_AUTH_API_KEYS=web:hidden-key", "GATEWAY_ADMIN_TOKEN=hidden-token",
                         NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    static const char *const headers[] = {"Authorization: Bearer hidden-key\r\n",
                                          "Authorization: Bearer hidden-guess\r\n"};

    for (size_t i = 0; i < 2; i++)
        api_status(http_client_ask(
            api.client, "POST", "/v1/sessions", headers[i],
            api_json("{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m'}")));
    gateway_process_wait_log(api.gateway, "status=401");
    char *log = gateway_process_log(api.gateway);
    cr_expect_null(strstr(log, "hidden"), "%s", log);
    free(log);
    api_fixture_stop(&api);
}

Test(process_state, starts_while_redis_is_away_and_serves_once_it_is_there)
{
    struct redis_server *redis = redis_server_start((struct redis_server_options){0});
    const char *env[] = {api_text("REDIS_URL=%s", redis_server_url(redis)),
                         "GATEWAY_REDIS_TIMEOUT_MS=200", "GATEWAY_WORKERS=1",
                         "GATEWAY_REDIS_ON_OUTAGE=deny", NULL};

    redis_server_kill(redis);
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    gateway_process_wait_listening(gateway);
    gateway_process_wait_log(gateway, "Redis connection failed");

    struct http_client *client = http_client_new(gateway_process_player(gateway));
    struct http_answer answer = http_client_ask(client, "GET", "/readyz", NULL, NULL);
    api_expect_problem(&answer, 503, "store_unavailable");
    cr_expect_str_eq(http_answer_text(&answer, "store.state"), "deny");
    http_answer_done(&answer);
    cr_expect_eq(api_status(http_client_ask(client, "GET", "/healthz", NULL, NULL)), 200);
    api_expect_refused(api_create(client, "f1", "d1", NULL), 503, "store_unavailable");

    redis_server_restart(redis);
    gateway_process_wait_ready(gateway);
    while (api_status(api_create(client, "f1", "d1", NULL)) != 201)
        ; /* the worker's own link may be back a little later */
    http_client_free(client);
    gateway_process_stop(gateway);
    redis_server_stop(redis);
}
