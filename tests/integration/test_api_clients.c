/* What is counted by a client's address, and who says which address that is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_fixture.h"
#include "raw_http.h"
#include "temp_dir.h"

TestSuite(clients, .timeout = 60);

/* It has the shape of a token, and isn't one. */
#define PIECE  "MDAwMDAwMDAwMDAwMDAwMDAw"
#define FORGED "ATAw" PIECE PIECE PIECE PIECE PIECE PIECE PIECE PIECE PIECE PIECE

static const char *const few[] = {"GATEWAY_RATE_LIMIT_REFUSED_TOKENS=3",
                                  "GATEWAY_TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8",
                                  "GATEWAY_LIMITS_DEVICE=0", "GATEWAY_LOG_LEVEL=debug", NULL};

/* The status of a look at a session with this token, through the one proxy that the tests are. */
static int look(struct http_client *client, const char *id, const char *token, const char *headers)
{
    return api_status(http_client_ask(client, "GET", api_text("/v1/sessions/%s", id),
                                      api_text("X-Stream-Token: %s\r\n%s", token, headers), NULL));
}

/* Sends so many forged tokens; how many of them were a 429. */
static int forge(struct http_client *client, int count, const char *headers)
{
    int limited = 0;

    for (int i = 0; i < count; i++) {
        int status = look(client, "AAAAAAAAAAAAAAAAAAAAAA", FORGED, headers);

        cr_expect(status == 401 || status == 429, "%d", status);
        limited += status == 429;
    }
    return limited;
}

Test(clients, refused_tokens_beyond_the_limit_are_a_429_that_says_when)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);
    const char *headers = "X-Forwarded-For: 192.0.2.1\r\n";
    struct http_answer answer;

    cr_expect_eq(forge(api.client, 3, headers), 0);
    cr_expect_eq(forge(api.client, 3, headers), 3);
    answer = http_client_ask(api.client, "GET", "/v1/sessions/" FORGED, headers, NULL);
    api_expect_problem(&answer, 429, "rate_limited");
    api_expect_header(&answer, "Retry-After", "60");
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(clients, a_good_token_is_never_refused_for_the_forged_ones_of_its_address)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);
    const char *headers = "X-Forwarded-For: 192.0.2.1\r\n";

    cr_expect_gt(forge(api.client, 20, headers), 0);
    for (int i = 0; i < 20; i++) { /* tokens that no thread has opened before */
        struct api_session session =
            api_admit(api.client, api_text("f%d", i), api_text("d%d", i), NULL);
        struct http_client *other = http_client_new(gateway_process_player(api.gateway));

        cr_expect_eq(look(other, session.id, session.token, headers), 200);
        cr_expect_eq(api_status(http_client_ask(
                         other, "GET", "/v1/authorize",
                         api_text("X-Stream-Token: %s\r\n%s", session.token, headers), NULL)),
                     200);
        http_client_free(other);
    }
    api_fixture_stop(&api);
}

Test(clients, authorize_says_401_however_many_were_refused)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);

    for (int i = 0; i < 20; i++) {
        struct http_answer answer = http_client_ask(api.client, "GET", "/v1/authorize",
                                                    "X-Stream-Token: " FORGED "\r\n", NULL);

        cr_expect_eq(answer.status, 401);
        api_expect_header(&answer, "X-Stream-Reason", "invalid_token");
        http_answer_done(&answer);
    }
    cr_expect_eq(forge(api.client, 1, ""), 1);
    api_fixture_stop(&api);
}

Test(clients, other_addresses_have_limits_of_their_own)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);

    cr_expect_eq(forge(api.client, 4, "X-Forwarded-For: 192.0.2.1\r\n"), 1);
    cr_expect_eq(forge(api.client, 3, "X-Forwarded-For: 192.0.2.2\r\n"), 0);
    cr_expect_eq(forge(api.client, 3, "Forwarded: for=192.0.2.3\r\n"), 0);
    cr_expect_eq(forge(api.client, 1, "Forwarded: for=192.0.2.3\r\n"), 1);
    cr_expect_eq(forge(api.client, 1, "X-Forwarded-For: 192.0.2.2, 10.9.9.9\r\n"), 1);
    api_fixture_stop(&api);
}

Test(clients, the_addresses_of_an_ipv6_network_are_one_client)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);

    cr_expect_eq(forge(api.client, 2, "X-Forwarded-For: 2001:db8:0:1::1\r\n"), 0);
    cr_expect_eq(forge(api.client, 2, "X-Forwarded-For: 2001:db8:0:1:ffff::2\r\n"), 1);
    cr_expect_eq(forge(api.client, 1, "X-Forwarded-For: 2001:db8:0:2::1\r\n"), 0);
    api_fixture_stop(&api);
}

Test(clients, what_a_client_writes_itself_in_front_of_the_list_is_not_believed)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);

    cr_expect_eq(forge(api.client, 3, "X-Forwarded-For: 198.51.100.1, 192.0.2.1\r\n"), 0);
    cr_expect_eq(forge(api.client, 1, "X-Forwarded-For: 198.51.100.2, 192.0.2.1\r\n"), 1);
    cr_expect_eq(
        forge(api.client, 1, "X-Forwarded-For: 198.51.100.3\r\nX-Forwarded-For: 192.0.2.1\r\n"), 1);
    api_fixture_stop(&api);
}

