/*
 * A population of viewers, in one process: tens of thousands of players that watch, zap, stop,
 * crash and sleep in families of all sizes, some of them larger than the limit. Holds it for a
 * given time, checks every answer against the rules, and ends with 0 where all were right.
 *
 * It takes the gateway's auth.mode to be `open`, and its settings to be what the options say.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "option.h"
#include "viewer.h"

static const char usage_text[] =
    "usage: bench_viewers --connect ADDRESS [options]\n"
    "  --connect ADDRESS     of a gateway, 127.0.0.1:8080 or unix:/path; again: several gateways "
    "on one Redis\n"
    "  --viewers N           how many (default 10000)\n"
    "  --seconds S           for how long (default 60)\n"
    "  --ramp S              all have begun after so long (default 10)\n"
    "  --segment S           between two segments (default 4)\n"
    "  --session S           that a viewer watches, on average (default 300)\n"
    "  --pause S             between two sessions, on average (default 10)\n"
    "  --connections N       kept-alive connections in all (default 64)\n"
    "  --grace-ms N          until an end is known on every gateway (default 0; 50 with several)\n"
    "  --seed N              of the dice (default: another each time)\n"
    "  --progress S          between two lines of progress on stderr (default 1; 0: none)\n"
    "What the gateway is set to:\n"
    "  --ttl S               session.ttl (default 300)\n"
    "  --displace-after S    limits.displace_after (default 90)\n"
    "  --family-limit N      limits.family (default 10)\n"
    "  --device-limit N      limits.device (default 2)\n"
    "  rate_limit.create is to be high enough; auth.mode open.\n"
    "Ends with 0 where every answer was right, 1 where one was wrong, 2 where it couldn't be "
    "tried.\n";

enum { ADDRESSES_MAX = 8 };

static struct {
    struct address addresses[ADDRESSES_MAX];
    size_t address_count;
    size_t viewers, connections;
    double seconds, ramp, progress;
    int64_t grace_ms;
    uint64_t seed;
} options = {
    .viewers = 10000, .connections = 64, .seconds = 60, .ramp = 10, .progress = 1, .grace_ms = -1};

static struct {
    uv_loop_t loop;
    struct viewers all;
    struct viewer *viewers;  /* options.viewers of them */
    struct family *families; /* family_count of them */
    size_t family_count;
    uv_timer_t progress, end;
    uv_signal_t interrupt; /* ends it early */
    uint64_t begun_ns, shown_ns;
} run;

/* ---- options ---- */

enum choice {
    CONNECT,
    VIEWERS,
    SECONDS,
    RAMP,
    SEGMENT,
    SESSION,
    PAUSE,
    CONNECTIONS,
    GRACE,
    SEED,
    PROGRESS,
    TTL,
    DISPLACE,
    FAMILY,
    DEVICE,
    HELP
};

static void take_option(struct viewer_options *viewer, enum choice choice)
{
    switch (choice) {
    case CONNECT:
        if (options.address_count == ADDRESSES_MAX ||
            address_parse(optarg, &options.addresses[options.address_count++]) != 0)
            fail(optarg, "not an address, or one too many");
        break;
    case VIEWERS:
        options.viewers = (size_t)option_number("--viewers", optarg, 1);
        break;
    case SECONDS:
        options.seconds = option_number("--seconds", optarg, 0.1);
        break;
    case RAMP:
        options.ramp = option_number("--ramp", optarg, 0);
        break;
    case SEGMENT:
        viewer->segment_s = option_number("--segment", optarg, 0.001);
        break;
    case SESSION:
        viewer->session_s = option_number("--session", optarg, 0.001);
        break;
    case PAUSE:
        viewer->pause_s = option_number("--pause", optarg, 0);
        break;
    case CONNECTIONS:
        options.connections = (size_t)option_number("--connections", optarg, 1);
        break;
    case GRACE:
        options.grace_ms = (int64_t)option_number("--grace-ms", optarg, 0);
        break;
    case SEED:
        options.seed = (uint64_t)option_number("--seed", optarg, 1);
        break;
    case PROGRESS:
        options.progress = option_number("--progress", optarg, 0);
        break;
    case TTL:
        viewer->rules.ttl_ms = (int64_t)(1000 * option_number("--ttl", optarg, 1));
        break;
    case DISPLACE:
        viewer->rules.displace_after_ms =
            (int64_t)(1000 * option_number("--displace-after", optarg, 0));
        break;
    case FAMILY:
        viewer->rules.family_limit = (size_t)option_number("--family-limit", optarg, 0);
        break;
    case DEVICE:
        viewer->rules.device_limit = (size_t)option_number("--device-limit", optarg, 0);
        break;
    case HELP:
        fputs(usage_text, stdout);
        exit(0);
    }
}

