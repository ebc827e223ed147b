/* Accepting connections. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "listening.h"

static uv_loop_t loop;
static struct listening listening;
static struct sockaddr_in address;
static int listen_fd, accepted_count;

static void on_connection(void *arg, int fd, const struct sockaddr *from, socklen_t from_len)
{
    cr_expect_eq(arg, &listening);
    cr_expect_eq(from->sa_family, AF_INET);
    cr_expect_eq(from_len, sizeof(struct sockaddr_in));
    cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    accepted_count++;
}

static void set_up(void)
{
    socklen_t len = sizeof address;

    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uv_loop_init(&loop);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(listen_fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(listen_fd, 200), 0);
    getsockname(listen_fd, (struct sockaddr *)&address, &len);
    cr_assert_eq(listening_start(&listening, &loop, listen_fd, on_connection, &listening), 0);
}

static void tear_down(void)
{
    listening_stop(&listening);
    uv_close((uv_handle_t *)&listening.poll, NULL);
    uv_close((uv_handle_t *)&listening.pause, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(uv_loop_close(&loop), 0);
    close(listen_fd);
}

TestSuite(listening, .init = set_up, .fini = tear_down, .timeout = 30);

static int connect_one(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

Test(listening, gives_each_connection_to_its_owner)
{
    enum { COUNT = 150 };
    int fds[COUNT];

    for (int i = 0; i < COUNT; i++)
        fds[i] = connect_one();
    while (accepted_count < COUNT)
        uv_run(&loop, UV_RUN_ONCE);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
}

Test(listening, leaves_the_socket_alone_while_no_more_files_can_be_opened)
{
    struct rlimit limit;
    int fd = connect_one();
    int next = dup(fd); /* descriptors up to this one are in use */

    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next, limit.rlim_max});
    uv_run(&loop, UV_RUN_ONCE);
    cr_expect_not(uv_is_active((uv_handle_t *)&listening.poll), "the loop spins");
    cr_expect_eq(accepted_count, 0);
    setrlimit(RLIMIT_NOFILE, &limit);
    while (accepted_count < 1)
        uv_run(&loop, UV_RUN_ONCE);
    close(fd);
}

Test(listening, accepts_nothing_once_it_is_stopped)
{
    int fd = connect_one();

    listening_stop(&listening);
    uv_run(&loop, UV_RUN_NOWAIT);
    cr_expect_eq(accepted_count, 0);
    close(fd);
}
