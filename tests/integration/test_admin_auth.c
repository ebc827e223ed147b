/* Who may use the admin listener. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin_fixture.h"
#include "clock.h"
#include "raw_http.h"
#include "temp_dir.h"

TestSuite(admin_auth, .timeout = 60);

/* All calls, and paths that are none. */
static const struct {
    const char *method, *target;
} calls[] = {
    {"GET", "/admin/v1/stats"},
    {"GET", "/admin/v1/sessions"},
    {"GET", "/admin/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA"},
    {"DELETE", "/admin/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA"},
    {"GET", "/admin/v1/families/f"},
    {"DELETE", "/admin/v1/families/f/sessions"},
    {"GET", "/admin/v1/families/f/limits"},
    {"PUT", "/admin/v1/families/f/limits"},
    {"DELETE", "/admin/v1/families/f/limits"},
    {"GET", "/admin/v1/devices/d"},
    {"DELETE", "/admin/v1/devices/d/sessions"},
    {"GET", "/admin/v1/config"},
    {"POST", "/admin/v1/drain"},
    {"DELETE", "/admin/v1/drain"},
    {"GET", "/admin/v1/nothing/of/that/kind"},
    {"PATCH", "/admin/v1/sessions"},
    {"GET", "/admin/v1/"},
    {"GET", "/admin/v1"},
    {"GET", "/admin/v2/sessions"},
    {"GET", "/admin/v1/events"},
    {"GET", "/metrics"},
};

enum { CALLS = sizeof calls / sizeof calls[0] };

static struct http_answer get_config(struct http_client *client, const char *headers)
{
    return http_client_ask(client, "GET", "/admin/v1/config", headers, NULL);
}

Test(admin_auth, tells_nothing_without_a_token)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    for (size_t i = 0; i < CALLS; i++) {
        struct http_answer answer =
            http_client_ask(admin.client, calls[i].method, calls[i].target, NULL, NULL);

        cr_expect_eq(answer.status, 401, "%s %s: %d", calls[i].method, calls[i].target,
                     answer.status);
        api_expect_problem(&answer, 401, "unauthorized");
        api_expect_detail(&answer, "admin token");
        http_answer_done(&answer);
    }
    /* nor has anything been done */
    cr_expect_eq(api_status(http_client_ask(admin.client, "GET", "/readyz", NULL, NULL)), 200);
    cr_expect_eq(api_status(http_client_ask(admin.client, "GET", "/healthz", NULL, NULL)), 200);
    admin_fixture_stop(&admin);
}

Test(admin_auth, says_with_a_token_what_there_is_not)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    api_expect_refused(admin_ask(admin.client, "GET", "/admin/v1/nothing", NULL), 404, "not_found");
    api_expect_refused(admin_ask(admin.client, "GET", "/admin/v1/", NULL), 404, "not_found");
    api_expect_refused(admin_ask(admin.client, "GET", "/admin/v2/sessions", NULL), 404,
                       "not_found");
    api_expect_refused(admin_ask(admin.client, "GET", "/admin/v1/%zz", NULL), 400,
                       "invalid_request");
    struct http_answer answer = admin_ask(admin.client, "PATCH", "/admin/v1/drain", NULL);
    api_expect_problem(&answer, 405, "method_not_allowed");
    api_expect_header(&answer, "Allow", "POST, DELETE");
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

Test(admin_auth, opens_to_each_of_its_tokens_named_or_not)
{
    static const char *const env[] = {"GATEWAY_ADMIN_TOKEN=plain-secret,ann:ann-secret,bob:a:b",
                                      NULL};
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"Authorization: Bearer plain-secret\r\n", 200},
        {"authorization: bearer ann-secret\r\n", 200},
        {"Authorization: Bearer a:b\r\n", 200},
        {"Authorization: Bearer ann:ann-secret\r\n", 401},
        {"Authorization: Bearer plain-secre\r\n", 401},
        {"Authorization: Bearer plain-secrett\r\n", 401},
        {"Authorization: Basic plain-secret\r\n", 401},
        {"X-Stream-Token: plain-secret\r\n", 401},
    };
    struct gateway_process *gateway = gateway_process_start(env);
    struct http_client *client = http_client_new(gateway_process_admin(gateway));

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(api_status(get_config(client, cases[i].header)), cases[i].status, "%s",
                     cases[i].header);
    http_client_free(client);
    gateway_process_stop(gateway);
}

Test(admin_auth, opens_to_the_token_that_it_made_for_itself)
{
    struct gateway_process *gateway = gateway_process_start(NULL);
    struct http_client *client = http_client_new(gateway_process_admin(gateway));
    FILE *file = fopen(api_text("%s/state/admin.token", gateway_process_dir(gateway)), "r");
    char secret[80] = "";

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%79s", secret), 1);
    fclose(file);
    cr_expect_eq(strlen(secret), 64);
    cr_expect_eq(api_status(get_config(client, api_text("Authorization: Bearer %s\r\n", secret))),
                 200);
    secret[63] ^= 1;
    api_expect_refused(get_config(client, api_text("Authorization: Bearer %s\r\n", secret)), 401,
                       "unauthorized");
    http_client_free(client);
    gateway_process_stop(gateway);
}

