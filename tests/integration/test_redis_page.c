/* Pages of the sessions in Redis: of an index that other programs write into, and that moves meanwhile. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask_operator.h"
#include "clock.h"
#include "redis_server.h"

static struct store_fixture fixture;
static struct redis_server *redis; /* the fixture's */
static const struct store_filter everybody;

static void set_up(void)
{
    store_fixture_start(&fixture, STORE_FIXTURE_REDIS);
    fixture.options.family_limit = fixture.options.device_limit = 0;
    redis = fixture.server;
}

static void tear_down(void)
{
    store_fixture_stop(&fixture);
}

TestSuite(redis_page, .init = set_up, .fini = tear_down, .timeout = 100);

/* Begins sessions of families of their own, f0 and so on. */
static void begin_many(struct session *ret_sessions, int count)
{
    char name[16];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "f%d", i);
        ret_sessions[i] = ask_begin(&fixture, name, name);
    }
}

/* Moves entries, those of one session or ("") all, to a score. */
static void move(const char *session_id, const char *score)
{
    redis_server_do(redis, "EVAL %s 1 session_expiry %s %s",
                    "for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                    "if string.find(entry, ARGV[1], 1, true) == 1 then "
                    "redis.call('ZADD', KEYS[1], ARGV[2], entry) end end",
                    session_id, score);
}

static void assert_all(const struct ask_ids *ids, const struct session *sessions, int count)
{
    cr_assert_eq(ids->count, (size_t)count);
    for (int i = 0; i < count; i++)
        cr_assert(ask_ids_has(ids, sessions[i].id), "number %d is missing", i);
}

/* ---- What others write ---- */

Test(redis_page, passes_over_what_is_no_entry_of_a_session)
{
    struct session sessions[40];
    char longest[5000] = "";

    begin_many(sessions, 40);
    memset(longest, 'x', sizeof longest - 1);
    for (int i = 0; i < 300; i++)
        redis_server_do(redis, "ZADD session_expiry %d theirs%d", i, i);
    redis_server_do(redis, "ZADD session_expiry -inf %s 5 %b 6 %s 7 %s inf %s", "", "\0\xff \0", 4,
                    longest, "a b c d e", "0123456789012345678901 f d u t");
    for (uint32_t most = 1; most < 300; most *= 7)
        assert_all(ask_all_pages(&fixture, &everybody, most), sessions, 40);
}

Test(redis_page, passes_over_a_session_whose_key_holds_no_text)
{
    struct session sessions[3];

    begin_many(sessions, 3);
    redis_server_do(redis, "DEL session:%s session:%s", sessions[0].id, sessions[2].id);
    redis_server_do(redis, "RPUSH session:%s theirs", sessions[0].id);
    assert_all(ask_all_pages(&fixture, &everybody, 10), sessions + 1, 1);
}

Test(redis_page, tells_of_one_whose_value_cannot_be_read_by_its_id)
{
    const struct session tv = ask_begin(&fixture, "f", "tv");
    store_cursor cursor = "";
    struct store_filter media = {.media_id = "media"};

    redis_server_do(redis, "SET session:%s theirs", tv.id);
    const struct store_req *answer = ask_page(&fixture, &everybody, 10, cursor);
    cr_assert_eq(answer->stream_count, 1);
    cr_assert_str_eq(answer->streams[0].session.id, tv.id);
    cr_assert_str_empty(answer->streams[0].session.user_id);
    cr_assert_eq(ask_all_pages(&fixture, &media, 10)->count, 0);
}

Test(redis_page, finds_a_title_however_another_writer_spells_it)
{
    static const char *const spellings[] = {
        "\"mediaId\":\"m \\\"1\\\"\"", "\"mediaId\": \"m \\\"1\\\"\"",
        "\"mediaId\"\n:\"m \\u00221\\u0022\"", "\"me\\u0064iaId\":\"m \\\"1\\\"\""};
    const struct store_filter wanted = {.media_id = "m \"1\""};
    struct session sessions[4], other;

    begin_many(sessions, 4);
    for (int i = 0; i < 4; i++)
        redis_server_do(redis,
                        "SET session:%s {\"userId\":\"u\",%s,\"deviceId\":\"d\",\"familyId\":\"f\","
                        "\"startedAt\":\"2026-11-20T23:40:00.123Z\","
                        "\"lastHeartbeat\":\"2026-11-20T23:40:00.123Z\"}",
                        sessions[i].id, spellings[i]);
    other = ask_begin(&fixture, "f", "tv");
    ask_zap(&fixture, &other, "m", "m \"1\"");
    for (uint32_t most = 1; most < 10; most += 3)
        assert_all(ask_all_pages(&fixture, &wanted, most), sessions, 4);
    for (int i = 0; i < 4; i++)
        ask_end(&fixture, &sessions[i], END_STOPPED);
    cr_assert_eq(ask_all_pages(&fixture, &wanted, 10)->count, 0);
}

/* ---- Scores ---- */

Test(redis_page, goes_through_entries_that_are_due_at_the_same_time)
{
    struct session sessions[250];

    begin_many(sessions, 250);
    move("", "1795219200000");
    for (uint32_t most = 1; most < 1000; most *= 6)
        assert_all(ask_all_pages(&fixture, &everybody, most), sessions, 250);
}

