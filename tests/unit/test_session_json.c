/* A session as JSON: what is written, what is read back, and what is refused. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "json_writer.h"
#include "session_json.h"

#define STARTED   "2026-11-20T23:40:00.123Z"
#define HEARTBEAT "2026-11-20T23:41:00.456Z"
#define IDS       "\"userId\":\"u1\",\"mediaId\":\"m1\",\"deviceId\":\"d1\",\"familyId\":\"f1\""
#define TIMES     "\"startedAt\":\"" STARTED "\",\"lastHeartbeat\":\"" HEARTBEAT "\""

static const struct session plain = {
    .id = "AZaz09-_AZaz09-_AZaz09",
    .user_id = "u1",
    .family_id = "f1",
    .device_id = "d1",
    .media_id = "m1",
};

/* The whole text, put together as a store does. The caller frees it. */
static char *written(const struct session *session, const char *started, const char *last_heartbeat)
{
    struct buf head = BUF_EMPTY, middle = BUF_EMPTY;

    cr_assert_eq(session_json_parts(session, &head, &middle), 0);
    buf_add_str(&head, started);
    buf_add(&head, middle.data, middle.len);
    buf_add_str(&head, last_heartbeat);
    buf_add_str(&head, SESSION_JSON_TAIL);
    buf_done(&middle);
    return buf_text(&head);
}

static int parse(const char *text)
{
    struct session session = plain;

    return session_json_parse(text, strlen(text), &session);
}

/* Parses an otherwise good session with one more member, given as `"name":value`. */
static int parse_with(const char *member)
{
    struct buf text = BUF_EMPTY;

    buf_printf(&text, "{" IDS ",%s," TIMES "}", member);
    int result = parse(buf_text(&text));
    buf_done(&text);
    return result;
}

/* `"name":"xxx…"`, with len bytes x. The caller frees it. */
static char *long_member(const char *name, size_t len)
{
    struct buf text = BUF_EMPTY;

    buf_printf(&text, "\"%s\":\"", name);
    for (size_t i = 0; i < len; i++)
        buf_add_char(&text, 'x');
    buf_add_char(&text, '"');
    return buf_text(&text);
}

static void fill(char *text, size_t size, char c)
{
    memset(text, c, size - 1);
    text[size - 1] = '\0';
}

Test(session_json, writes_what_was_given_in_the_stored_order)
{
    char *text = written(&plain, STARTED, HEARTBEAT);

    cr_assert_str_eq(text, "{" IDS "," TIMES "}");
    free(text);
}

Test(session_json, writes_the_optional_members_before_the_last_heartbeat)
{
    struct session session = plain;

    strcpy(session.device_name, "Kitchen TV");
    strcpy(session.media_title, "Blue Planet");
    strcpy(session.platform, "tizen");
    strcpy(session.player_id, "tab-1");
    strcpy(session.metadata, "{\"bitrate\":[1,2]}");

    char *text = written(&session, STARTED, HEARTBEAT);
    cr_assert_str_eq(text, "{" IDS ",\"startedAt\":\"" STARTED "\",\"deviceName\":\"Kitchen TV\","
                           "\"mediaTitle\":\"Blue Planet\",\"platform\":\"tizen\","
                           "\"playerId\":\"tab-1\",\"metadata\":{\"bitrate\":[1,2]},"
                           "\"lastHeartbeat\":\"" HEARTBEAT "\"}");
    free(text);
}

Test(session_json, ends_in_the_44_bytes_that_a_heartbeat_looks_at)
{
    char *text = written(&plain, STARTED, HEARTBEAT);

    cr_assert_str_eq(text + strlen(text) - SESSION_JSON_HEARTBEAT_LEN,
                     ",\"lastHeartbeat\":\"" HEARTBEAT "\"}");
    free(text);
}

Test(session_json, reads_back_any_text_that_it_wrote)
{
    for (int c = 1; c < 128; c++) {
        struct session session = plain, back = {.id = "kept"};

        session.user_id[0] = (char)c;
        fill(session.media_id, sizeof session.media_id, (char)c);
        fill(session.device_name, sizeof session.device_name, (char)c);
        fill(session.player_id, sizeof session.player_id, (char)c);
        strcpy(session.family_id, "Müller \xf0\x9f\x93\xba");
        strcpy(session.metadata, "{\"a\":\"\\\"\\\\\"}");

        char *text = written(&session, STARTED, HEARTBEAT);
        cr_assert_eq(session_json_parse(text, strlen(text), &back), 0, "character %d", c);
        free(text);

        cr_assert_str_eq(back.id, "kept");
        cr_assert_str_eq(back.user_id, session.user_id);
        cr_assert_str_eq(back.family_id, session.family_id);
        cr_assert_str_eq(back.device_id, session.device_id);
        cr_assert_str_eq(back.media_id, session.media_id);
        cr_assert_str_eq(back.device_name, session.device_name);
        cr_assert_str_eq(back.media_title, "");
        cr_assert_str_eq(back.platform, "");
        cr_assert_str_eq(back.player_id, session.player_id);
        cr_assert_str_eq(back.metadata, session.metadata);
    }
}