static void read_options(int argc, char **argv, struct viewer_options *viewer)
{
    static const struct option longs[] = {{"connect", required_argument, NULL, CONNECT},
                                          {"viewers", required_argument, NULL, VIEWERS},
                                          {"seconds", required_argument, NULL, SECONDS},
                                          {"ramp", required_argument, NULL, RAMP},
                                          {"segment", required_argument, NULL, SEGMENT},
                                          {"session", required_argument, NULL, SESSION},
                                          {"pause", required_argument, NULL, PAUSE},
                                          {"connections", required_argument, NULL, CONNECTIONS},
                                          {"grace-ms", required_argument, NULL, GRACE},
                                          {"seed", required_argument, NULL, SEED},
                                          {"progress", required_argument, NULL, PROGRESS},
                                          {"ttl", required_argument, NULL, TTL},
                                          {"displace-after", required_argument, NULL, DISPLACE},
                                          {"family-limit", required_argument, NULL, FAMILY},
                                          {"device-limit", required_argument, NULL, DEVICE},
                                          {"help", no_argument, NULL, HELP},
                                          {NULL, 0, NULL, 0}};

    *viewer = (struct viewer_options){.segment_s = 4,
                                      .session_s = 300,
                                      .pause_s = 10,
                                      .rules = {.family_limit = 10,
                                                .device_limit = 2,
                                                .ttl_ms = 300 * 1000,
                                                .displace_after_ms = 90 * 1000}};
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == '?') {
            fputs(usage_text, stderr);
            exit(2);
        }
        take_option(viewer, (enum choice)c);
    }
    if (options.address_count == 0 || optind < argc) {
        fputs(usage_text, stderr);
        exit(2);
    }
    viewer->rules.grace_ms = options.grace_ms >= 0       ? options.grace_ms
                             : options.address_count > 1 ? 50
                                                         : 0;
}

/* ---- the population ---- */

/* Families as they are: many of one to three, some of a house full, some that share with all they
 * know. */
static size_t family_size(uint64_t dice)
{
    unsigned kind = (unsigned)(dice % 100);

    if (kind < 50)
        return 1 + dice / 100 % 3;
    return kind < 85 ? 4 + dice / 100 % 4 : 11 + dice / 100 % 4;
}

static void people(void)
{
    uint64_t dice = run.all.random;
    size_t size = 0, member = 0;

    run.viewers = calloc(options.viewers, sizeof *run.viewers);
    run.families = calloc(options.viewers, sizeof *run.families);
    if (run.viewers == NULL || run.families == NULL)
        fail("the viewers", "out of memory");
    for (size_t i = 0; i < options.viewers; i++, member++) {
        if (member == size) {
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            size = family_size(dice >> 33);
            member = 0;
            run.families[run.family_count].number = (unsigned)run.family_count;
            run.family_count++;
        }
        /* In every larger family three share a television, which is one too many. */
        unsigned device = size >= 4 && member < 3 ? 0 : (unsigned)member;
        viewer_start(&run.viewers[i], &run.all, &run.families[run.family_count - 1], (unsigned)i,
                     device, (uint64_t)(options.ramp * 1000));
    }
}

/* ---- the run ---- */

