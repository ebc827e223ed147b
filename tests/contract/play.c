/* A play of random requests: comparing a store's answers with the model's. */
#include "play.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask_operator.h"

char *play_line(struct play *play)
{
    return play->history[play->played % PLAY_HISTORY];
}

static void __attribute__((noreturn, format(printf, 2, 3)))
mismatch(struct play *play, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (unsigned i = play->played >= PLAY_HISTORY ? play->played - PLAY_HISTORY + 1 : 0;
         i <= play->played; i++)
        fprintf(stderr, "%7u %s\n", i, play->history[i % PLAY_HISTORY]);
    cr_assert_fail("GATEWAY_RANDOM_SEED=%llu, request %u: %s", (unsigned long long)play->seed,
                   play->played, text);
    abort();
}

#define EXPECT(play, condition, ...)                                                               \
    do {                                                                                           \
        if (!(condition))                                                                          \
            mismatch((play), __VA_ARGS__);                                                         \
    } while (0)

static void expect_equal(struct play *play, const char *what, long long got, long long expected)
{
    EXPECT(play, got == expected, "%s is %lld, not %lld", what, got, expected);
}

static void expect_text(struct play *play, const char *what, const char *got, const char *expected)
{
    EXPECT(play, strcmp(got, expected) == 0, "%s is \"%s\", not \"%s\"", what, got, expected);
}

static void expect_about(struct play *play, const char *what, int64_t got_ms, int64_t expected_ms)
{
    EXPECT(play,
           got_ms - expected_ms < PLAY_TOLERANCE_MS && expected_ms - got_ms < PLAY_TOLERANCE_MS,
           "%s is off by %lld ms", what, (long long)(got_ms - expected_ms));
}

static void expect_session(struct play *play, const struct session *got,
                           const struct session *expected)
{
    expect_text(play, "the sessionId", got->id, expected->id);
    expect_text(play, "userId", got->user_id, expected->user_id);
    expect_text(play, "familyId", got->family_id, expected->family_id);
    expect_text(play, "deviceId", got->device_id, expected->device_id);
    expect_text(play, "mediaId", got->media_id, expected->media_id);
    expect_text(play, "deviceName", got->device_name, expected->device_name);
    expect_text(play, "playerId", got->player_id, expected->player_id);
    expect_equal(play, "startedAt", got->started_ms, expected->started_ms);
    expect_equal(play, "lastHeartbeat", got->last_heartbeat_ms, expected->last_heartbeat_ms);
}

static void expect_end(struct play *play, const struct store_end *got,
                       const struct store_end *expected)
{
    expect_text(play, "the reason", end_reason_word(got->reason),
                end_reason_word(expected->reason));
    expect_text(play, "by", got->by, expected->by);
    expect_text(play, "the message", got->message, expected->message);
}

static void expect_usage(struct play *play, const struct store_usage *got,
                         const struct store_usage *expected)
{
    expect_equal(play, "the family's count", got->family_active, expected->family_active);
    expect_equal(play, "the family's limit", got->family_limit, expected->family_limit);
    expect_equal(play, "the device's count", got->device_active, expected->device_active);
    expect_equal(play, "the device's limit", got->device_limit, expected->device_limit);
}

static void expect_streams(struct play *play, const struct store_req *answer,
                           const struct model_answer *expected)
{
    expect_equal(play, "the number of streams", (long long)answer->stream_count,
                 (long long)expected->stream_count);
    for (size_t i = 0; i < expected->stream_count; i++) {
        const struct session *session = &expected->streams[i]->session;

        expect_session(play, &answer->streams[i].session, session);
        expect_about(play, "idle", answer->streams[i].idle_s * 1000,
                     play->model.now_ms - session->last_heartbeat_ms);
    }
}

static void expect_description(struct play *play, const struct store_description *got,
                               const struct store_description *expected)
{
    expect_equal(play, "the family's limit in force", got->family_limit, expected->family_limit);
    expect_equal(play, "the device's limit in force", got->device_limit, expected->device_limit);
    expect_equal(play, "overridden", got->overridden, expected->overridden);
    expect_equal(play, "blocked", got->blocked_until_ms != 0, expected->blocked_until_ms != 0);
    expect_text(play, "the block's message", got->message, expected->message);
}

/* A store that has ghosts may count them. */
static void expect_count(struct play *play, uint64_t got, uint64_t expected)
{
    EXPECT(play, got == expected || (play->model.counts_ghosts && got > expected),
           "%llu sessions live, not %llu", (unsigned long long)got, (unsigned long long)expected);
}

