/* What all calls have in common: problems, request ids, methods, types and sizes of bodies. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_fixture.h"

TestSuite(api_errors, .timeout = 60);

static struct api_fixture api;

static void start(void)
{
    api = api_fixture_start(API_EMBEDDED, NULL);
}

static void stop(void)
{
    api_fixture_stop(&api);
}

static const char whole[] = "{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m'}";

Test(api_errors, a_problem_has_exactly_the_members_of_every_problem, .init = start, .fini = stop)
{
    struct http_answer answer =
        http_client_ask(api.client, "POST", "/v1/sessions", NULL, api_json("{'userId':'u'}"));

    api_expect_problem(&answer, 400, "invalid_request");
    cr_expect_str_eq(http_answer_text(&answer, "title"), "Bad Request");
    api_expect_detail(&answer, "familyId");
    cr_expect_eq(json_object_size(answer.json), 5, "%s", answer.body);
    http_answer_done(&answer);
}

Test(api_errors, an_unknown_path_is_404, .init = start, .fini = stop)
{
    static const char *const targets[] = {"/",
                                          "/v1",
                                          "/v1/session",
                                          "/v1/sessions/",
                                          "/v1/sessions/a/b",
                                          "/v1/sessions/a/heartbeat/",
                                          "//v1/sessions",
                                          "/V1/sessions"};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        api_expect_refused(http_client_ask(api.client, "POST", targets[i], NULL, api_json(whole)),
                           404, "not_found");
}

Test(api_errors, a_wrong_method_is_405_and_says_what_the_path_can, .init = start, .fini = stop)
{
    static const struct {
        const char *method, *target, *allow;
    } cases[] = {
        {"GET", "/v1/sessions", "POST"},
        {"PUT", "/v1/sessions", "POST"},
        {"GET", "/v1/sessions/a/heartbeat", "POST"},
        {"DELETE", "/v1/sessions/a/stop", "POST"},
        {"POST", "/v1/sessions/a", "GET, HEAD, DELETE"},
        {"POST", "/healthz", "GET, HEAD"},
        {"DELETE", "/readyz", "GET, HEAD"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer answer =
            http_client_ask(api.client, cases[i].method, cases[i].target, NULL, NULL);

        api_expect_problem(&answer, 405, "method_not_allowed");
        api_expect_header(&answer, "Allow", cases[i].allow);
        http_answer_done(&answer);
    }
}

/* A whole create, made longer by spaces. */
static char *padded(size_t len)
{
    char *body = malloc(len + 1);

    memset(body, ' ', len);
    memcpy(body, api_json(whole), strlen(whole));
    body[len] = '\0';
    return body;
}

Test(api_errors, a_body_of_16_kib_is_read_and_a_longer_one_is_413, .init = start, .fini = stop)
{
    const struct {
        const char *target;
        size_t len;
        int status;
    } cases[] = {{"/v1/sessions", 16 * 1024, 201},
                 {"/v1/sessions", 16 * 1024 + 1, 413},
                 {"/v1/sessions", 1024 * 1024, 413},
                 {"/v1/sessions/a/heartbeat", 16 * 1024 + 1, 413},
                 {"/v1/sessions/a/stop", 16 * 1024 + 1, 413}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *body = padded(cases[i].len);
        struct http_answer answer =
            http_client_ask(api.client, "POST", cases[i].target, NULL, body);

        if (cases[i].status == 413)
            api_expect_problem(&answer, 413, "payload_too_large");
        else
            cr_expect_eq(answer.status, cases[i].status, "%s", answer.body);
        http_answer_done(&answer);
        free(body);
    }
}

Test(api_errors, only_json_is_read_as_a_body, .init = start, .fini = stop)
{
    static const struct {
        const char *type;
        bool is_read;
    } cases[] = {{"application/json", true},
                 {"application/json; charset=utf-8", true},
                 {"APPLICATION/JSON;x=y", true},
                 {"application/json ; charset=\"utf-8\"", true},
                 {"application/jsonp", false},
                 {"application/problem+json", false},
                 {"text/plain", false},
                 {"application/x-www-form-urlencoded", false},
                 {"", false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer answer = http_client_ask(
            api.client, "POST", "/v1/sessions", api_text("Content-Type: %s\r\n", cases[i].type),
            api_json("{'userId':'u','familyId':'f%zu','deviceId':'d%zu','mediaId':'m'}", i, i));

        if (cases[i].is_read)
            cr_expect_eq(answer.status, 201, "%s: %s", cases[i].type, answer.body);
        else
            api_expect_problem(&answer, 415, "unsupported_media_type");
        http_answer_done(&answer);
    }
}

Test(api_errors, takes_a_request_id_and_gives_it_back_on_every_answer, .init = start, .fini = stop)
{
    static const char sixty_four[] =
        "0123456789.abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWX-Z";
    static const char *const ids[] = {"a", sixty_four, "-._",
                                      "7f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5"};
    static const char *const targets[] = {"/v1/authorize", "/healthz", "/v1/sessions/x",
                                          "/nothing"};

    cr_assert_eq(strlen(sixty_four), 64);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
            struct http_answer answer = http_client_ask(
                api.client, "GET", targets[j], api_text("X-Request-Id: %s\r\n", ids[i]), NULL);

            api_expect_header(&answer, "X-Request-Id", ids[i]);
            cr_expect_null(http_answer_header_at(&answer, "X-Request-Id", 1));
            http_answer_done(&answer);
        }
}