Test(admin_auth, neither_a_players_token_nor_an_api_key_opens_it_and_its_own_creates_no_sessions)
{
    static const char *const env[] = {API_KEY_MODE, NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);
    struct api_session session = api_admit_by_key(admin.api.client, "f1", "d1", NULL);

    api_expect_refused(get_config(admin.client, API_KEY_HEADER), 401, "unauthorized");
    api_expect_refused(
        get_config(admin.client, api_text("Authorization: Bearer %s\r\n", session.token)), 401,
        "unauthorized");
    api_expect_refused(
        http_client_ask(admin.api.client, "POST", "/v1/sessions", ADMIN_HEADER,
                        api_json("{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m'}")),
        401, "unauthorized");
    api_expect_refused(
        http_client_ask(admin.api.client, "GET", "/v1/families/f1/sessions", ADMIN_HEADER, NULL),
        401, "unauthorized");
    admin_fixture_stop(&admin);
}

/* The client's Host is gateway.test. */
Test(admin_auth, refuses_what_a_page_of_another_origin_sends)
{
    static const char *const foreign[] = {
        "Origin: null\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: http://gateway.test:8081\r\n",
        "Origin: gateway.test\r\n",
        "Origin: http://gateway.test.evil.example\r\n",
        "Origin: http://gateway.test/\r\n",
        "Origin: http://x@gateway.test\r\n",
        "Origin: http://gateway.test\r\nOrigin: https://evil.example\r\n",
    };
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        struct http_answer answer =
            get_config(admin.client, api_text("%s%s", ADMIN_HEADER, foreign[i]));

        cr_expect_eq(answer.status, 403, "%s: %d", foreign[i], answer.status);
        api_expect_problem(&answer, 403, "forbidden");
        api_expect_detail(&answer, "Origin");
        http_answer_done(&answer);
    }
    cr_expect_eq(
        api_status(get_config(admin.client, ADMIN_HEADER "Origin: http://gateway.test\r\n")), 200);
    cr_expect_eq(
        api_status(get_config(admin.client, ADMIN_HEADER "Origin: https://Gateway.test\r\n")), 200,
        "behind a proxy that speaks TLS and passes the Host on");
    admin_fixture_stop(&admin);
}

/* The status of an answer to somebody at another address of this machine. */
static int ask_from(const char *source, const char *listener, const char *secret)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, source, &from.sin_addr);
    to.sin_port = htons((uint16_t)atoi(strrchr(listener, ':') + 1));
    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    int status = raw_ask_status(
        fd, api_text("GET /admin/v1/config HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
                     secret));
    close(fd);
    return status;
}

/* Guesses until that is refused unjudged; returns how many were judged. */
static int guess_until_slowed(struct http_client *client)
{
    int judged = 0;

    for (;;) {
        struct http_answer answer = get_config(client, "Authorization: Bearer a-guess\r\n");

        cr_assert_lt(judged, 100, "nothing slows it down");
        if (answer.status == 429) {
            api_expect_problem(&answer, 429, "rate_limited");
            http_answer_done(&answer);
            return judged;
        }
        api_expect_refused(answer, 401, "unauthorized");
        judged++;
    }
}

Test(admin_auth, slows_down_who_guesses_and_nobody_elsewhere)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);
    const char *listener = gateway_process_admin(admin.api.gateway);

    cr_expect_geq(guess_until_slowed(admin.client), 5);
    cr_expect_eq(ask_from("127.0.0.2", listener, ADMIN_SECRET), 200);
    cr_expect_eq(ask_from("127.0.0.2", listener, "a-guess"), 401);
    cr_expect_eq(ask_from("127.0.0.1", listener, "a-guess"), 429, "over another connection");

    /* and who has the token is let in again soon, at the same address too */
    int64_t until_ms = clock_monotonic_ms() + 20000;
    int status;
    while ((status = api_status(get_config(admin.client, ADMIN_HEADER))) == 429)
        cr_assert_lt(clock_monotonic_ms(), until_ms, "still locked out");
    cr_expect_eq(status, 200);
    admin_fixture_stop(&admin);
}

Test(admin_auth, on_a_unix_socket_a_client_is_its_user)
{
    char *dir = temp_dir_make();
    const char *env[] = {api_text("GATEWAY_ADMIN_LISTEN=unix:%s/admin", dir), NULL};
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, env);

    guess_until_slowed(admin.client);
    char *log = gateway_process_log(admin.api.gateway);
    cr_expect_not_null(strstr(log, api_text("client=\"uid %u\"", (unsigned)getuid())), "%s", log);
    free(log);
    admin_fixture_stop(&admin);
    temp_dir_remove(dir);
}

Test(admin_auth, the_right_token_costs_no_guess)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    for (int i = 0; i < 50; i++)
        cr_assert_eq(api_status(get_config(admin.client, ADMIN_HEADER)), 200);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(api_status(get_config(admin.client, NULL)), 401, "no token is no guess");
    cr_expect_eq(api_status(get_config(admin.client, ADMIN_HEADER)), 200);
    admin_fixture_stop(&admin);
}

Test(admin_auth, logs_a_wrong_token_with_its_sender_and_never_itself)
{
    struct admin_fixture admin = admin_fixture_start(API_EMBEDDED, NULL);

    api_expect_refused(get_config(admin.client, "Authorization: Bearer a-guess-it-is\r\n"), 401,
                       "unauthorized");
    gateway_process_wait_log(admin.api.gateway, "wrong admin token");
    char *log = gateway_process_log(admin.api.gateway);
    cr_expect_not_null(strstr(log, "client=127.0.0.1"), "%s", log);
    cr_expect_null(strstr(log, "a-guess-it-is"), "%s", log);
    cr_expect_null(strstr(log, ADMIN_SECRET), "%s", log);
    free(log);
    admin_fixture_stop(&admin);
}