static uint64_t answers(void)
{
    uint64_t count = 0;

    for (int i = 0; i < CALL_COUNT; i++)
        count += run.all.tally.latency[i].count;
    return count;
}

static void on_progress(uv_timer_t *timer)
{
    struct latency *recent = &run.all.tally.recent;
    uint64_t now_ns = uv_hrtime();
    (void)timer;

    fprintf(stderr,
            "%6.1f s: %zu of %zu watch, %.0f requests/s, p50 %" PRIu64 " µs, p99 %" PRIu64
            " µs, %" PRIu64 " wrong\n",
            (double)(now_ns - run.begun_ns) / 1e9, run.all.watching, options.viewers,
            (double)recent->count * 1e9 / (double)(now_ns - run.shown_ns),
            latency_percentile(recent, 50), latency_percentile(recent, 99), run.all.tally.wrong);
    run.shown_ns = now_ns;
    *recent = (struct latency){.count = 0};
}

static void close_all(void)
{
    for (size_t i = 0; i < options.viewers; i++)
        viewer_close(&run.viewers[i]);
    pool_close(run.all.pool);
    uv_close((uv_handle_t *)&run.progress, NULL);
    uv_close((uv_handle_t *)&run.end, NULL);
    uv_close((uv_handle_t *)&run.interrupt, NULL);
}

/* Time is up: nobody begins anything, and what is under way is waited for. */
static void on_end(uv_timer_t *timer)
{
    run.all.closing = true;
    if (pool_pending(run.all.pool) == 0)
        close_all();
    else
        uv_timer_start(timer, on_end, 5, 0);
}

static void on_interrupt(uv_signal_t *interrupt, int signal_number)
{
    (void)signal_number;
    uv_signal_stop(interrupt);
    uv_timer_start(&run.end, on_end, 0, 0);
}

static void start_timers(void)
{
    uv_timer_init(&run.loop, &run.progress);
    if (options.progress > 0)
        uv_timer_start(&run.progress, on_progress, (uint64_t)(options.progress * 1000),
                       (uint64_t)(options.progress * 1000));
    uv_timer_init(&run.loop, &run.end);
    uv_timer_start(&run.end, on_end, (uint64_t)(options.seconds * 1000), 0);
    uv_signal_init(&run.loop, &run.interrupt);
    uv_signal_start(&run.interrupt, on_interrupt, SIGINT);
    run.begun_ns = run.shown_ns = uv_hrtime();
}

static void free_all(void)
{
    for (size_t i = 0; i < options.viewers; i++)
        viewer_free(&run.viewers[i]);
    for (size_t i = 0; i < run.family_count; i++)
        family_free(&run.families[i]);
    free(run.viewers);
    free(run.families);
    pool_free(run.all.pool);
    uv_loop_close(&run.loop);
}

int main(int argc, char **argv)
{
    read_options(argc, argv, &run.all.options);
    if (options.seed == 0)
        options.seed = uv_hrtime() ^ (uint64_t)getpid() << 32;
    uv_loop_init(&run.loop);
    run.all.loop = &run.loop;
    run.all.random = options.seed * 2 + 1; /* never 0 */
    run.all.generation = (unsigned)(uv_hrtime() / 1000000 % 1000000000);
    run.all.pool =
        pool_new(&run.loop, options.addresses, options.address_count, options.connections);
    if (run.all.pool == NULL)
        fail("the gateway", "can't be reached");
    people();
    start_timers();
    uv_run(&run.loop, UV_RUN_DEFAULT);

    double seconds = (double)(uv_hrtime() - run.begun_ns) / 1e9;
    printf("%zu viewers in %zu families, %.1f s, seed %" PRIu64 "\n", options.viewers,
           run.family_count, seconds, options.seed);
    tally_print(&run.all.tally, seconds, stdout);
    bool tried = answers() > 0;
    uint64_t wrong = run.all.tally.wrong;
    free_all();
    if (!tried)
        fail("the viewers", "got no answer at all");
    return wrong == 0 ? 0 : 1;
}
