/* GET /admin/v1/sessions: who watches, page by page. */
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"

API_SUITES;

enum { SEEN_MAX = 512 };

/* The sessions that pages have shown. */
struct seen {
    char ids[SEEN_MAX][23];
    size_t count;
    size_t pages;
};

static bool has_seen(const struct seen *seen, const char *id)
{
    for (size_t i = 0; i < seen->count; i++)
        if (strcmp(seen->ids[i], id) == 0)
            return true;
    return false;
}

/* Takes one page in. Returns the cursor behind it, valid as api_text's; NULL at the end. */
static const char *see_page(struct http_client *client, const char *query, size_t most,
                            struct seen *seen)
{
    struct http_answer answer = admin_get(client, api_text("/admin/v1/sessions?%s", query));
    const json_t *sessions = http_answer_member(&answer, "sessions");
    const char *cursor = NULL;
    const json_t *session;
    size_t i;

    cr_expect_eq(json_object_size(answer.json), 2, "%s", answer.body);
    cr_assert_leq(json_array_size(sessions), most, "%s", answer.body);
    json_array_foreach (sessions, i, session) {
        const char *id = json_string_value(json_object_get(session, "sessionId"));

        if (!has_seen(seen, id)) {
            cr_assert_lt(seen->count, SEEN_MAX);
            strcpy(seen->ids[seen->count++], id);
        }
    }
    if (!json_is_null(http_answer_member(&answer, "cursor"))) {
        cr_assert_str_neq(http_answer_text(&answer, "cursor"), "", "%s", answer.body);
        cursor = api_text("%s", http_answer_text(&answer, "cursor"));
        cr_expect_eq(
            strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            strlen(cursor), "%s", cursor);
    }
    seen->pages++;
    http_answer_done(&answer);
    return cursor;
}

/* Goes through all pages. */
static void see_all(struct http_client *client, const char *query, size_t limit, struct seen *seen)
{
    const char *cursor = "";

    *seen = (struct seen){.count = 0};
    do {
        cr_assert_lt(seen->pages, SEEN_MAX, "it has no end");
        cursor = see_page(
            client,
            api_text("%s&limit=%zu%s%s", query, limit, cursor[0] != '\0' ? "&cursor=" : "", cursor),
            limit, seen);
    } while (cursor != NULL);
}

/* Sessions of `families` families, two for each, on devices of their own. */
static void admit_many(struct http_client *player, size_t families)
{
    for (size_t i = 0; i < families; i++)
        for (size_t n = 0; n < 2; n++)
            api_admit(player, api_text("fam-%zu", i), api_text("dev-%zu", i), NULL);
}

static const char *const no_rate[] = {"GATEWAY_RATE_LIMIT_CREATE=0", NULL};

