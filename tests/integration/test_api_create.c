/* POST /v1/sessions: who is admitted, and what the answers say (DESIGN.md section 2). */
#include <string.h>

#include "api_fixture.h"
#include "clock.h"
#include "session.h"

API_SUITES;

/* Whether an answer's JSON has these members and no others; names end with NULL. */
static void expect_members(const json_t *object, const char *const *names)
{
    size_t count = 0;

    for (; names[count] != NULL; count++)
        cr_expect_not_null(json_object_get(object, names[count]), "no member %s", names[count]);
    cr_expect_eq(json_object_size(object), count, "there are %zu members instead of %zu",
                 json_object_size(object), count);
}

static int64_t time_of(const struct http_answer *answer, const char *member)
{
    const char *text = http_answer_text(answer, member);
    int64_t wall_ms = 0;

    cr_assert_eq(clock_parse(text, strlen(text), &wall_ms), 0, "%s is \"%s\"", member, text);
    return wall_ms;
}

static const char everything[] =
    "'userId':'ü 1','familyId':'f1','deviceId':'d1','mediaId':'m1','deviceName':'Kitchen TV',"
    "'playerId':'tab-1','mediaTitle':'Blue Planet','platform':'tvOS 18',"
    "'metadata':{'a':[1,2.5,null],'b':{}},'onLimit':'reject','of_no_meaning':[1]";

ON_BOTH_STORES(answers_201_with_the_session_its_token_and_its_place)
{
    static const char *const names[] = {
        "sessionId",  "token",    "userId",     "familyId",      "deviceId",          "mediaId",
        "deviceName", "playerId", "mediaTitle", "platform",      "metadata",          "startedAt",
        "expiresAt",  "ttl",      "usage",      "lastHeartbeat", "heartbeatInterval", NULL};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct http_answer answer =
        http_client_ask(api.client, "POST", "/v1/sessions", NULL, api_json("{%s}", everything));

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    expect_members(answer.json, names);
    const char *id = http_answer_text(&answer, "sessionId");
    cr_expect(session_id_is_valid(id, strlen(id)), "%s", id);
    api_expect_header(&answer, "Location", api_text("/v1/sessions/%s", id));
    api_expect_header(&answer, "Content-Type", "application/json");
    cr_expect_str_eq(http_answer_text(&answer, "userId"), "ü 1");
    cr_expect_str_eq(http_answer_text(&answer, "mediaTitle"), "Blue Planet");
    cr_expect_str_eq(http_answer_text(&answer, "playerId"), "tab-1");
    cr_expect_not_null(strstr(answer.body, api_json("'metadata':{'a':[1,2.5,null],'b':{}}")));
    cr_expect_eq(http_answer_number(&answer, "ttl"), 300);
    cr_expect_eq(http_answer_number(&answer, "heartbeatInterval"), 60);
    cr_expect_eq(time_of(&answer, "lastHeartbeat"), time_of(&answer, "startedAt"));
    cr_expect_eq(time_of(&answer, "expiresAt") - time_of(&answer, "startedAt"), 300 * 1000);
    cr_expect_not_null(strstr(answer.body, api_json("'usage':{'family':{'active':1,'limit':10},"
                                                    "'device':{'active':1,'limit':2}}")));
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(leaves_members_out_that_were_not_given)
{
    static const char *const names[] = {
        "sessionId", "token",     "userId",        "familyId", "deviceId", "mediaId",
        "startedAt", "expiresAt", "lastHeartbeat", "ttl",      "usage",    "heartbeatInterval",
        NULL};
    struct api_fixture api = api_fixture_start(store, NULL);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    expect_members(answer.json, names);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(counts_a_family_and_a_device_apart)
{
    struct api_fixture api = api_fixture_start(store, NULL);

    api_admit(api.client, "f1", "d1", NULL);
    api_admit(api.client, "f1", "d2", NULL);
    api_admit(api.client, "f2", "d2", NULL);
    struct http_answer answer = api_create(api.client, "f1", "d3", NULL);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 3, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 1, "%s", answer.body);
    http_answer_done(&answer);
    answer = api_create(api.client, "f2", "d1", NULL);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 2, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 2, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(knows_no_limit_where_it_is_set_to_0_and_shows_it_as_null)
{
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=0", "GATEWAY_LIMITS_DEVICE=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);

    for (int i = 0; i < 15; i++)
        api_admit(api.client, "f1", "d1", NULL);
    struct http_answer answer = api_create(api.client, "f1", "d1", NULL);
    cr_expect_eq(http_answer_number(&answer, "usage.family.active"), 16, "%s", answer.body);
    cr_expect(json_is_null(http_answer_member(&answer, "usage.family.limit")));
    cr_expect(json_is_null(http_answer_member(&answer, "usage.device.limit")));
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_names_of_one_byte_up_to_their_most_and_no_longer_ones)
{
    static const struct {
        const char *name;
        int most;
    } members[] = {{"userId", 128},     {"familyId", 128},   {"deviceId", 128}, {"mediaId", 128},
                   {"deviceName", 128}, {"mediaTitle", 128}, {"platform", 128}, {"playerId", 64}};
    static const char *const env[] = {"GATEWAY_LIMITS_FAMILY=0", "GATEWAY_LIMITS_DEVICE=0", NULL};
    struct api_fixture api = api_fixture_start(store, env);
    char text[130];

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const int lens[] = {0, 1, members[i].most, members[i].most + 1};

        for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j++) {
            json_auto_t *object = json_pack("{s:s,s:s,s:s,s:s}", "userId", "u", "familyId", "f",
                                            "deviceId", "d", "mediaId", "m");
            memset(text, 'x', sizeof text);
            if (lens[j] >= 2) /* bytes count, not characters */
                memcpy(text, "ü", strlen("ü"));
            json_object_set_new(object, members[i].name, json_stringn(text, (size_t)lens[j]));
            char *body = json_dumps(object, 0);
            struct http_answer answer =
                http_client_ask(api.client, "POST", "/v1/sessions", NULL, body);

            free(body);
            if (lens[j] == 0 || lens[j] > members[i].most) {
                api_expect_problem(&answer, 400, "invalid_request");
                api_expect_detail(&answer, members[i].name);
            } else {
                cr_expect_eq(answer.status, 201, "%d bytes: %s", lens[j], answer.body);
                cr_expect_eq(strlen(http_answer_text(&answer, members[i].name)), lens[j]);
            }
            http_answer_done(&answer);
        }
    }
    api_fixture_stop(&api);
}

