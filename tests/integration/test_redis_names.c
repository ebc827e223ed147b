/*
 * Redis by a name that has several addresses, some of which lead nowhere. Names are resolved by this file:
 * it defines getaddrinfo in the C library's place.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "log_capture.h"
#include "redis_server.h"

enum { ADDRESSES = 2, CALLERS = 16 };

/* An address of the name. */
struct found {
    struct addrinfo info;
    struct sockaddr_storage where;
};

static const char *addresses[ADDRESSES]; /* of any name, as they are found; NULL: it has none */

static bool is_address(const char *name)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET, name, &ignored) == 1 || inet_pton(AF_INET6, name, &ignored) == 1;
}

static struct addrinfo *make_found(const char *address, const char *port)
{
    struct found *found = calloc(1, sizeof *found);
    struct sockaddr_in *four = (struct sockaddr_in *)&found->where;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&found->where;
    bool is_six = strchr(address, ':') != NULL;

    cr_assert_not_null(found);
    found->where.ss_family = is_six ? AF_INET6 : AF_INET;
    cr_assert_eq(inet_pton(found->where.ss_family, address,
                           is_six ? (void *)&six->sin6_addr : (void *)&four->sin_addr),
                 1);
    found->info.ai_family = found->where.ss_family;
    if (is_six)
        six->sin6_port = htons((uint16_t)(port != NULL ? atoi(port) : 0));
    else
        four->sin_port = htons((uint16_t)(port != NULL ? atoi(port) : 0));
    found->info.ai_socktype = SOCK_STREAM;
    found->info.ai_addr = (struct sockaddr *)&found->where;
    found->info.ai_addrlen = is_six ? sizeof *six : sizeof *four;
    return &found->info;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    struct addrinfo **end = ret_found;

    (void)hints;
    if (is_address(name)) { /* hiredis asks so, for what was found before */
        *ret_found = make_found(name, service);
        return 0;
    }
    if (addresses[0] == NULL)
        return EAI_NONAME;
    for (int i = 0; i < ADDRESSES; i++) {
        *end = make_found(addresses[i], service);
        end = &(*end)->ai_next;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;

        free(found); /* the first member of what was made */
        found = next;
    }
}

static struct store_fixture fixture;
static struct redis_server *redis; /* on 127.0.0.1 alone */

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    redis = redis_server_start((struct redis_server_options){.tcp = true});
    fixture.address =
        (struct redis_address){.host = (char[]){"localhost"}, .port = redis_server_port(redis)};
    log_capture_start();
    uv_update_time(&fixture.loop.uv); /* it wasn't run for a while */
}

static void tear_down(void)
{
    log_capture_stop();
    store_fixture_stop(&fixture);
    redis_server_stop(redis);
}

TestSuite(redis_names, .init = set_up, .fini = tear_down, .timeout = 60);

Test(redis_names, a_redis_on_the_second_address_is_found)
{
    static char host[] = "localhost";

    fixture.address.host = host;
    addresses[0] = "::1";
    addresses[1] = "127.0.0.1";
    ask_begin(&fixture, "f", "tv");
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f"), 1);
}

/* Connections to it are neither made nor refused: its queue is full. */
static int swallow(const char *address, int port, int callers[CALLERS])
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, address, &where.sin_addr);
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
    cr_assert_eq(listen(fd, 0), 0);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(callers[i], (struct sockaddr *)&where, sizeof where);
    }
    return fd;
}

Test(redis_names, an_address_that_swallows_everything_is_not_the_only_one_tried)
{
    static char host[] = "localhost";
    int callers[CALLERS];
    int fd = swallow("127.0.0.2", redis_server_port(redis), callers);
    const struct session tv = ask_session("f", "tv");

    fixture.address.host = host;
    fixture.timeout_ms = 200;
    addresses[0] = "127.0.0.2";
    addresses[1] = "127.0.0.1";
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(
        log_capture_count("Redis connection failed", "no connection within redis.timeout_ms"), 1);
    while (ask_create(&fixture, &tv)->err == ERR_STORE_UNAVAILABLE)
        uv_run(&fixture.loop.uv, UV_RUN_ONCE);
    cr_assert_eq(redis_server_number(redis, "EXISTS family_streams:f"), 1);
    for (int i = 0; i < CALLERS; i++)
        close(callers[i]);
    close(fd);
}

Test(redis_names, a_name_that_nobody_has_is_told_once_with_the_setting)
{
    static char host[] = "no-such-host";
    const struct session tv = ask_session("f", "tv");

    fixture.address.host = host;
    fixture.timeout_ms = 200;
    ASSERT_ERR(ask_create(&fixture, &tv), ERR_STORE_UNAVAILABLE);
    cr_assert_eq(log_capture_count("Redis connection failed", ""), 1);
    cr_assert_eq(log_capture_count("server=no-such-host:", "setting=\"redis.url (host)\""), 1);
}