ON_BOTH_STORES(lists_every_session_whatever_the_pages_size)
{
    static const size_t limits[] = {1, 7, 100, 1000};
    struct admin_fixture admin = admin_fixture_start(store, no_rate);
    static struct seen seen;

    see_all(admin.client, "", 10, &seen);
    cr_expect_eq(seen.count, 0);
    admit_many(admin.api.client, 60);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        see_all(admin.client, "", limits[i], &seen);
        cr_expect_eq(seen.count, 120, "%zu of 120 by %zu", seen.count, limits[i]);
    }
    cr_expect_leq(seen.pages, 2, "%zu pages of 1000", seen.pages);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(shows_documents_without_token_and_a_hundred_where_nothing_is_said)
{
    struct admin_fixture admin = admin_fixture_start(store, no_rate);
    struct api_session session = api_admit(admin.api.client, "f1", "d1", "'mediaTitle':'T'");
    struct http_answer own = api_call(admin.api.client, "GET", &session, "");
    struct http_answer answer = admin_get(admin.client, "/admin/v1/sessions?family=f1");
    json_t *entry = json_array_get(http_answer_member(&answer, "sessions"), 0);

    cr_expect_geq(json_integer_value(json_object_get(entry, "idleSeconds")), 0);
    cr_expect_null(strstr(answer.body, "token"), "%s", answer.body);
    json_object_del(entry, "idleSeconds");
    json_object_del(entry, "expiresAt");
    json_object_del(own.json, "expiresAt");
    cr_expect(json_equal(entry, own.json), "%s isn't %s", answer.body, own.body);
    http_answer_done(&answer);
    http_answer_done(&own);

    admit_many(admin.api.client, 60);
    answer = admin_get(admin.client, "/admin/v1/sessions");
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 100);
    cr_expect(json_is_string(http_answer_member(&answer, "cursor")));
    http_answer_done(&answer);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(filters_by_family_device_user_and_media_and_by_several)
{
    struct admin_fixture admin = admin_fixture_start(store, NULL);
    struct http_client *player = admin.api.client;
    static const char *const creates[] = {
        "{'userId':'ann','familyId':'a','deviceId':'tv','mediaId':'film'}",
        "{'userId':'ann','familyId':'a','deviceId':'phone','mediaId':'news'}",
        "{'userId':'bob','familyId':'b','deviceId':'tv','mediaId':'film'}",
        "{'userId':'bob c','familyId':'b/c','deviceId':'x','mediaId':'news'}",
    };
    static const struct {
        const char *query;
        const char *found; /* of the above */
    } cases[] = {
        {"family=a", "01"},        {"device=tv", "02"},          {"user=bob", "2"},
        {"media=news", "13"},      {"family=a&media=film", "0"}, {"device=tv&user=bob", "2"},
        {"family=a&user=bob", ""}, {"family=nobody", ""},        {"family=b%2Fc", "3"},
        {"user=bob%20c", "3"},     {"media=film", "02"},
    };
    char ids[4][23];

    for (size_t i = 0; i < 4; i++) {
        struct http_answer answer =
            http_client_ask(player, "POST", "/v1/sessions", NULL, api_json("%s", creates[i]));

        cr_assert_eq(answer.status, 201, "%s", answer.body);
        strcpy(ids[i], http_answer_text(&answer, "sessionId"));
        http_answer_done(&answer);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct seen seen;

        see_all(admin.client, cases[i].query, 1, &seen);
        cr_expect_eq(seen.count, strlen(cases[i].found), "%s: %zu", cases[i].query, seen.count);
        for (const char *n = cases[i].found; *n != '\0'; n++)
            cr_expect(has_seen(&seen, ids[*n - '0']), "%s lacks %c", cases[i].query, *n);
    }
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(skips_none_that_lives_throughout_while_others_come_and_go)
{
    struct admin_fixture admin = admin_fixture_start(store, no_rate);
    struct http_client *player = admin.api.client;
    struct api_session passing[40], staying[40];
    static struct seen seen;
    const char *cursor = "";

    for (size_t i = 0; i < 40; i++) {
        passing[i] = api_admit(player, api_text("p-%zu", i), api_text("p-%zu", i), NULL);
        staying[i] = api_admit(player, api_text("s-%zu", i), api_text("s-%zu", i), NULL);
    }
    for (size_t i = 0; cursor != NULL; i++) {
        char kept[1024];

        snprintf(kept, sizeof kept, "limit=3%s%s", cursor[0] != '\0' ? "&cursor=" : "", cursor);
        cursor = see_page(admin.client, kept, 3, &seen);
        snprintf(kept, sizeof kept, "%s", cursor != NULL ? cursor : "");
        if (i < 40)
            cr_expect_eq(api_status(api_call(player, "DELETE", &passing[i], "")), 204);
        api_admit(player, api_text("n-%zu", i), api_text("n-%zu", i), NULL);
        cr_assert_lt(i, 400);
        cursor = cursor != NULL ? api_text("%s", kept) : NULL;
    }
    for (size_t i = 0; i < 40; i++)
        cr_expect(has_seen(&seen, staying[i].id), "%zu was skipped", i);
    admin_fixture_stop(&admin);
}

ON_BOTH_STORES(refuses_parameters_that_are_none_and_names_them)
{
    static const struct {
        const char *query;
        const char *name;
    } cases[] = {
        {"limit=0", "limit: "},
        {"limit=1001", "limit: "},
        {"limit=ten", "limit: "},
        {"limit=-1", "limit: "},
        {"limit=1e2", "limit: "},
        {"limit=", "limit: "},
        {"limit", "limit: "},
        {"limit=1&limit=1", "limit: "},
        {"limit=99999999999999999999999", "limit: "},
        {"familyId=f1", "familyId: "},
        {"page=2", "page: "},
        {"family=", "family: "},
        {"family=%0A", "family: "},
        {"user=%FF", "user: "},
        {"media=%zz", "media: "},
        {"device=a%00b", "device: "},
        {"cursor=x", "cursor: "},
        {"cursor=%21", "cursor: "},
        {"cursor=AAAA", "cursor: "},
        {"cursor=MDp4eHh4", "cursor: "}, /* 0:xxxx */
        {"cursor=OTk5OTk6", "cursor: "}, /* 99999: */
        {"=x", "the query: "},
        {"%0A=x", "%0A: "},
    };
    struct admin_fixture admin = admin_fixture_start(store, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        admin_expect_refused_for(
            admin_ask(admin.client, "GET", api_text("/admin/v1/sessions?%s", cases[i].query), NULL),
            cases[i].name);
    cr_expect_eq(api_status(admin_ask(admin.client, "GET", "/admin/v1/sessions?&", NULL)), 200);
    admin_fixture_stop(&admin);
}