Test(redis_page, goes_on_among_these_where_the_session_that_it_stopped_at_has_ended)
{
    struct session sessions[120];
    store_cursor cursor = "";
    size_t met = 0;

    begin_many(sessions, 120);
    move("", "1");
    do {
        struct store_req page = *ask_page(&fixture, &everybody, 7, cursor);
        char last[SESSION_ID_LEN + 1];

        ASSERT_ERR(&page, ERR_OK);
        met += page.stream_count;
        if (page.stream_count == 0)
            break;
        strcpy(last, page.streams[page.stream_count - 1].session.id);
        ask_end_by_id(&fixture, last, END_TERMINATED);
    } while (cursor[0] != '\0');
    cr_assert_eq(met, 120);
}

Test(redis_page, goes_from_any_score_to_any_other)
{
    static const char *const scores[] = {"-inf", "-1e300", "-1.5", "0",     "1e-300", "0.1",
                                         "1",    "1.5",    "1e17", "1e300", "inf"};
    enum { SCORES = sizeof scores / sizeof scores[0] };
    struct session sessions[SCORES];
    store_cursor cursor = "";

    begin_many(sessions, SCORES);
    for (int i = 0; i < SCORES; i++)
        move(sessions[i].id, scores[i]);
    for (int i = 0; i < SCORES; i++) {
        const struct store_req *answer = ask_page(&fixture, &everybody, 1, cursor);

        ASSERT_ERR(answer, ERR_OK);
        cr_assert_eq(answer->stream_count, 1);
        cr_assert_str_eq(answer->streams[0].session.id, sessions[i].id, "at %s", scores[i]);
    }
}

/* ---- What happens meanwhile ---- */

/* One change: a session comes, goes, or is looked at by the sweep, which puts its entry further behind. */
static void change(unsigned *seed, const struct session *staying, int count,
                   struct session *ret_other)
{
    unsigned roll = (unsigned)rand_r(seed);
    char score[32];

    switch (roll % 3) {
    case 0:
        *ret_other = ask_begin(&fixture, "coming", "coming");
        break;
    case 1:
        ask_end(&fixture, ret_other, END_STOPPED);
        break;
    default:
        snprintf(score, sizeof score, "%lld", (long long)clock_wall_ms() + 300000);
        move(staying[roll / 3 % (unsigned)count].id, score);
        break;
    }
}

Test(redis_page, skips_nobody_while_sessions_come_move_and_go)
{
    enum { STAYING = 150, ROUNDS = 8, CHANGES = 200 };
    static struct ask_ids met;
    struct session staying[STAYING], others[10];
    unsigned seed = 5;

    begin_many(staying, STAYING);
    begin_many(others, 10);
    for (int round = 0; round < ROUNDS; round++) {
        store_cursor cursor = "";
        int changes = 0; /* were there no end of them, there would be none of the pages */

        move("", round % 2 == 0 ? "1" : "1795219200000");
        met.count = 0;
        do {
            ask_page_into(&fixture, &everybody, 1 + (uint32_t)round * 5, cursor, &met);
            for (int i = 0; i < 3 && changes++ < CHANGES; i++)
                change(&seed, staying, STAYING, &others[(unsigned)rand_r(&seed) % 10]);
        } while (cursor[0] != '\0');
        for (int i = 0; i < STAYING; i++)
            cr_assert(ask_ids_has(&met, staying[i].id), "round %d skips number %d", round, i);
    }
}

/* ---- How much at once ---- */

Test(redis_page, looks_at_a_bounded_number_of_entries_at_once)
{
    enum { SESSIONS = 1100 };
    static struct session sessions[SESSIONS];
    struct store_filter wanted = {.user_id = "nobody"};
    store_cursor cursor = "";

    begin_many(sessions, SESSIONS);
    ASSERT_ERR(ask_page(&fixture, &wanted, STORE_PAGE_MAX, cursor), ERR_OK);
    cr_assert_str_not_empty(cursor, "nobody was found, and yet it is not the end");
    cr_assert_eq(ask_all_pages(&fixture, &wanted, STORE_PAGE_MAX)->count, 0);
    cursor[0] = '\0';
    const struct store_req *answer = ask_page(&fixture, &everybody, STORE_PAGE_MAX, cursor);
    cr_assert_lt(answer->stream_count, 500);
    assert_all(ask_all_pages(&fixture, &everybody, STORE_PAGE_MAX), sessions, SESSIONS);
}

/* ---- Cursors ---- */

Test(redis_page, refuses_what_is_no_place_without_asking_redis)
{
    static const char *const wrong[] = {"1",
                                        ":",
                                        "1:0",
                                        "1:zz",
                                        "nan:00",
                                        "0x10:00",
                                        " 1:00",
                                        "1 :00",
                                        "1:00 ",
                                        "1:00:00",
                                        "1e:00",
                                        ":4163",
                                        "infinity:00",
                                        "12345678901234567890123456789012345678:00",
                                        "1:0000000000000000000000000000000000000000000000"};
    const struct store_filter family = {.family_id = "f"};
    store_cursor cursor;

    ask_begin(&fixture, "f", "tv");
    redis_server_do(redis, "CONFIG RESETSTAT");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        strcpy(cursor, wrong[i]);
        cr_assert_eq(ask_page(&fixture, &everybody, 10, cursor)->err, ERR_INVALID_REQUEST, "%s",
                     wrong[i]);
        cr_assert_str_eq(cursor, wrong[i]);
    }
    strcpy(cursor, "1:4163"); /* of another kind of page */
    ASSERT_ERR(ask_page(&fixture, &family, 10, cursor), ERR_INVALID_REQUEST);
    char *calls = redis_server_text(redis, "INFO commandstats");
    cr_assert_null(strstr(calls, "cmdstat_evalsha:"));
    free(calls);
}
