/*
 * A load generator: sends requests that were formatted beforehand over connections that stay open,
 * looks at every answer, and prints what it measured as one line of JSON.
 *
 * Closed loop: each connection sends its next request when it has its answer. Open loop (--rate):
 * requests are due at even distances whatever the server does, and a request's time counts from
 * when it was due, so that a server that stalls can't hide it. One thread on epoll; about 2 µs of
 * CPU a request.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "answer.h"
#include "fail.h"
#include "latency.h"
#include "option.h"
#include "requests.h"

enum { ANSWER_MAX = 64 * 1024, EVENTS = 256, STALLED_MS = 30 * 1000 };

static const char usage_text[] =
    "usage: bench_load --connect ADDRESS --requests FILE [options]\n"
    "  --connect ADDRESS    127.0.0.1:8080 or unix:/path; again: connections are dealt out in "
    "turn\n"
    "  --requests FILE      requests, each ended by a NUL byte\n"
    "  --order ORDER        turn (default), random, once\n"
    "  --connections N      default 64\n"
    "  --seconds S          how long (default 5)\n"
    "  --count N            ends after so many requests, or with --seconds, whichever is first\n"
    "  --rate R             so many requests a second, evenly, instead of as many as the server "
    "takes\n"
    "  --expect STATUS      what every answer must be (default 200)\n"
    "  --bodies FILE        writes each answer's body there, a line each\n"
    "  --hold               then prints its line, and keeps the connections until its input ends\n";

struct connection {
    int fd;                  /* -1: lost */
    uint64_t since_ns;       /* when its request was sent, or was due */
    bool busy;               /* a request is under way */
    size_t have;             /* bytes of the answer so far */
    size_t cap;              /* of buffer */
    char *buffer;            /* the answer */
    struct connection *next; /* of those that idle, open loop */
};

static struct {
    struct address addresses[16]; /* of the servers */
    size_t address_count;         /* how many */
    size_t connections;           /* to all of them */
    double seconds;               /* at most */
    uint64_t count;               /* requests at most; 0: any number */
    double rate;                  /* a second; 0: closed loop */
    int expect;                   /* status */
    FILE *bodies;                 /* or NULL */
    bool hold;                    /* see usage */
} options = {.connections = 64, .seconds = 5, .expect = 200};

static struct {
    struct requests requests; /* to send */
    struct connection *all;   /* options.connections of them */
    struct connection *idle;  /* open loop: without a request */
    int epoll;                /* watches them */
    uint64_t sent, answered;  /* requests */
    uint64_t unexpected,
        lost;            /* answers of another status; connections lost with a request under way */
    uint64_t reconnects; /* connections that the server closed after an answer */
    uint64_t body_bytes; /* of all answers */
    uint64_t start_ns, end_ns; /* first request, last answer */
    bool over;                 /* nothing more is sent */
    struct latency latency;    /* of answers */
} state;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- connections ---- */

