/* The store contract: an operator pages through the live sessions. */
#include "contract.h"

#include <stdio.h>
#include <string.h>

#include "ask_operator.h"

static const struct store_filter everybody;

static void no_limits(struct store_fixture *fixture)
{
    fixture->options.family_limit = fixture->options.device_limit = 0;
}

/* Begins a session of these names. */
static struct session begin(struct store_fixture *fixture, const char *family, const char *device,
                            const char *user, const char *media)
{
    struct session session = ask_session(family, device);

    strcpy(session.user_id, user);
    strcpy(session.media_id, media);
    ASSERT_ERR(ask_create(fixture, &session), ERR_OK);
    return session;
}

/* Begins `count` of them, each of a family of its own. */
static void begin_many(struct store_fixture *fixture, struct session *ret_sessions, int count)
{
    for (int i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof name, "n%d", i);
        ret_sessions[i] = begin(fixture, name, name, name, "media");
    }
}

/* ---- What a page tells ---- */

CONTRACT_TEST(page, of_an_empty_store_is_the_last)
{
    store_cursor cursor = "";
    const struct store_req *answer = ask_page(fixture, &everybody, 10, cursor);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 0);
    cr_assert_eq(ask_all_pages(fixture, &everybody, 10)->count, 0);
}

CONTRACT_TEST(page, tells_all_of_a_session)
{
    struct session tv = ask_session("family \"1\"", "d\\1");
    store_cursor cursor = "";

    strcpy(tv.user_id, "\xc3\xbcser");
    strcpy(tv.device_name, "Kitchen TV");
    strcpy(tv.media_title, "Blue Planet");
    strcpy(tv.platform, "tvOS");
    strcpy(tv.player_id, "tab");
    strcpy(tv.metadata, "{\"a\":[]}");
    int64_t started_ms = ask_create(fixture, &tv)->session.started_ms;
    store_fixture_age(fixture, tv.id, 60000);

    const struct store_req *answer = ask_page(fixture, &everybody, 10, cursor);
    ASSERT_ERR(answer, ERR_OK);
    cr_assert_eq(answer->stream_count, 1);
    const struct session *listed = &answer->streams[0].session;
    cr_assert_str_eq(listed->id, tv.id);
    cr_assert_str_eq(listed->user_id, tv.user_id);
    cr_assert_str_eq(listed->family_id, tv.family_id);
    cr_assert_str_eq(listed->device_id, tv.device_id);
    cr_assert_str_eq(listed->media_id, "media");
    cr_assert_str_eq(listed->device_name, "Kitchen TV");
    cr_assert_str_eq(listed->media_title, "Blue Planet");
    cr_assert_str_eq(listed->platform, "tvOS");
    cr_assert_str_eq(listed->player_id, "tab");
    cr_assert_str_eq(listed->metadata, "{\"a\":[]}");
    cr_assert_eq(listed->started_ms, started_ms);
    cr_assert_eq(listed->last_heartbeat_ms, started_ms - 60000);
    cr_assert(answer->streams[0].idle_s >= 60 && answer->streams[0].idle_s < 69);
}

CONTRACT_TEST(page, leaves_out_who_has_expired_or_ended)
{
    const struct session asleep = begin(fixture, "f", "tv", "u", "m"),
                         stopped = begin(fixture, "f", "phone", "u", "m"),
                         alive = begin(fixture, "g", "tv", "u", "m");

    store_fixture_age(fixture, asleep.id, fixture->options.ttl_ms + 1);
    ask_end(fixture, &stopped, END_STOPPED);
    const struct ask_ids *all = ask_all_pages(fixture, &everybody, 10);
    cr_assert_eq(all->count, 1);
    cr_assert(ask_ids_has(all, alive.id));
}

CONTRACT_TEST(page, changes_nothing)
{
    const struct session tv = ask_begin_silent(fixture, "f", "tv", 200000);

    for (int i = 0; i < 3; i++)
        ask_all_pages(fixture, &everybody, 10);
    const struct store_req *answer = ask_get(fixture, &tv);
    cr_assert_lt(answer->expires_ms, answer->now_ms + 100001);
    cr_assert_leq(answer->session.last_heartbeat_ms, answer->now_ms - 200000);
}

CONTRACT_TEST(page, tells_what_is_watched_after_a_zap)
{
    const struct session tv = begin(fixture, "f", "tv", "u", "news");
    const struct store_filter news = {.media_id = "news"}, sport = {.media_id = "sport"};

    ask_zap(fixture, &tv, "sport", "The match");
    cr_assert_eq(ask_all_pages(fixture, &news, 10)->count, 0);
    cr_assert_eq(ask_all_pages(fixture, &sport, 10)->count, 1);
}

/* ---- Filters ---- */

enum { FAMILIES = 3, DEVICES = 2, USERS = 3, MEDIA = 2 };

