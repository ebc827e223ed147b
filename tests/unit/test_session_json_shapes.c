/*
 * A session's value is read in one pass where it has the very shape that we write, and with jansson
 * where it hasn't: both must come to the same.
 *
 * A blank before a text changes nothing of what it means as JSON, but takes it off the quick way.
 * So each text is read as it is and behind a blank. The texts are made at random, by a seed that
 * stays the same: whole sessions as we write them, and such ones as another writer, or nobody,
 * would have made.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "session_json.h"

enum { ROUNDS = 20000 };

#define STARTED   "\"startedAt\":\"2026-11-20T23:40:00.123Z\""
#define HEARTBEAT "\"lastHeartbeat\":\"2026-11-20T23:41:00.456Z\""
#define OWN       "{\"userId\":\"u1\",\"mediaId\":\"m1\",\"deviceId\":\"d1\",\"familyId\":\"f1\"," STARTED

static uint64_t state = 1;

/* A number below limit, the same ones in every run. */
static size_t random_below(size_t limit)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % limit;
}

#define ONE_OF(words) (words)[random_below(sizeof(words) / sizeof(words)[0])]

/* Reads a text as it is and behind a blank; whether it is a session, of which *ret_session is the first. */
static bool reads_the_same(const char *text, size_t len, struct session *ret_session)
{
    struct session own = {.id = "kept"}, other = {.id = "kept"};
    char *exact = malloc(len ? len : 1); /* so that the address sanitizer sees reading on */
    char *shifted = malloc(len + 1);

    memcpy(exact, text, len);
    shifted[0] = ' ';
    memcpy(shifted + 1, text, len);
    int result = session_json_parse(exact, len, &own);
    cr_assert_eq(session_json_parse(shifted, len + 1, &other), result, "%.*s", (int)len, text);
    cr_assert_eq(memcmp(&own, &other, sizeof own), 0, "%.*s", (int)len, text);
    free(exact);
    free(shifted);
    *ret_session = own;
    return result == 0;
}

static void add_text(struct buf *buf)
{
    static const char *const pieces[] = {
        "a",
        "Kitchen TV",
        "K\xc3\xbc"
        "che",
        "\xf0\x9f\x93\xba",
        "\xe2\x80\xae",
        "/",
        "\x7f",
        "'",
        "}",
        "{",
        ",",
        ":",
        "\\\"",
        "\\\\",
        "\\u00fc",
        "\\u0000",
        "\\ud83d",
        "\\n",
        "\\x",
        "\n",
        "\xff",
        "\xc0\x80",
        "\xed\xa0\x80",
        "\xc3",
        "\"",
        "\xf4\x90\x80\x80",
        "0123456789012345678901234567890123456789012345678901234567890123",
    };
    /* Mostly what a name is made of, so that a whole session is often good. */
    size_t count = random_below(4),
           among = random_below(8) > 0 ? 4 : sizeof pieces / sizeof pieces[0];

    buf_add_char(buf, '"');
    for (size_t i = 0; i < count; i++)
        buf_add_str(buf, pieces[random_below(among)]);
    if (random_below(16) > 0)
        buf_add_char(buf, 'z');
    buf_add_char(buf, '"');
}

static void add_value(struct buf *buf, const char *name)
{
    static const char *const metadata[] = {
        "{}",
        "{\"a\":1}",
        "{\"a\":{\"b\":[1.5,true,null,\"\\u00fc\\/\"]}}",
        "{ \"a\" : 1e2 }",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1e999}",
        "{\"a\":01}",
        "[]",
        "null",
        "{},\"userId\":\"u2\"",
        "{},\"more\":{}",
        "{",
        "{}}",
        " {} ",
        "",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\xff\"}",
    };
    static const char *const times[] = {
        "\"2026-11-20T23:40:00.123Z\"",
        "\"2026-11-20T23:40:00.123Z\"",
        "\"2026-11-20T23:40:00.123Z\"",
        "\"2024-02-29T00:00:00.000Z\"",
        "\"2026-02-30T23:40:00.123Z\"",
        "\"2026-11-20T23:40:00.123\"",
        "\"2026-11-20T23:40:00\\u002e123Z\"",
        "1795218000123",
        "null",
    };
    static const char *const others[] = {"null", "1", "{}", "[\"x\"]", "\"\"", "true", ""};

    if (strcmp(name, "metadata") == 0)
        buf_add_str(buf, ONE_OF(metadata));
    else if (strcmp(name, "startedAt") == 0 || strcmp(name, "lastHeartbeat") == 0)
        buf_add_str(buf, ONE_OF(times));
    else if (random_below(32) == 0)
        buf_add_str(buf, ONE_OF(others));
    else
        add_text(buf);
}