static void open_connection(struct connection *connection)
{
    size_t which = (size_t)(connection - state.all);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    connection->fd = address_connect(&options.addresses[which % options.address_count]);
    connection->have = 0;
    if (connection->fd < 0 || epoll_ctl(state.epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        fail("connecting", strerror(errno));
}

static void reopen(struct connection *connection)
{
    close(connection->fd);
    open_connection(connection);
}

/* The kernel takes a request whole nearly always. */
static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            if (poll(&wait, 1, STALLED_MS) <= 0)
                return false;
        } else if (n < 0) {
            return false;
        } else {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* Sends the next request, where there is one. due_ns 0: now. */
static void send_next(struct connection *connection, uint64_t due_ns)
{
    size_t len;
    const char *request;

    if (state.over || (options.count > 0 && state.sent == options.count) ||
        (request = requests_next(&state.requests, &len)) == NULL) {
        state.over = true;
        return;
    }
    connection->since_ns = due_ns != 0 ? due_ns : now_ns();
    connection->busy = true;
    state.sent++;
    if (write_all(connection->fd, request, len))
        return;
    reopen(connection); /* closed while it idled: the request is sent again, once */
    state.reconnects++;
    if (!write_all(connection->fd, request, len))
        fail("sending", strerror(errno));
}

/* ---- answers ---- */

static void take_answer(struct connection *connection, const struct answer *answer)
{
    state.end_ns = now_ns();
    latency_add(&state.latency, (state.end_ns - connection->since_ns) / 1000);
    state.answered++;
    state.body_bytes += answer->body_len;
    if (answer->status != options.expect && state.unexpected++ == 0)
        fprintf(stderr, "bench_load: an answer that is no %d:\n%.*s\n", options.expect,
                (int)(connection->have < 2000 ? connection->have : 2000), connection->buffer);
    if (options.bodies != NULL) {
        fwrite(connection->buffer + answer->head_len, 1, answer->body_len, options.bodies);
        putc('\n', options.bodies);
    }
    connection->have = 0;
    connection->busy = false;
    if (answer->closes) {
        reopen(connection);
        state.reconnects++;
    }
}

static void lose(struct connection *connection)
{
    if (connection->busy)
        state.lost++;
    else
        state.reconnects++;
    connection->busy = false;
    reopen(connection);
}

/* Reads what came; goes on with the next request where the answer is whole. */
static void on_readable(struct connection *connection)
{
    struct answer answer;

    if (connection->have == connection->cap) {
        connection->cap = connection->cap == 0 ? 2048 : ANSWER_MAX;
        connection->buffer = realloc(connection->buffer, connection->cap);
        if (connection->buffer == NULL || connection->have == connection->cap)
            fail("an answer", "too long");
    }
    ssize_t n = recv(connection->fd, connection->buffer + connection->have,
                     connection->cap - connection->have, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        lose(connection);
    } else {
        connection->have += (size_t)n;
        int rc = answer_parse(connection->buffer, connection->have, &answer);
        if (rc < 0 || (rc > 0 && connection->have > answer.head_len + answer.body_len))
            fail("an answer", "is not what HTTP/1.1 with Content-Length looks like");
        if (rc == 0)
            return;
        take_answer(connection, &answer);
    }
    if (options.rate > 0) {
        connection->next = state.idle;
        state.idle = connection;
    } else {
        send_next(connection, 0);
    }
}

/* ---- the run ---- */

static uint64_t due_ns(uint64_t number)
{
    return state.start_ns + (uint64_t)((double)number * 1e9 / options.rate);
}

/* Open loop: sends what is due; returns how long there is time until the next, in ns. */
static uint64_t send_due(uint64_t now)
{
    while (!state.over && state.idle != NULL && due_ns(state.sent) <= now) {
        struct connection *connection = state.idle;

        state.idle = connection->next;
        send_next(connection, due_ns(state.sent));
    }
    if (state.over || state.idle == NULL)
        return 1000000000u;
    return due_ns(state.sent) > now ? due_ns(state.sent) - now : 0;
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    uint64_t last_ns, limit_ns;

    state.start_ns = state.end_ns = now_ns();
    limit_ns = state.start_ns + (uint64_t)(options.seconds * 1e9);
    for (size_t i = options.connections; i-- > 0;) {
        if (options.rate > 0) {
            state.all[i].next = state.idle;
            state.idle = &state.all[i];
        } else {
            send_next(&state.all[i], 0);
        }
    }
    for (last_ns = state.start_ns;;) {
        uint64_t now = now_ns(), wait = 1000000000u;

        if (now >= limit_ns)
            state.over = true;
        if (options.rate > 0)
            wait = send_due(now);
        if (state.over && state.answered + state.lost == state.sent)
            break;
        struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u),
                                   .tv_nsec = (long)(wait % 1000000000u)};
        int n = epoll_pwait2(state.epoll, events, EVENTS, &timeout, NULL);
        if (n < 0 && errno != EINTR)
            fail("epoll", strerror(errno));
        for (int i = 0; i < n; i++)
            on_readable(events[i].data.ptr);
        if (n > 0)
            last_ns = now;
        else if (state.answered + state.lost < state.sent &&
                 now - last_ns > STALLED_MS * 1000000ull)
            fail("the server", "hasn't answered for 30 s");
    }
}