Test(api_errors, makes_a_request_id_where_there_is_none_to_be_taken, .init = start, .fini = stop)
{
    static const char *const headers[] = {
        "",
        "X-Request-Id: \r\n",
        "X-Request-Id: a b\r\n",
        "X-Request-Id: a/b\r\n",
        "X-Request-Id: \"quoted\"\r\n",
        "X-Request-Id: \xc3\xbc\r\n",
        "X-Request-Id: 01234567890123456789012345678901234567890123456789012345678901234\r\n"};
    char last[65] = "";

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct http_answer answer =
            http_client_ask(api.client, "GET", "/healthz", headers[i], NULL);
        const char *id = http_answer_header(&answer, "X-Request-Id");

        cr_assert_not_null(id);
        cr_expect_geq(strlen(id), 8);
        cr_expect_eq(
            strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"),
            strlen(id), "%s", id);
        cr_expect_str_neq(id, last);
        snprintf(last, sizeof last, "%s", id);
        http_answer_done(&answer);
    }
}

/* The wall clock's second that an answer's one Date names. */
static time_t date_of(const char *target)
{
    struct http_answer answer = http_client_ask(api.client, "GET", target, "", NULL);
    const char *date = http_answer_header(&answer, "Date");
    struct tm tm = {0};

    cr_assert_not_null(date, "%s", target);
    cr_assert_null(http_answer_header_at(&answer, "Date", 1), "%s", target);
    const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    cr_assert(end != NULL && *end == '\0', "%s", date);
    http_answer_done(&answer);
    return timegm(&tm);
}

Test(api_errors, dates_every_answer_also_one_that_is_sent_again_and_again, .init = start,
     .fini = stop)
{
    static const char *const targets[] = {"/v1/authorize", "/healthz", "/nothing"};
    time_t began = time(NULL), last = 0;

    do {
        for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
            time_t before = time(NULL);

            last = date_of(targets[i]);
            cr_assert(last >= before - 1 && last <= time(NULL), "%s", targets[i]);
        }
    } while (last <= began + 1);
}

Test(api_errors, has_one_date_also_on_the_answers_that_close_connections, .init = start,
     .fini = stop)
{
    enum { CLIENTS = 4 };
    struct http_client *clients[CLIENTS];
    struct http_client *slow = http_client_new(gateway_process_player(api.gateway));

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = http_client_new(gateway_process_player(api.gateway));
        for (int j = 0; j < 2; j++) { /* so that the shared answers exist */
            struct http_answer answer =
                http_client_ask(clients[i], "GET", "/v1/authorize", "", NULL);
            http_answer_done(&answer);
            answer = http_client_ask(clients[i], "GET", "/healthz", "", NULL);
            http_answer_done(&answer);
        }
    }
    /* A request whose body is still to come keeps the gateway from ending. */
    http_client_send(slow, "POST", "/v1/sessions",
                     "Content-Length: 10\r\nContent-Type: application/json\r\n", NULL);
    gateway_process_signal(api.gateway, SIGTERM);
    gateway_process_wait_log(api.gateway, "stopping");
    for (int i = 0; i < CLIENTS; i++) {
        struct http_answer answer = {.status = 200};

        for (int j = 0; j < 50 && answer.status != 0; j++) {
            answer = http_client_ask(clients[i], "GET", i % 2 == 0 ? "/v1/authorize" : "/healthz",
                                     "", NULL);
            if (answer.status != 0) {
                cr_expect_not_null(http_answer_header_at(&answer, "Date", 0));
                cr_expect_null(http_answer_header_at(&answer, "Date", 1));
            }
            bool closes = answer.status != 0 && http_answer_header(&answer, "Connection") != NULL;
            http_answer_done(&answer);
            if (closes)
                break;
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        http_client_free(clients[i]);
    http_client_free(slow);
}

Test(api_errors, logs_the_request_id_with_session_and_code, .init = start, .fini = stop)
{
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);
    struct http_answer answer = http_client_ask(
        api.client, "GET", api_text("/v1/sessions/%s", session.id),
        api_text("X-Request-Id: find-me\r\n%s", api_token_header(session.token)), NULL);

    cr_expect_eq(answer.status, 200);
    http_answer_done(&answer);
    gateway_process_wait_log(api.gateway, "id=find-me");
    char *log = gateway_process_log(api.gateway);
    char *line = strstr(log, "id=find-me");
    while (line > log && line[-1] != '\n')
        line--;
    line[strcspn(line, "\n")] = '\0';
    cr_expect_not_null(strstr(line, api_text("session=%s", session.id)), "%s", line);
    cr_expect_not_null(strstr(line, "status=200"), "%s", line);
    cr_expect_not_null(strstr(line, "route=/v1/sessions/{id}"), "%s", line);
    free(log);
}

Test(api_errors, keeps_a_connection_through_answers_of_all_kinds, .init = start, .fini = stop)
{
    struct api_session session = api_admit(api.client, "f1", "d1", NULL);

    for (int i = 0; i < 3; i++) {
        api_expect_refused(http_client_ask(api.client, "GET", "/nothing", NULL, NULL), 404,
                           "not_found");
        api_expect_refused(http_client_ask(api.client, "POST", "/v1/sessions", NULL, "{"), 400,
                           "invalid_json");
        cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
        cr_expect_eq(api_status(http_client_ask(api.client, "GET", "/v1/authorize", NULL, NULL)),
                     401);
        cr_expect_eq(api_status(http_client_ask(api.client, "HEAD", "/healthz", NULL, NULL)), 200);
    }
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
    api_expect_refused(api_call(api.client, "GET", &session, ""), 410, "session_ended");
    cr_expect_eq(http_client_connections(api.client), 1);
}