/* A name of a kind, or "" for number -1. */
static void name(char *ret_name, char kind, int number)
{
    sprintf(ret_name, number < 0 ? "" : "%c%d", kind, number);
}

/* Whether exactly those are told of whose names agree with the filter. */
static void assert_agree(struct store_fixture *fixture, const struct store_filter *filter,
                         uint32_t most, const struct session *sessions, int count)
{
    const struct ask_ids *ids = ask_all_pages(fixture, filter, most);
    size_t expected = 0;

    for (int i = 0; i < count; i++) {
        const struct session *session = &sessions[i];
        bool agrees =
            (filter->family_id[0] == '\0' || strcmp(filter->family_id, session->family_id) == 0) &&
            (filter->device_id[0] == '\0' || strcmp(filter->device_id, session->device_id) == 0) &&
            (filter->user_id[0] == '\0' || strcmp(filter->user_id, session->user_id) == 0) &&
            (filter->media_id[0] == '\0' || strcmp(filter->media_id, session->media_id) == 0);

        expected += agrees;
        cr_assert_eq(ask_ids_has(ids, session->id), agrees, "%s %s %s %s", session->family_id,
                     session->device_id, session->user_id, session->media_id);
    }
    cr_assert_eq(ids->count, expected);
}

CONTRACT_TEST(page, tells_of_those_that_agree_with_every_part_of_a_filter)
{
    enum { ALL = FAMILIES * DEVICES * USERS * MEDIA };
    struct session sessions[ALL];

    no_limits(fixture);
    for (int i = 0; i < ALL; i++) {
        char family[16], device[16], user[16], media[16];

        name(family, 'f', i % FAMILIES);
        name(device, 'd', i / FAMILIES % DEVICES);
        name(user, 'u', i / FAMILIES / DEVICES % USERS);
        name(media, 'm', i / FAMILIES / DEVICES / USERS);
        sessions[i] = begin(fixture, family, device, user, media);
    }
    for (int f = -1; f <= FAMILIES; f++) /* the last one is nobody's */
        for (int d = -1; d <= DEVICES; d++)
            for (int u = -1; u <= USERS; u++)
                for (int m = -1; m <= MEDIA; m++) {
                    struct store_filter filter;

                    name(filter.family_id, 'f', f);
                    name(filter.device_id, 'd', d);
                    name(filter.user_id, 'u', u);
                    name(filter.media_id, 'm', m);
                    assert_agree(fixture, &filter, 1 + (uint32_t)(f + d + u + m + 4) % 5, sessions,
                                 ALL);
                }
}

CONTRACT_TEST(page, a_filters_names_are_compared_byte_by_byte)
{
    const struct session tv = begin(fixture, "f*", "d?", "u[a]", "m/%");
    const struct store_filter filters[] = {
        {.family_id = "f*"}, {.device_id = "d?"}, {.user_id = "u[a]"}, {.media_id = "m/%"}};
    const struct store_filter others[] = {
        {.family_id = "f"},  {.family_id = "F*"}, {.family_id = "f**"}, {.device_id = "d"},
        {.device_id = "dx"}, {.user_id = "ua"},   {.user_id = "u*"},    {.media_id = "m/"}};

    begin(fixture, "f", "dx", "ua", "m/");
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const struct ask_ids *ids = ask_all_pages(fixture, &filters[i], 10);

        cr_assert_eq(ids->count, 1, "%zu", i);
        cr_assert(ask_ids_has(ids, tv.id), "%zu", i);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(ask_ids_has(ask_all_pages(fixture, &others[i], 10), tv.id), "%zu", i);
}

/* ---- Pages ---- */

CONTRACT_TEST(page, holds_no_more_than_was_asked_for)
{
    enum { SESSIONS = 60 };
    struct session sessions[SESSIONS];
    const uint32_t mosts[] = {1, 2, 7, SESSIONS - 1, SESSIONS, SESSIONS + 1, STORE_PAGE_MAX};

    begin_many(fixture, sessions, SESSIONS);
    for (size_t i = 0; i < sizeof mosts / sizeof mosts[0]; i++)
        assert_agree(fixture, &everybody, mosts[i], sessions, SESSIONS);
}

CONTRACT_TEST(page, of_a_large_family_goes_on_where_the_last_one_ended)
{
    enum { SESSIONS = 2500 };
    static struct session sessions[SESSIONS + 1];
    const struct store_filter family = {.family_id = "f"}, device = {.device_id = "tv"};

    no_limits(fixture);
    for (int i = 0; i < SESSIONS; i++)
        sessions[i] = begin(fixture, "f", "tv", "u", "m");
    sessions[SESSIONS] = begin(fixture, "g", "phone", "u", "m");
    assert_agree(fixture, &family, 300, sessions, SESSIONS + 1);
    assert_agree(fixture, &device, STORE_PAGE_MAX, sessions, SESSIONS + 1);
}