static void print_result(void)
{
    double seconds = (double)(state.end_ns - state.start_ns) / 1e9;

    printf("{\"requests\":%" PRIu64 ",\"unexpected\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"reconnects\":%" PRIu64 ",\"body_bytes\":%" PRIu64
           ",\"seconds\":%.6f,\"rate\":%.1f,\"mean_us\":%.1f,\"p50_us\":%" PRIu64
           ",\"p90_us\":%" PRIu64 ",\"p99_us\":%" PRIu64 ",\"p999_us\":%" PRIu64
           ",\"max_us\":%" PRIu64 "}\n",
           state.answered, state.unexpected, state.lost, state.reconnects, state.body_bytes,
           seconds, seconds > 0 ? (double)state.answered / seconds : 0,
           state.answered > 0 ? (double)state.latency.sum_us / (double)state.answered : 0,
           latency_percentile(&state.latency, 50), latency_percentile(&state.latency, 90),
           latency_percentile(&state.latency, 99), latency_percentile(&state.latency, 99.9),
           state.latency.max_us);
    fflush(stdout);
}

/* ---- options ---- */

static enum requests_order order_of(const char *word)
{
    static const char *const words[] = {"turn", "random", "once"};

    for (int i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum requests_order)i;
    fail("--order", "not one of turn, random, once");
}

static void add_address(const char *text)
{
    if (options.address_count == sizeof options.addresses / sizeof options.addresses[0] ||
        address_parse(text, &options.addresses[options.address_count++]) != 0)
        fail(text, "not an address, or one too many");
}

static void read_options(int argc, char **argv, const char **ret_file,
                         enum requests_order *ret_order)
{
    static const struct option longs[] = {
        {"connect", required_argument, NULL, 'a'}, {"requests", required_argument, NULL, 'f'},
        {"order", required_argument, NULL, 'o'},   {"connections", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'}, {"count", required_argument, NULL, 'n'},
        {"rate", required_argument, NULL, 'r'},    {"expect", required_argument, NULL, 'e'},
        {"bodies", required_argument, NULL, 'b'},  {"hold", no_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 'a':
            add_address(optarg);
            break;
        case 'f':
            *ret_file = optarg;
            break;
        case 'o':
            *ret_order = order_of(optarg);
            break;
        case 'c':
            options.connections = (size_t)option_number("--connections", optarg, 1);
            break;
        case 's':
            options.seconds = option_number("--seconds", optarg, 0);
            break;
        case 'n':
            options.count = (uint64_t)option_number("--count", optarg, 1);
            break;
        case 'r':
            options.rate = option_number("--rate", optarg, 1);
            break;
        case 'e':
            options.expect = (int)option_number("--expect", optarg, 100);
            break;
        case 'b':
            options.bodies = fopen(optarg, "we");
            if (options.bodies == NULL)
                fail(optarg, strerror(errno));
            break;
        case 'w':
            options.hold = true;
            break;
        case 'h':
            fputs(usage_text, stdout);
            exit(0);
        default:
            fputs(usage_text, stderr);
            exit(2);
        }
    }
    if (options.address_count == 0 || *ret_file == NULL || optind < argc) {
        fputs(usage_text, stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    const char *file = NULL, *reason;
    enum requests_order order = REQUESTS_IN_TURN;

    read_options(argc, argv, &file, &order);
    if (requests_open(&state.requests, file, order, &reason) != 0)
        fail(file, reason);
    state.all = calloc(options.connections, sizeof *state.all);
    state.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (state.all == NULL || state.epoll < 0)
        fail("starting", strerror(errno));
    for (size_t i = 0; i < options.connections; i++)
        open_connection(&state.all[i]);

    run();
    if (options.bodies != NULL && fclose(options.bodies) != 0)
        fail("--bodies", strerror(errno));
    print_result();
    if (options.hold)
        while (getchar() != EOF)
            ;

    for (size_t i = 0; i < options.connections; i++) {
        close(state.all[i].fd);
        free(state.all[i].buffer);
    }
    free(state.all);
    close(state.epoll);
    requests_close(&state.requests);
    return state.unexpected == 0 && state.lost == 0 ? 0 : 1;
}