/* A session, mostly in the order in which we write it. */
static void make_text(struct buf *ret_text)
{
    static const struct {
        const char *name;
        bool required;
    } members[] = {
        {"userId", true},    {"mediaId", true},     {"deviceId", true},      {"familyId", true},
        {"startedAt", true}, {"deviceName", false}, {"mediaTitle", false},   {"platform", false},
        {"playerId", false}, {"metadata", false},   {"lastHeartbeat", true},
    };
    static const char *const blanks[] = {" ", "\n", "\t", "  ", "\xef\xbb\xbf", ","};
    enum { COUNT = sizeof members / sizeof members[0] };

    buf_add_char(ret_text, '{');
    for (size_t i = 0; i < COUNT; i++) {
        size_t at = random_below(64) > 0 ? i : random_below(COUNT); /* another, or the same again */

        if (!members[at].required && random_below(2) == 0)
            continue;
        if (ret_text->len > 1)
            buf_add_char(ret_text, ',');
        if (random_below(64) == 0)
            buf_add_str(ret_text, ONE_OF(blanks));
        if (random_below(64) == 0)
            buf_add_str(ret_text, "\"more\":[{}],");
        buf_printf(ret_text, "\"%s\":", members[at].name);
        add_value(ret_text, members[at].name);
    }
    buf_add_char(ret_text, '}');
    if (random_below(32) == 0)
        buf_add_str(ret_text, ONE_OF(blanks));
}

/* Does one bad thing to a text, or none. */
static void spoil(struct buf *text)
{
    static const char bytes[] = "\"\\{}[],: \n\x00\xff"
                                "az0";
    size_t at = random_below(text->len);

    switch (random_below(8)) {
    case 0:
        text->len = at;
        break;
    case 1:
        text->data[at] = bytes[random_below(sizeof bytes - 1)];
        break;
    case 2:
        memmove(text->data + at, text->data + at + 1, text->len - at - 1);
        text->len--;
        break;
    default:
        break;
    }
}

Test(session_json_shapes, reads_any_text_as_jansson_does)
{
    struct buf text = BUF_EMPTY;
    struct session session;
    size_t good = 0;

    for (size_t i = 0; i < ROUNDS; i++) {
        buf_clear(&text);
        make_text(&text);
        spoil(&text);
        good += reads_the_same(text.data, text.len, &session);
    }
    buf_done(&text);
    /* Both kinds were met, and often. */
    cr_assert(good > ROUNDS / 20 && good < ROUNDS - ROUNDS / 20, "%zu of %d", good, (int)ROUNDS);
}

Test(session_json_shapes, reads_every_truncation_as_jansson_does)
{
    const char *text = OWN ",\"deviceName\":\"Kitchen TV\",\"metadata\":{\"a\":[1]}," HEARTBEAT "}";
    struct session session;

    cr_assert(reads_the_same(text, strlen(text), &session));
    for (size_t len = 0; len < strlen(text); len++)
        cr_assert_not(reads_the_same(text, len, &session), "of %zu bytes", len);
}

Test(session_json_shapes, takes_no_member_out_of_what_follows_metadata)
{
    const char *hidden = OWN ",\"metadata\":{\"a\":1},\"userId\":\"u2\"," HEARTBEAT "}";
    const char *twice = OWN ",\"metadata\":{\"a\":1},\"metadata\":{}," HEARTBEAT "}";
    struct session session;

    cr_assert(reads_the_same(hidden, strlen(hidden), &session));
    cr_assert_str_eq(session.user_id, "u2");
    cr_assert(reads_the_same(twice, strlen(twice), &session));
    cr_assert_str_eq(session.metadata, "{}");
}

Test(session_json_shapes, keeps_metadata_compact_whoever_wrote_it)
{
    const char *text = OWN ",\"metadata\":{ \"a\" : \"\\u00fc\" }," HEARTBEAT "}";
    struct session session;

    cr_assert(reads_the_same(text, strlen(text), &session));
    cr_assert_str_eq(session.metadata, "{\"a\":\"\xc3\xbc\"}");
}
