/* Counting. */
#include "tally.h"

#include <inttypes.h>
#include <stdarg.h>

enum { SHOWN_MAX = 20 };

static const char *const call_words[CALL_COUNT] = {
#define X(name, word) word,
    CALL_TABLE(X)
#undef X
};

void tally_answer(struct tally *tally, enum call call, int status, uint64_t us)
{
    latency_add(&tally->latency[call], us);
    latency_add(&tally->recent, us);
    if (status / 100 == 2)
        tally->good[call]++;
    else
        tally->refused[call]++;
}

void tally_wrong(struct tally *tally, const char *format, ...)
{
    va_list args;

    if (++tally->wrong > SHOWN_MAX)
        return;
    va_start(args, format);
    fputs("wrong: ", stderr);
    vfprintf(stderr, format, args);
    fputs(tally->wrong == SHOWN_MAX ? "\nwrong: … and what follows is only counted\n" : "\n",
          stderr);
    va_end(args);
}

void tally_print(const struct tally *tally, double seconds, FILE *out)
{
    fprintf(out, "%-14s %10s %10s %10s %10s %9s %9s %9s %9s\n", "", "answers", "a second", "good",
            "refused", "p50 µs", "p99 µs", "p99.9 µs", "max µs");
    for (int i = 0; i < CALL_COUNT; i++) {
        const struct latency *latency = &tally->latency[i];

        fprintf(out,
                "%-14s %10" PRIu64 " %10.1f %10" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64
                " %8" PRIu64 " %8" PRIu64 "\n",
                call_words[i], latency->count, (double)latency->count / seconds, tally->good[i],
                tally->refused[i], latency_percentile(latency, 50), latency_percentile(latency, 99),
                latency_percentile(latency, 99.9), latency->max_us);
    }
    fprintf(out,
            "crashes %" PRIu64 ", reloads %" PRIu64 ", sleeps %" PRIu64 ", revivals %" PRIu64
            ", places given up %" PRIu64 "\n%" PRIu64 " wrong answers\n",
            tally->crashed, tally->reloaded, tally->slept, tally->revived, tally->replaced,
            tally->wrong);
}
