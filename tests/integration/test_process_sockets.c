/* The addresses that a gateway listens on, and those that are somebody else's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_fixture.h"
#include "temp_dir.h"

TestSuite(process_sockets, .timeout = 60);

static char *dir;

static void start(void)
{
    dir = temp_dir_make();
}

static void stop(void)
{
    temp_dir_remove(dir);
}

/* A setting that names a unix socket in the test's directory. */
static const char *unix_setting(const char *name, const char *file)
{
    return api_text("%s=unix:%s/%s", name, dir, file);
}

/* Whether a gateway serves at an address. */
static bool serves(const char *address)
{
    struct http_client *client = http_client_new(address);
    int status = api_status(http_client_ask(client, "GET", "/readyz", NULL, NULL));

    http_client_free(client);
    return status == 200;
}

/* That a gateway with these settings ends with 2 and says this. */
static void expect_refusal(const char *const *env, const char *setting, const char *address)
{
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    int status = gateway_process_wait(gateway);
    char *log = gateway_process_log(gateway);

    cr_expect_eq(status, 2, "it ended with %d: %s", status, log);
    cr_expect_not_null(strstr(log, setting), "%s isn't named: %s", setting, log);
    cr_expect_not_null(strstr(log, address), "%s isn't named: %s", address, log);
    free(log);
    gateway_process_free(gateway);
}

Test(process_sockets, serves_on_unix_sockets_and_takes_their_files_away, .init = start,
     .fini = stop)
{
    const char *env[] = {unix_setting("GATEWAY_PLAYER_LISTEN", "player"),
                         unix_setting("GATEWAY_ADMIN_LISTEN", "admin"), NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    cr_expect_str_eq(gateway_process_player(api.gateway), api_text("unix:%s/player", dir));
    /* connections are dealt out to the threads in turn: every one must serve */
    for (int i = 0; i < 6; i++) {
        struct http_client *client = http_client_new(gateway_process_player(api.gateway));
        struct api_session session =
            api_admit(client, api_text("f%d", i), "d1", "'replace':['AAAAAAAAAAAAAAAAAAAAAA']");

        cr_expect_eq(api_status(api_call(client, "DELETE", &session, "")), 204);
        http_client_free(client);
    }
    cr_expect(serves(gateway_process_admin(api.gateway)));
    api_fixture_stop(&api);
    cr_expect_neq(access(api_text("%s/player", dir), F_OK), 0);
    cr_expect_neq(access(api_text("%s/admin", dir), F_OK), 0);
}

Test(process_sockets, a_second_gateway_on_the_same_tcp_address_ends_with_2)
{
    struct gateway_process *first = gateway_process_start(NULL);
    const char *player = gateway_process_player(first), *admin = gateway_process_admin(first);

    for (int i = 0; i < 3; i++) {
        expect_refusal((const char *[]){api_text("GATEWAY_PLAYER_LISTEN=%s", player), NULL},
                       "player.listen", player);
        expect_refusal((const char *[]){api_text("GATEWAY_ADMIN_LISTEN=%s", admin), NULL},
                       "admin.listen", admin);
    }
    cr_expect(serves(player));
    cr_expect(serves(admin));
    gateway_process_stop(first);
}

Test(process_sockets, a_second_gateway_on_the_same_unix_socket_ends_with_2, .init = start,
     .fini = stop)
{
    const char *env[] = {unix_setting("GATEWAY_PLAYER_LISTEN", "player"), NULL};
    struct gateway_process *first = gateway_process_start(env);
    const char *player = gateway_process_player(first);

    for (int i = 0; i < 3; i++)
        expect_refusal(env, "player.listen", player);
    cr_expect(serves(player));
    gateway_process_stop(first);
}

enum { RACERS = 6, RACES = 8 };

/*
 * Starts gateways that stop short of their settings: each has read nothing of its file yet, which
 * is a pipe. Then lets all of them go on at the same instant.
 */
static void start_at_once(const char *const *env, struct gateway_process *ret_racers[RACERS])
{
    int pipes[RACERS];

    for (int i = 0; i < RACERS; i++) {
        const char *path = api_text("%s/config%d", dir, i);

        cr_assert(mkfifo(path, 0600) == 0 || errno == EEXIST);
        ret_racers[i] = gateway_process_spawn(env, (const char *const[]){"--config", path, NULL});
        pipes[i] = open(path, O_WRONLY | O_CLOEXEC); /* waits for the reader */
    }
    for (int i = 0; i < RACERS; i++)
        cr_assert_eq(write(pipes[i], "{}", 2), 2);
    for (int i = 0; i < RACERS; i++)
        close(pipes[i]);
}

/* Whether it comes to serve; it has ended where not. */
static bool comes_to_serve(struct gateway_process *gateway)
{
    for (;;) {
        bool has_ended = gateway_process_has_ended(gateway);
        char *log = gateway_process_log(gateway);
        bool is_serving = strstr(log, " serving ") != NULL;

        free(log);
        if (has_ended || is_serving)
            return !has_ended;
    }
}

/* Of gateways that start on one address at the same instant exactly one may be left. */
static void race_for(const char *const *env, const char *address)
{
    struct gateway_process *racers[RACERS], *winner = NULL;

    start_at_once(env, racers);
    for (int i = 0; i < RACERS; i++) {
        if (!comes_to_serve(racers[i])) {
            cr_expect_eq(gateway_process_wait(racers[i]), 2);
            gateway_process_free(racers[i]);
        } else if (winner == NULL) {
            winner = racers[i];
        } else {
            cr_expect(false, "two gateways serve on %s", address);
            gateway_process_stop(racers[i]);
        }
    }
    cr_assert_not_null(winner, "no gateway is left on %s", address);
    cr_expect(serves(address), "the one that is left on %s doesn't serve", address);
    gateway_process_stop(winner);
}

Test(process_sockets, of_gateways_that_start_at_once_on_one_tcp_address_one_is_left, .init = start,
     .fini = stop)
{
    for (int i = 0; i < RACES; i++) {
        /* a port that was free a moment ago */
        struct gateway_process *gateway = gateway_process_start(NULL);
        char address[64];

        snprintf(address, sizeof address, "%s", gateway_process_player(gateway));
        gateway_process_stop(gateway);
        /* many sockets on the port: it takes long until all are open */
        race_for((const char *[]){api_text("GATEWAY_PLAYER_LISTEN=%s", address),
                                  "GATEWAY_WORKERS=64", NULL},
                 address);
    }
}

Test(process_sockets, of_gateways_that_start_at_once_on_one_unix_socket_one_is_left, .init = start,
     .fini = stop)
{
    char address[128];

    snprintf(address, sizeof address, "unix:%s/player", dir);
    for (int i = 0; i < RACES; i++)
        race_for((const char *[]){unix_setting("GATEWAY_PLAYER_LISTEN", "player"), NULL}, address);
}

/* A socket's file behind which nobody listens. */
static void leave_stale_socket(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    close(fd);
}

Test(process_sockets, replaces_the_file_of_a_unix_socket_that_a_crash_left, .init = start,
     .fini = stop)
{
    const char *env[] = {unix_setting("GATEWAY_PLAYER_LISTEN", "player"), NULL};

    leave_stale_socket(api_text("%s/player", dir));
    struct gateway_process *gateway = gateway_process_start(env);
    cr_expect(serves(gateway_process_player(gateway)));
    gateway_process_signal(gateway, 9);
    cr_expect_eq(gateway_process_wait(gateway), -9);
    cr_expect_eq(access(api_text("%s/player", dir), F_OK), 0);
    gateway_process_free(gateway);

    gateway = gateway_process_start(env);
    cr_expect(serves(gateway_process_player(gateway)));
    gateway_process_stop(gateway);
}

Test(process_sockets, leaves_a_file_alone_that_is_no_socket, .init = start, .fini = stop)
{
    char *path = temp_dir_write(dir, "player", "precious");
    const char *env[] = {unix_setting("GATEWAY_PLAYER_LISTEN", "player"), NULL};
    struct stat st;

    expect_refusal(env, "player.listen", path);
    cr_expect_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, strlen("precious"));
    free(path);
}