Test(session_json, reads_the_times)
{
    struct session session;
    const char *text = "{" IDS "," TIMES "}";
    int64_t started, last_heartbeat;

    cr_assert_eq(clock_parse(STARTED, CLOCK_TEXT_LEN, &started), 0);
    cr_assert_eq(clock_parse(HEARTBEAT, CLOCK_TEXT_LEN, &last_heartbeat), 0);
    session = plain;
    cr_assert_eq(session_json_parse(text, strlen(text), &session), 0);
    cr_assert_eq(session.started_ms, started);
    cr_assert_eq(session.last_heartbeat_ms, last_heartbeat);
}

Test(session_json, reads_what_another_writer_shaped_differently)
{
    struct session session = plain;
    const char *text = "\n{ " TIMES ", \"more\": [1, {\"a\": null}], \"deviceName\": null, "
                       "\"metadata\": { \"b\" : 2, \"a\" : 1.5 }, " IDS " }\n";

    strcpy(session.device_name, "of before");
    cr_assert_eq(session_json_parse(text, strlen(text), &session), 0);
    cr_assert_str_eq(session.id, plain.id);
    cr_assert_str_eq(session.user_id, "u1");
    cr_assert_str_eq(session.device_name, "");
    cr_assert_str_eq(session.metadata, "{\"b\":2,\"a\":1.5}");
}

Test(session_json, reads_no_further_than_it_was_told)
{
    struct session session = plain;
    const char *text = "{" IDS "," TIMES "}garbage";

    cr_assert_eq(session_json_parse(text, strlen(text) - strlen("garbage"), &session), 0);
    cr_assert_eq(session_json_parse(text, strlen(text), &session), -1);
}

Test(session_json, leaves_the_session_alone_where_it_refuses)
{
    struct session session = plain;
    const char *text = "{" IDS ",\"startedAt\":\"" STARTED "\"}";

    cr_assert_eq(session_json_parse(text, strlen(text), &session), -1);
    cr_assert_eq(memcmp(&session, &plain, sizeof session), 0);
}

Test(session_json, refuses_every_truncation)
{
    struct session session = plain;
    const char *text = "{" IDS ",\"metadata\":{\"a\":[1]}," TIMES "}";

    for (size_t len = 0; len < strlen(text); len++) {
        char *exact = malloc(len + 1); /* so that reading on is seen by the address sanitizer */

        memcpy(exact, text, len);
        exact = realloc(exact, len ? len : 1);
        cr_assert_eq(session_json_parse(exact, len, &session), -1, "of %zu bytes", len);
        free(exact);
    }
}

Test(session_json, refuses_a_session_without_one_of_its_members)
{
    const char *missing[] = {
        "{\"mediaId\":\"m1\",\"deviceId\":\"d1\",\"familyId\":\"f1\"," TIMES "}",
        "{\"userId\":\"u1\",\"deviceId\":\"d1\",\"familyId\":\"f1\"," TIMES "}",
        "{\"userId\":\"u1\",\"mediaId\":\"m1\",\"familyId\":\"f1\"," TIMES "}",
        "{\"userId\":\"u1\",\"mediaId\":\"m1\",\"deviceId\":\"d1\"," TIMES "}",
        "{" IDS ",\"startedAt\":\"" STARTED "\"}",
        "{" IDS ",\"lastHeartbeat\":\"" HEARTBEAT "\"}",
        "{}",
    };

    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        cr_assert_eq(parse(missing[i]), -1, "%s", missing[i]);
}

Test(session_json, refuses_what_is_no_object)
{
    const char *others[] = {"",  " ", "null",    "[]",   "\"x\"",
                            "1", "{", "{\"a\"}", "\xff", "{\"\xff\":1}"};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_eq(parse(others[i]), -1, "%s", others[i]);
}

Test(session_json, refuses_members_of_another_type_or_form)
{
    const char *members[] = {
        "\"userId\":\"\"",
        "\"userId\":null",
        "\"userId\":1",
        "\"userId\":[\"u1\"]",
        "\"userId\":\"a\\u0000b\"",
        "\"userId\":\"\xc3\"",
        "\"deviceName\":1",
        "\"deviceName\":{}",
        "\"platform\":\"a\\u0000b\"",
        "\"metadata\":[]",
        "\"metadata\":\"{}\"",
        "\"metadata\":{\"a\":\"\\u0000\"}",
        "\"metadata\":{\"a\":1e999}",
    };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        cr_assert_eq(parse_with(members[i]), -1, "%s", members[i]);
}