/* What a session that lives, and may have begun just now, was told about its times. */
static void expect_times(struct play *play, const struct store_req *answer,
                         const struct session *before)
{
    const struct session *session = &answer->session;

    expect_about(play, "now", answer->now_ms, play->model.now_ms);
    expect_about(play, "the end", answer->expires_ms, session->last_heartbeat_ms + PLAY_TTL_MS);
    if (before != NULL) {
        expect_equal(play, "startedAt", session->started_ms, before->started_ms);
        expect_equal(play, "lastHeartbeat", session->last_heartbeat_ms, before->last_heartbeat_ms);
    } else {
        expect_about(play, "lastHeartbeat", session->last_heartbeat_ms, play->model.now_ms);
    }
    if (before == NULL && answer->op == STORE_CREATE)
        expect_equal(play, "startedAt", session->started_ms, session->last_heartbeat_ms);
}

/* What an operation sets where it succeeds. before: the session, where it lived. */
static void expect_success(struct play *play, const struct store_req *answer,
                           const struct model_answer *expected, const struct session *before)
{
    switch (answer->op) {
    case STORE_CREATE:
    case STORE_REVIVE:
        expect_usage(play, &answer->usage, &expected->usage);
        expect_text(play, "would_deny", err_word(answer->would_deny),
                    err_word(expected->would_deny));
        expect_times(play, answer, before);
        break;
    case STORE_HEARTBEAT:
        expect_about(play, "now", answer->now_ms, play->model.now_ms);
        expect_about(play, "the end", answer->expires_ms, answer->now_ms + PLAY_TTL_MS);
        break;
    case STORE_CHECK:
        expect_text(play, "mediaId", answer->session.media_id, before->media_id);
        expect_equal(play, "lastHeartbeat", answer->session.last_heartbeat_ms,
                     before->last_heartbeat_ms);
        break;
    case STORE_GET:
        expect_session(play, &answer->session, before);
        expect_times(play, answer, before);
        break;
    case STORE_END:
        expect_equal(play, "ended", answer->ended, expected->ended);
        break;
    case STORE_LIST:
        expect_usage(play, &answer->usage, &expected->usage);
        expect_streams(play, answer, expected);
        break;
    case STORE_DESCRIBE:
        expect_usage(play, &answer->usage, &expected->usage);
        expect_streams(play, answer, expected);
        expect_description(play, &answer->query->description, &expected->description);
        break;
    case STORE_COUNT:
        expect_count(play, answer->query->count.sessions, expected->sessions);
        break;
    default:
        expect_equal(play, "ended_count", answer->ended_count, expected->ended_count);
        break;
    }
}

void play_compare(struct play *play, const struct store_req *answer,
                  const struct model_answer *expected, const struct session *before)
{
    expect_text(play, "the outcome", err_word(answer->err), err_word(expected->err));
    switch (expected->err) {
    case ERR_OK:
        expect_success(play, answer, expected, before);
        break;
    case ERR_FAMILY_LIMIT:
    case ERR_DEVICE_LIMIT:
        expect_usage(play, &answer->usage, &expected->usage);
        expect_streams(play, answer, expected);
        break;
    case ERR_RATE_LIMITED:
        EXPECT(play, answer->retry_after_s > 0 && answer->retry_after_s <= 60, "retry after %lld s",
               (long long)answer->retry_after_s);
        break;
    default:
        expect_end(play, &answer->end, &expected->end);
        break;
    }
}

static bool agrees(const char *wanted, const char *name)
{
    return wanted[0] == '\0' || strcmp(wanted, name) == 0;
}

void play_compare_page(struct play *play, const struct store_filter *filter,
                       const struct ask_ids *ids)
{
    size_t expected = 0;

    for (size_t i = 0; i < play->model.count; i++) {
        const struct session *session = &play->model.sessions[i].session;

        if (!play->model.sessions[i].lives || !agrees(filter->family_id, session->family_id) ||
            !agrees(filter->device_id, session->device_id) ||
            !agrees(filter->user_id, session->user_id) ||
            !agrees(filter->media_id, session->media_id))
            continue;
        EXPECT(play, ask_ids_has(ids, session->id), "%.6s is on no page", session->id);
        expected++;
    }
    expect_equal(play, "the number on all pages", (long long)ids->count, (long long)expected);
}