Test(process_sockets, a_unix_socket_in_a_directory_that_is_not_there_ends_with_2, .init = start,
     .fini = stop)
{
    const char *env[] = {unix_setting("GATEWAY_PLAYER_LISTEN", "none/player"), NULL};

    expect_refusal(env, "player.listen", "none/player");
}

/* ---- more connections than it may have ---- */

/* Opens `most` connections that are served, then expects the next one to be told 503, whoever's worker it is. */
static void expect_limit(struct gateway_process *gateway, int most)
{
    struct http_client *clients[8], *refused;

    for (int i = 0; i < most; i++) {
        clients[i] = http_client_new(gateway_process_player(gateway));
        /* what asked before whether it is ready may still have its place */
        while (api_status(http_client_ask(clients[i], "GET", "/readyz", NULL, NULL)) == 503) {
            http_client_free(clients[i]);
            clients[i] = http_client_new(gateway_process_player(gateway));
        }
    }
    for (int i = 0; i < 6; i++) {
        refused = http_client_new(gateway_process_player(gateway));
        cr_expect_eq(api_status(http_client_ask(refused, "GET", "/v1/authorize", NULL, NULL)), 503);
        http_client_free(refused);
    }
    for (int i = 0; i < most; i++) {
        cr_expect_eq(api_status(http_client_ask(clients[i], "GET", "/v1/authorize", NULL, NULL)),
                     401);
        http_client_free(clients[i]);
    }
}

Test(process_sockets, counts_the_connections_of_all_workers_together)
{
    const char *env[] = {"GATEWAY_HTTP_CONNECTIONS=5", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    expect_limit(api.gateway, 5);
    api_fixture_stop(&api);
}

Test(process_sockets, refuses_connections_on_a_unix_socket_too, .init = start, .fini = stop)
{
    const char *env[] = {unix_setting("GATEWAY_PLAYER_LISTEN", "player"),
                         "GATEWAY_HTTP_CONNECTIONS=3", NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    expect_limit(api.gateway, 3);
    api_fixture_stop(&api);
}