enum { STAYING = 5000, STEPS_AT_LEAST = 20 };

/* What others do while an operator pages: one zaps, one beats, one goes, several come. */
static void let_others_do(struct store_fixture *fixture, struct session *staying, int step,
                          struct session *passing)
{
    char title[32];

    snprintf(title, sizeof title, "title %d", step);
    ask_zap(fixture, &staying[step % STAYING], title, "");
    ask_heartbeat(fixture, &staying[(step * 31) % STAYING]);
    if (step > 0)
        ask_end(fixture, passing, END_STOPPED);
    for (int i = 0; i < 10; i++) {
        char name[32];

        snprintf(name, sizeof name, "late%d-%d", step, i);
        *passing = begin(fixture, name, name, name, "media");
    }
}

CONTRACT_TEST(page, skips_nobody_who_lives_throughout)
{
    static struct session staying[STAYING];
    static struct ask_ids ids;
    struct session passing = {0};
    store_cursor cursor = "";
    int step = 0;

    ids.count = 0;
    begin_many(fixture, staying, STAYING);
    do {
        ask_page_into(fixture, &everybody, 100, cursor, &ids);
        let_others_do(fixture, staying, step++, &passing);
        cr_assert_lt(step, 100000, "it never ends");
    } while (cursor[0] != '\0');
    cr_assert_geq(step, STEPS_AT_LEAST);
    for (int i = 0; i < STAYING; i++)
        cr_assert(ask_ids_has(&ids, staying[i].id), "session %d", i);
}

CONTRACT_TEST(page, skips_nobody_while_the_store_grows_and_shrinks_manyfold)
{
    enum { FIRST = 300, GROWTH = 4000 };
    static struct session first[FIRST];
    static struct ask_ids ids;
    store_cursor cursor = "";

    ids.count = 0;
    begin_many(fixture, first, FIRST);
    ask_set_limits(fixture, "grown", 0, 0, 0);
    ask_page_into(fixture, &everybody, 20, cursor, &ids);
    for (int i = 0; i < GROWTH; i++) {
        if (i == GROWTH / 8 || i == GROWTH / 2)
            ask_page_into(fixture, &everybody, 20, cursor, &ids);
        begin(fixture, "grown", "tv", "u", "m");
    }
    ask_page_into(fixture, &everybody, 20, cursor, &ids);
    ask_revoke(fixture, "grown", "", "", 0);
    for (int pages = 0; cursor[0] != '\0'; pages++) {
        ask_page_into(fixture, &everybody, 20, cursor, &ids);
        cr_assert_lt(pages, 100000, "it never ends");
    }
    for (int i = 0; i < FIRST; i++)
        cr_assert(ask_ids_has(&ids, first[i].id), "session %d", i);
}

/* ---- Cursors ---- */

CONTRACT_TEST(page, refuses_a_cursor_that_is_not_the_stores)
{
    const char *const wrong[] = {"x", "12x", "0 ", "\x01", "%s", "null", "{}", "../1"};
    struct session sessions[30];
    store_cursor cursor;

    begin_many(fixture, sessions, 30);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        strcpy(cursor, wrong[i]);
        const struct store_req *answer = ask_page(fixture, &everybody, 10, cursor);
        ASSERT_ERR(answer, ERR_INVALID_REQUEST);
        cr_assert_eq(answer->stream_count, 0);
    }
    memset(cursor, '7', sizeof cursor - 1);
    cursor[sizeof cursor - 1] = '\0';
    ASSERT_ERR(ask_page(fixture, &everybody, 10, cursor), ERR_INVALID_REQUEST);
}

CONTRACT_TEST(page, a_cursor_is_good_on_another_handle)
{
    enum { SESSIONS = 40 };
    struct session sessions[SESSIONS];
    bool found[SESSIONS] = {false};
    struct store_query query = {.page = {.most = 7}};
    const struct store_req req = {.op = STORE_PAGE, .query = &query};
    int pages = 0;

    begin_many(fixture, sessions, SESSIONS);
    do {
        const struct store_req *answer = store_fixture_run(fixture, pages++ % 2, &req);

        ASSERT_ERR(answer, ERR_OK);
        cr_assert_lt(pages, 1000, "it never ends");
        for (size_t i = 0; i < answer->stream_count; i++)
            for (int s = 0; s < SESSIONS; s++)
                if (strcmp(answer->streams[i].session.id, sessions[s].id) == 0)
                    found[s] = true;
        strcpy(query.page.cursor, answer->query->page.cursor);
    } while (query.page.cursor[0] != '\0');
    for (int i = 0; i < SESSIONS; i++)
        cr_assert(found[i], "session %d", i);
}