Test(clients, nobody_is_believed_who_is_no_trusted_proxy)
{
    static const char *const env[] = {"GATEWAY_RATE_LIMIT_REFUSED_TOKENS=3",
                                      "GATEWAY_TRUSTED_PROXIES=10.0.0.0/8,unix", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    cr_expect_eq(forge(api.client, 3, "X-Forwarded-For: 192.0.2.1\r\n"), 0);
    cr_expect_eq(forge(api.client, 1, "X-Forwarded-For: 192.0.2.2\r\n"), 1);
    cr_expect_eq(forge(api.client, 1, "Forwarded: for=192.0.2.3\r\n"), 1);
    gateway_process_wait_log(api.gateway, "client=127.0.0.1 ");
    char *log = gateway_process_log(api.gateway);
    cr_expect_null(strstr(log, "client=192.0.2"));
    free(log);
    api_fixture_stop(&api);
}

Test(clients, whoever_connects_to_a_unix_socket_is_believed_where_that_is_said)
{
    char *dir = temp_dir_make();
    char *listen = strdup(api_text("GATEWAY_PLAYER_LISTEN=unix:%s/player", dir));

    for (int trusted = 0; trusted < 2; trusted++) {
        const char *const env[] = {listen,
                                   trusted ? "GATEWAY_TRUSTED_PROXIES=unix"
                                           : "GATEWAY_TRUSTED_PROXIES=0.0.0.0/0,::/0",
                                   NULL};
        struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

        cr_expect_eq(forge(api.client, 1, "X-Forwarded-For: 192.0.2.1\r\n"), 0);
        gateway_process_wait_log(api.gateway, trusted ? "client=192.0.2.1 " : "client=\"uid ");
        api_fixture_stop(&api);
    }
    free(listen);
    temp_dir_remove(dir);
}

Test(clients, the_access_log_names_the_client)
{
    struct api_fixture api = api_fixture_start(API_EMBEDDED, few);

    cr_expect_eq(forge(api.client, 1, "X-Forwarded-For: 192.0.2.77\r\n"), 0);
    gateway_process_wait_log(api.gateway, "client=192.0.2.77 ");
    cr_expect_eq(forge(api.client, 1, "Forwarded: for=\"[2001:db8:7::1]:80\"\r\n"), 0);
    gateway_process_wait_log(api.gateway, "client=2001:db8:7:: ");
    api_fixture_stop(&api);
}

Test(clients, a_flood_of_refused_tokens_does_not_flood_the_log)
{
    static const char *const env[] = {"GATEWAY_RATE_LIMIT_REFUSED_TOKENS=3", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    int lines = 0;

    cr_expect_gt(forge(api.client, 500, ""), 0);
    char *log = gateway_process_log(api.gateway);
    for (const char *at = log; (at = strstr(at, "code=rate_limited")) != NULL; at++)
        lines++;
    cr_expect_geq(lines, 1);
    cr_expect_leq(lines, 60, "%d", lines); /* at most one a second and thread */
    free(log);
    api_fixture_stop(&api);
}

static int port_of(const struct api_fixture *api)
{
    return atoi(strrchr(gateway_process_player(api->gateway), ':') + 1);
}

Test(clients, one_address_has_no_more_connections_than_it_may)
{
    static const char *const env[] = {"GATEWAY_HTTP_CONNECTIONS_PER_ADDRESS=5", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    int fds[5];

    http_client_free(api.client); /* its connection would count */
    api.client = http_client_new(gateway_process_admin(api.gateway));
    for (int i = 0; i < 5; i++) {
        do { /* until the one before the test is gone */
            fds[i] = raw_connect(port_of(&api));
        } while (raw_ask_status(fds[i], "GET /healthz HTTP/1.1\r\n" HOST "\r\n") != 200 &&
                 close(fds[i]) == 0);
    }
    int sixth = raw_connect(port_of(&api));
    cr_expect(raw_is_closed(sixth));
    close(sixth);
    gateway_process_wait_log(api.gateway, "code=overloaded");
    cr_expect_eq(raw_ask_status(fds[0], "GET /healthz HTTP/1.1\r\n" HOST "\r\n"), 200);

    close(fds[4]); /* its place is free once the gateway has seen that */
    int status;
    do {
        fds[4] = raw_connect(port_of(&api));
        status = raw_ask_status(fds[4], "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
        if (status != 200)
            close(fds[4]);
    } while (status != 200);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    api_fixture_stop(&api);
}

Test(clients, a_trusted_proxy_has_as_many_connections_as_it_likes)
{
    static const char *const env[] = {"GATEWAY_HTTP_CONNECTIONS_PER_ADDRESS=1",
                                      "GATEWAY_TRUSTED_PROXIES=127.0.0.0/8", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);
    int fds[20];

    for (int i = 0; i < 20; i++) {
        fds[i] = raw_connect(port_of(&api));
        cr_expect_eq(raw_ask_status(fds[i], "GET /healthz HTTP/1.1\r\n" HOST "\r\n"), 200);
    }
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    api_fixture_stop(&api);
}