ON_BOTH_STORES(keeps_the_longest_names_whole_through_token_store_and_answers)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    char name[129] = {0}, player[65] = {0};
    struct api_session session;

    memset(name, 'n', 128);
    memset(player, 'p', 64);
    struct http_answer answer = http_client_ask(
        api.client, "POST", "/v1/sessions", NULL,
        api_json("{'userId':'%s','familyId':'%s','deviceId':'%s','mediaId':'%s','deviceName':'%s',"
                 "'mediaTitle':'%s','platform':'%s','playerId':'%s'}",
                 name, name, name, name, name, name, name, player));
    cr_assert_eq(answer.status, 201, "%s", answer.body);
    strcpy(session.id, http_answer_text(&answer, "sessionId"));
    strcpy(session.token, http_answer_text(&answer, "token"));
    http_answer_done(&answer);

    answer = api_call(api.client, "GET", &session, "");
    cr_expect_eq(answer.status, 200, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "platform"), name);
    cr_expect_str_eq(http_answer_text(&answer, "playerId"), player);
    http_answer_done(&answer);
    answer =
        http_client_ask(api.client, "GET", "/v1/authorize", api_token_header(session.token), NULL);
    api_expect_header(&answer, "X-Stream-Media", name);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(takes_metadata_of_1_kib_and_no_more)
{
    struct api_fixture api = api_fixture_start(store, NULL);
    char filling[1025] = {0};
    const size_t most = 1024 - strlen("{\"k\":\"\"}");

    for (size_t more = 0; more < 2; more++) {
        memset(filling, 'x', most + more);
        struct http_answer answer =
            api_create(api.client, "f1", "d1", api_text("'metadata': { 'k' : '%s' } ", filling));
        if (more == 0) {
            cr_expect_eq(answer.status, 201, "%s", answer.body);
            cr_expect_str_eq(http_answer_text(&answer, "metadata.k"), filling);
        } else {
            api_expect_problem(&answer, 400, "invalid_request");
            api_expect_detail(&answer, "metadata");
        }
        http_answer_done(&answer);
    }
    api_fixture_stop(&api);
}

