/* Answers that go on: their pieces, their ends, and clients that are slow or leave. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "http_stream.h"
#include "raw_http.h"

#define HOST        "Host: localhost\r\n"
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

enum { STREAMS_MAX = 400, PIECES = 2000 };

TestSuite(http_streams, .timeout = 60);

/* A stream as its handler sees it. */
struct opened {
    struct http_stream *stream; /* NULL once it is closed */
    unsigned closed;            /* times that on_closed came */
    unsigned pieces;            /* sent by on_drained */
};

static struct http_fixture *fixture;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct opened opened[STREAMS_MAX];
static size_t open_count, closed_count; /* ever */
static size_t most_waiting;             /* for those to come */
static struct http_request *waiting;    /* at /later */

/* ---- the server's thread ---- */

static void on_closed(void *arg)
{
    struct opened *one = arg;

    pthread_mutex_lock(&lock);
    one->stream = NULL;
    one->closed++;
    closed_count++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_drained(void *arg)
{
    struct opened *one = arg;

    if (one->pieces == PIECES)
        return;
    one->pieces++;
    cr_assert_eq(http_stream_send(one->stream, "piece\n", 6), 0);
    if (one->pieces == PIECES)
        http_stream_end(one->stream);
}

static void begin(struct http_request *req, void (*drained)(void *arg))
{
    struct opened *one = &opened[open_count];
    struct http_stream_options options = {
        .most_waiting = most_waiting, .arg = one, .on_closed = on_closed, .on_drained = drained};

    pthread_mutex_lock(&lock);
    one->stream = http_reply_stream(req, "text/event-stream", &options);
    if (one->stream != NULL)
        open_count++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void handle_stream(struct http_request *req)
{
    begin(req, NULL);
}

static void handle_pull(struct http_request *req)
{
    begin(req, on_drained);
}

static void handle_later(struct http_request *req)
{
    pthread_mutex_lock(&lock);
    waiting = req;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void handle_hello(struct http_request *req)
{
    http_problem(req, ERR_NOT_FOUND, NULL);
}

static void begin_later(void *arg)
{
    (void)arg;
    begin(waiting, NULL);
}

/* Sends a text to all streams. */
static void send_all(void *arg)
{
    const char *text = *(const char **)arg;

    for (size_t i = 0; i < open_count; i++)
        if (opened[i].stream != NULL)
            cr_assert_eq(http_stream_send(opened[i].stream, text, strlen(text)), 0);
}

static void end_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < open_count; i++)
        if (opened[i].stream != NULL)
            http_stream_end(opened[i].stream);
}

enum { LUMP = 1024 * 1024 };

/* Sends a lump to the first stream, and says whether that was taken. */
static void send_lump(void *arg)
{
    char *lump = calloc(1, LUMP);

    *(bool *)arg = opened[0].stream != NULL && http_stream_send(opened[0].stream, lump, LUMP) == 0;
    free(lump);
}

/* ---- the test's thread ---- */

static const struct http_route routes[] = {
    {"GET", "/stream", handle_stream, HTTP_NO_BODY, 0},
    {"GET", "/pull", handle_pull, HTTP_NO_BODY, 0},
    {"GET", "/later", handle_later, HTTP_NO_BODY, 0},
    {"GET", "/hello", handle_hello, HTTP_NO_BODY, 0},
};

static void start_with(size_t most, unsigned request_timeout_ms)
{
    most_waiting = most;
    fixture = http_fixture_start(
        (struct http_fixture_limits){.request_timeout_ms = request_timeout_ms,
                                     .routes = routes,
                                     .route_count = sizeof routes / sizeof routes[0]});
}

static void start(void)
{
    start_with(64 * 1024, 0);
}

static void wait_for(const size_t *count, size_t least)
{
    pthread_mutex_lock(&lock);
    while (*count < least)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* Has a text sent to all streams. */
static void tell_all(const char *text)
{
    http_fixture_run(fixture, send_all, &text);
}

/* Asks for a stream and reads the head of the answer. */
static int open_stream(const char *request)
{
    size_t before = open_count;
    int fd = raw_connect(http_fixture_port(fixture));
    struct raw_answer answer;

    raw_send_text(fd, request);
    wait_for(&open_count, before + 1);
    answer = raw_read_head(fd);
    cr_assert_eq(answer.status, 200);
    raw_expect_header(&answer, "Content-Type", "text/event-stream");
    raw_expect_header(&answer, "Cache-Control", "no-store");
    raw_expect_header(&answer, "Content-Length", NULL);
    raw_answer_done(&answer);
    return fd;
}

/* Expects exactly these bytes to come next. */
static void expect_bytes(int fd, const char *text)
{
    char got[256] = "";
    size_t len = strlen(text);

    cr_assert_eq(recv(fd, got, len, MSG_WAITALL), (ssize_t)len, "instead of %s: %s", text, got);
    cr_assert_str_eq(got, text);
}

Test(http_streams, sends_each_piece_as_it_comes)
{
    start();
    int fd = open_stream(GET("/stream"));

    tell_all("one\n");
    expect_bytes(fd, "4\r\none\n\r\n");
    tell_all("three\n");
    expect_bytes(fd, "6\r\nthree\n\r\n");
    cr_expect_eq(http_fixture_busy(fixture), 0);
    cr_expect_eq(closed_count, 0);
    close(fd);
    wait_for(&closed_count, 1);
    http_fixture_stop(fixture);
    cr_expect_eq(opened[0].closed, 1);
}

Test(http_streams, the_connection_goes_on_behind_a_stream_that_ended)
{
    start();
    int fd = open_stream(GET("/stream"));

    raw_send_text(fd, GET("/hello")); /* waits for its turn */
    tell_all("one\n");
    http_fixture_run(fixture, end_all, NULL);
    expect_bytes(fd, "4\r\none\n\r\n0\r\n\r\n");
    wait_for(&closed_count, 1);
    raw_expect(fd, "", 404, NULL);
    raw_send_text(fd, GET("/stream"));
    wait_for(&open_count, 2);
    struct raw_answer answer = raw_read_head(fd);
    cr_expect_eq(answer.status, 200);
    raw_answer_done(&answer);
    tell_all("two\n");
    expect_bytes(fd, "4\r\ntwo\n\r\n");
    close(fd);
    http_fixture_stop(fixture);
    cr_expect_eq(closed_count, 2);
}

Test(http_streams, a_head_request_gets_the_head_and_no_stream)
{
    start();
    int fd = raw_connect(http_fixture_port(fixture));

    for (int i = 0; i < 2; i++) {
        raw_send_text(fd, "HEAD /stream HTTP/1.1\r\n" HOST "\r\n");
        struct raw_answer answer = raw_read_head(fd);
        cr_expect_eq(answer.status, 200);
        raw_expect_header(&answer, "Content-Type", "text/event-stream");
        raw_answer_done(&answer);
    }
    cr_expect_eq(open_count, 0);
    close(fd);
    http_fixture_stop(fixture);
    cr_expect_eq(closed_count, 0);
}

Test(http_streams, an_old_client_is_told_the_end_by_the_close)
{
    start();
    int fd = open_stream("GET /stream HTTP/1.0\r\n" HOST "\r\n");

    tell_all("one\n");
    expect_bytes(fd, "one\n");
    tell_all("two\n");
    http_fixture_run(fixture, end_all, NULL);
    expect_bytes(fd, "two\n");
    cr_expect(raw_is_closed(fd));
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_streams, a_request_that_waited_may_be_answered_by_a_stream)
{
    start();
    int fd = raw_connect(http_fixture_port(fixture));

    raw_send_text(fd, GET("/later"));
    pthread_mutex_lock(&lock);
    while (waiting == NULL)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    http_fixture_run(fixture, begin_later, NULL);
    tell_all("one\n");
    struct raw_answer answer = raw_read_head(fd);
    cr_expect_eq(answer.status, 200);
    raw_answer_done(&answer);
    expect_bytes(fd, "4\r\none\n\r\n");
    cr_expect_eq(http_fixture_busy(fixture), 0);
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_streams, is_reported_when_it_begins)
{
    start();
    int fd = open_stream(GET("/stream"));

    cr_expect_eq(http_fixture_reports(fixture), 1);
    struct http_access report = http_fixture_last_report(fixture);
    cr_expect_eq(report.status, 200);
    cr_expect_str_eq(report.route, "/stream");
    close(fd);
    wait_for(&closed_count, 1);
    cr_expect_eq(http_fixture_reports(fixture), 1);
    http_fixture_stop(fixture);
}

Test(http_streams, a_client_that_leaves_ends_its_stream_though_nothing_is_sent)
{
    enum { COUNT = 30 };
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fds[COUNT];

    start();
    for (int i = 0; i < COUNT; i++)
        fds[i] = open_stream(GET("/stream"));
    for (int i = 0; i < COUNT - 1; i++) {
        if (i % 3 == 0)
            setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (i % 3 == 1)
            raw_half_close(fds[i]);
        else
            close(fds[i]);
    }
    wait_for(&closed_count, COUNT - 1);
    tell_all("one\n");
    expect_bytes(fds[COUNT - 1], "4\r\none\n\r\n");
    for (int i = 1; i < COUNT - 1; i += 3)
        close(fds[i]);
    close(fds[COUNT - 1]);
    http_fixture_stop(fixture);
    for (int i = 0; i < COUNT; i++)
        cr_expect_eq(opened[i].closed, 1);
}

Test(http_streams, a_slow_client_is_dropped_and_holds_up_nobody)
{
    start_with(2 * LUMP, 0);
    int slow = open_stream(GET("/stream"));
    int quick = open_stream(GET("/stream"));
    bool taken = true;
    int lumps = 0;

    while (taken && ++lumps < 1000)
        http_fixture_run(fixture, send_lump, &taken);
    cr_assert_not(taken, "%d lumps were taken for a client that reads nothing", lumps);
    wait_for(&closed_count, 1);
    tell_all("one\n");
    expect_bytes(quick, "4\r\none\n\r\n");
    cr_expect_null(opened[0].stream);
    close(slow);
    close(quick);
    http_fixture_stop(fixture);
    cr_expect_eq(opened[0].closed, 1);
}

Test(http_streams, a_client_that_takes_nothing_for_the_time_of_a_request_is_dropped)
{
    start_with(64 * LUMP, 300);
    int fd = open_stream(GET("/stream"));
    bool taken;

    for (int i = 0; i < 30; i++)
        http_fixture_run(fixture, send_lump, &taken);
    wait_for(&closed_count, 1);
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_streams, a_silent_stream_outlives_the_time_of_a_request)
{
    start_with(64 * 1024, 200);
    int fd = open_stream(GET("/stream"));

    for (int i = 0; i < 3; i++) { /* connections that are closed for taking longer than that */
        int silent = raw_connect(http_fixture_port(fixture));

        cr_expect(raw_is_closed(silent));
        close(silent);
    }
    tell_all("one\n");
    expect_bytes(fd, "4\r\none\n\r\n");
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_streams, many_get_every_piece)
{
    start();
    int fds[STREAMS_MAX];

    for (int i = 0; i < STREAMS_MAX; i++)
        fds[i] = open_stream(GET("/stream"));
    for (int round = 0; round < 20; round++) {
        tell_all("one\n");
        for (int i = 0; i < STREAMS_MAX; i++)
            expect_bytes(fds[i], "4\r\none\n\r\n");
    }
    http_fixture_run(fixture, end_all, NULL);
    for (int i = 0; i < STREAMS_MAX; i++) {
        expect_bytes(fds[i], "0\r\n\r\n");
        close(fds[i]);
    }
    wait_for(&closed_count, STREAMS_MAX);
    http_fixture_stop(fixture);
}

Test(http_streams, asks_for_more_when_nothing_waits)
{
    start();
    int fd = open_stream("GET /pull HTTP/1.0\r\n" HOST "\r\n");
    char text[6 * PIECES + 1] = "";

    cr_assert_eq(recv(fd, text, sizeof text - 1, MSG_WAITALL), 6 * PIECES);
    for (int i = 0; i < PIECES; i++)
        cr_assert_eq(memcmp(text + 6 * i, "piece\n", 6), 0);
    cr_expect(raw_is_closed(fd));
    close(fd);
    wait_for(&closed_count, 1);
    http_fixture_stop(fixture);
}

Test(http_streams, go_on_while_the_server_takes_nothing_new)
{
    start();
    int fd = open_stream(GET("/stream"));

    http_fixture_quiesce(fixture);
    tell_all("one\n");
    expect_bytes(fd, "4\r\none\n\r\n");
    close(fd);
    http_fixture_stop(fixture);
}

Test(http_streams, stopping_ends_all_of_them_once)
{
    enum { COUNT = 50 };
    start_with(64 * LUMP, 0);
    int fds[COUNT], stuck = open_stream(GET("/stream"));
    bool taken;

    for (int i = 0; i < COUNT; i++)
        fds[i] = open_stream(GET("/stream"));
    for (int i = 0; i < 16; i++) /* more than the socket takes */
        http_fixture_run(fixture, send_lump, &taken);
    tell_all("one\n");
    http_fixture_stop(fixture);
    for (int i = 0; i < COUNT; i++) {
        expect_bytes(fds[i], "4\r\none\n\r\n0\r\n\r\n");
        cr_expect(raw_is_closed(fds[i]));
        close(fds[i]);
    }
    close(stuck);
    cr_expect_eq(closed_count, COUNT + 1);
    for (int i = 0; i < COUNT + 1; i++)
        cr_expect_eq(opened[i].closed, 1);
}