Test(session_json, refuses_ill_formed_times)
{
    const char *times[] = {
        "1795218000123",    "\"\"", "\"2026-11-20T23:40:00Z\"", "\"2026-02-30T23:40:00.123Z\"",
        "\"" STARTED " \"", "null"};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct buf text = BUF_EMPTY;

        buf_printf(&text, "{" IDS ",\"startedAt\":\"" STARTED "\",\"lastHeartbeat\":%s}", times[i]);
        cr_assert_eq(parse(buf_text(&text)), -1, "%s", times[i]);
        buf_clear(&text);
        buf_printf(&text, "{" IDS ",\"startedAt\":%s,\"lastHeartbeat\":\"" STARTED "\"}", times[i]);
        cr_assert_eq(parse(buf_text(&text)), -1, "%s", times[i]);
        buf_done(&text);
    }
}

Test(session_json, holds_names_to_their_lengths)
{
    const struct {
        const char *name;
        size_t max;
    } names[] = {
        {"userId", SESSION_NAME_MAX},     {"mediaId", SESSION_NAME_MAX},
        {"deviceId", SESSION_NAME_MAX},   {"familyId", SESSION_NAME_MAX},
        {"deviceName", SESSION_NAME_MAX}, {"mediaTitle", SESSION_NAME_MAX},
        {"platform", SESSION_NAME_MAX},   {"playerId", SESSION_PLAYER_MAX},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *longest = long_member(names[i].name, names[i].max);
        char *too_long = long_member(names[i].name, names[i].max + 1);

        cr_assert_eq(parse_with(longest), 0, "%s", names[i].name);
        cr_assert_eq(parse_with(too_long), -1, "%s", names[i].name);
        free(longest);
        free(too_long);
    }
}

Test(session_json, holds_metadata_to_its_length)
{
    enum { AROUND = 8 }; /* {"a":""} */
    const size_t lens[] = {SESSION_METADATA_MAX - AROUND, SESSION_METADATA_MAX - AROUND + 1};

    for (int i = 0; i < 2; i++) {
        char *inner = long_member("a", lens[i]);
        struct buf member = BUF_EMPTY;

        buf_printf(&member, "\"metadata\":{%s}", inner);
        cr_assert_eq(parse_with(buf_text(&member)), i == 0 ? 0 : -1);
        buf_done(&member);
        free(inner);
    }
}

Test(session_json, survives_values_of_a_megabyte_and_deep_nesting)
{
    struct buf nested = BUF_EMPTY;
    char *huge = long_member("userId", 1 << 20), *huge_unknown = long_member("more", 1 << 20);

    cr_assert_eq(parse_with(huge), -1);
    cr_assert_eq(parse_with(huge_unknown), 0);
    free(huge);
    free(huge_unknown);

    for (int depth = 16; depth <= 1 << 20; depth *= 4) {
        buf_clear(&nested);
        buf_add_str(&nested, "\"metadata\":{\"a\":");
        for (int i = 0; i < depth; i++)
            buf_add_char(&nested, '[');
        for (int i = 0; i < depth; i++)
            buf_add_char(&nested, ']');
        buf_add_char(&nested, '}');
        cr_assert_eq(parse_with(buf_text(&nested)), depth * 2 < SESSION_METADATA_MAX ? 0 : -1);
    }
    buf_done(&nested);
}

/* The session document. The caller frees it. */
static char *document_of(const struct session *session)
{
    struct buf text = BUF_EMPTY;
    struct json_writer writer = {.out = &text};

    json_writer_begin_object(&writer, NULL);
    session_json_document(&writer, session);
    json_writer_end_object(&writer);
    return buf_text(&text);
}

Test(session_json, shows_a_document_with_what_was_given)
{
    struct session session = plain;

    clock_parse(STARTED, CLOCK_TEXT_LEN, &session.started_ms);
    clock_parse(HEARTBEAT, CLOCK_TEXT_LEN, &session.last_heartbeat_ms);

    char *text = document_of(&session);
    cr_assert_str_eq(text, "{\"sessionId\":\"AZaz09-_AZaz09-_AZaz09\",\"userId\":\"u1\","
                           "\"familyId\":\"f1\",\"deviceId\":\"d1\",\"mediaId\":\"m1\"," TIMES "}");
    free(text);

    strcpy(session.device_name, "Küche");
    strcpy(session.media_title, "Blue Planet");
    strcpy(session.platform, "tizen");
    strcpy(session.player_id, "tab-1");
    strcpy(session.metadata, "{\"a\":[1,{}]}");
    text = document_of(&session);
    cr_assert_str_eq(text, "{\"sessionId\":\"AZaz09-_AZaz09-_AZaz09\",\"userId\":\"u1\","
                           "\"familyId\":\"f1\",\"deviceId\":\"d1\",\"mediaId\":\"m1\","
                           "\"deviceName\":\"Küche\",\"mediaTitle\":\"Blue Planet\","
                           "\"platform\":\"tizen\",\"playerId\":\"tab-1\","
                           "\"metadata\":{\"a\":[1,{}]}," TIMES "}");
    free(text);
}