Test(embedded, refuses_characters_that_steer_and_names_the_member)
{
    static const char *const steering[] = {
        "\\u0001", "\\n",     "\\u001f", "\\u007f", "\\u0080", "\\u0085", "\\u009f", "\\u061c",
        "\\u200e", "\\u200f", "\\u2028", "\\u2029", "\\u202a", "\\u202e", "\\u2066", "\\u2069"};
    static const char *const names[] = {"userId",     "familyId",   "deviceId", "mediaId",
                                        "deviceName", "mediaTitle", "platform", "playerId"};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, NULL);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof steering / sizeof steering[0]; j++) {
            /* the last of equal members would win, but duplicates are refused: so leave one out */
            const char *body =
                api_json("{%s%s%s%s'%s':'a%sb'}", i == 0 ? "" : "'userId':'u',",
                         i == 1 ? "" : "'familyId':'f',", i == 2 ? "" : "'deviceId':'d',",
                         i == 3 ? "" : "'mediaId':'m',", names[i], steering[j]);
            struct http_answer answer =
                http_client_ask(api.client, "POST", "/v1/sessions", NULL, body);

            api_expect_problem(&answer, 400, "invalid_request");
            api_expect_detail(&answer, names[i]);
            http_answer_done(&answer);
        }
    }
    api_fixture_stop(&api);
}

Test(embedded, refuses_members_that_are_missing_or_ill_typed_and_names_them)
{
    static const struct {
        const char *body;
        const char *named;
    } cases[] = {
        {"{'familyId':'f','deviceId':'d','mediaId':'m'}", "userId"},
        {"{'userId':'u','deviceId':'d','mediaId':'m'}", "familyId"},
        {"{'userId':'u','familyId':'f','mediaId':'m'}", "deviceId"},
        {"{'userId':'u','familyId':'f','deviceId':'d'}", "mediaId"},
        {"{'userId':1,'familyId':'f','deviceId':'d','mediaId':'m'}", "userId"},
        {"{'userId':'u','familyId':null,'deviceId':'d','mediaId':'m'}", "familyId"},
        {"{'userId':'u','familyId':'f','deviceId':['d'],'mediaId':'m'}", "deviceId"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':{}}", "mediaId"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m','playerId':7}", "playerId"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m','metadata':[]}", "metadata"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m','metadata':'x'}", "metadata"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m','replace':'x'}", "replace"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m','replace':['x']}", "replace"},
        {"{'userId':'u','familyId':'f','deviceId':'d','mediaId':'m','replace':[1]}", "replace"},
        {"{}", "userId"},
    };
    struct api_fixture api = api_fixture_start(API_EMBEDDED, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer answer = http_client_ask(api.client, "POST", "/v1/sessions", NULL,
                                                    api_json("%s", cases[i].body));

        api_expect_problem(&answer, 400, "invalid_request");
        api_expect_detail(&answer, cases[i].named);
        http_answer_done(&answer);
    }
    cr_expect_eq(http_client_connections(api.client), 1);
    api_fixture_stop(&api);
}

Test(embedded, refuses_bodies_that_are_no_json_object)
{
    static const struct {
        const char *body;
        const char *code;
    } cases[] = {
        {"", "invalid_request"},
        {"[]", "invalid_request"},
        {"'x'", "invalid_json"},
        {"{", "invalid_json"},
        {"{} {}", "invalid_json"},
        {"{\"userId\":\"\xff\"}", "invalid_json"},
        {"{\"userId\":\"a\\u0000b\"}", "invalid_json"},
        {"{\"userId\":\"a\",\"userId\":\"a\",\"familyId\":\"f\",\"deviceId\":\"d\","
         "\"mediaId\":\"m\"}",
         "invalid_json"},
        {"{\"userId\":\"a\",\"familyId\":\"f\",\"deviceId\":\"d\",\"mediaId\":\"m\","
         "\"metadata\":{\"x\":1,\"x\":1}}",
         "invalid_json"},
    };
    struct api_fixture api = api_fixture_start(API_EMBEDDED, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        api_expect_refused(http_client_ask(api.client, "POST", "/v1/sessions", NULL, cases[i].body),
                           400, cases[i].code);
    api_fixture_stop(&api);
}
