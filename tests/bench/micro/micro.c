/*
 * Micro-benchmarks: what the parts of a request cost by themselves, without sockets or Redis.
 * Prints a line of JSON for each, with nanoseconds of CPU an operation.
 *
 * Each runs over many tokens and sessions in turn, so that no branch predictor or cache learns the
 * one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "clock.h"
#include "json_writer.h"
#include "session_json.h"
#include "text.h"
#include "token.h"
#include "token_cache.h"

enum { TOKENS = 1024 };

static struct {
    struct token_keys *keys;            /* one key */
    char tokens[TOKENS][TOKEN_MAX + 1]; /* good ones */
    char forged[TOKENS][TOKEN_MAX + 1]; /* with a bit changed in what is sealed */
    size_t token_len;                   /* of all of them */
    struct token_claims claims;         /* of the last one */
    struct session session;             /* as a create makes it */
    char json[1024];                    /* its value */
    size_t json_len;                    /* of that */
    struct token_cache *cache;          /* has the good tokens */
    uint64_t sink;                      /* what is computed goes here, so that it is computed */
} micro;

static void __attribute__((noreturn)) fail(const char *what)
{
    fprintf(stderr, "bench_micro: %s\n", what);
    exit(1);
}

static void open_token(size_t i)
{
    if (token_open(micro.keys, micro.tokens[i % TOKENS], micro.token_len, &micro.claims) != 0)
        fail("a good token doesn't open");
}

static void open_forged(size_t i)
{
    if (token_open(micro.keys, micro.forged[i % TOKENS], micro.token_len, &micro.claims) == 0)
        fail("a forged token opens");
}

static void seal_token(size_t i)
{
    char token[TOKEN_MAX + 1];

    micro.claims.issued_ms = (int64_t)i;
    if (token_seal(micro.keys, &micro.claims, token) < 0)
        fail("a token can't be sealed");
}

static void look_at_shape(size_t i)
{
    micro.sink += token_has_shape(micro.tokens[i % TOKENS], micro.token_len);
}

static void find_token(size_t i)
{
    if (!token_cache_find(micro.cache, micro.tokens[i % TOKENS], micro.token_len, &micro.claims))
        fail("an opened token isn't found");
}

static void make_id(size_t i)
{
    (void)i;
    session_id_make("family-0000001", micro.session.id);
}

static void write_json(size_t i)
{
    struct buf head = BUF_EMPTY, middle = BUF_EMPTY;
    (void)i;

    if (session_json_parts(&micro.session, &head, &middle) != 0)
        fail("a session can't be written");
    micro.sink += head.len + middle.len;
    buf_done(&head);
    buf_done(&middle);
}

static void parse_json(size_t i)
{
    struct session session;
    (void)i;

    if (session_json_parse(micro.json, micro.json_len, &session) != 0)
        fail("a session can't be read");
    micro.sink += (uint64_t)session.started_ms;
}

static void dump_document(size_t i)
{
    struct buf text = BUF_EMPTY;
    struct json_writer writer = {.out = &text};
    (void)i;

    json_writer_begin_object(&writer, NULL);
    session_json_document(&writer, &micro.session);
    json_writer_end_object(&writer);
    micro.sink += text.len;
    buf_done(&text);
}

static void format_time(size_t i)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(1780000000000 + (int64_t)i * 977, text);
    micro.sink += (uint64_t)text[22];
}

static void encode_name(size_t i)
{
    struct buf out = BUF_EMPTY;
    (void)i;

    text_percent_encode(&out, "device-0000001");
    micro.sink += out.len;
    buf_done(&out);
}

static const struct {
    const char *key, *name;
    void (*run)(size_t i);
} benchmarks[] = {
    {"token_open", "open a token", open_token},
    {"token_forged", "open a forged token", open_forged},
    {"token_seal", "seal a token", seal_token},
    {"token_shape", "look at a token's shape", look_at_shape},
    {"token_find", "find a token that was opened", find_token},
    {"session_id", "make a sessionId", make_id},
    {"session_write", "write a session's value", write_json},
    {"session_parse", "parse a session's value", parse_json},
    {"session_document", "write a session document", dump_document},
    {"clock_format", "format a time", format_time},
    {"percent_encode", "percent-encode an id", encode_name},
};

static void prepare(void)
{
    struct buf head = BUF_EMPTY, middle = BUF_EMPTY;
    char time_text[CLOCK_TEXT_LEN + 1];

    micro.keys = token_keys_new();
    if (micro.keys == NULL ||
        token_keys_add(micro.keys,
                       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff") != 0)
        fail("no keys");
    micro.cache = token_cache_new(TOKENS);
    if (micro.cache == NULL)
        fail("no cache");
    micro.claims = (struct token_claims){.user_id = "user-0000001",
                                         .family_id = "family-0000001",
                                         .device_id = "device-0000001",
                                         .media_id = "title-00001",
                                         .device_name = "Living-room TV",
                                         .issued_ms = 1780000000000,
                                         .started_ms = 1780000000000,
                                         .family_limit = -1,
                                         .device_limit = -1};
    for (int i = 0; i < TOKENS; i++) {
        session_id_make(micro.claims.family_id, micro.claims.session_id);
        int len = token_seal(micro.keys, &micro.claims, micro.tokens[i]);
        if (len < 0)
            fail("a token can't be sealed");
        micro.token_len = (size_t)len;
        struct token_claims opened;
        if (token_cache_open(micro.cache, micro.keys, micro.tokens[i], (size_t)len, &opened) != 1)
            fail("a token can't be kept");
        strcpy(micro.forged[i], micro.tokens[i]);
        char *middle_char = &micro.forged[i][len / 2];
        *middle_char = *middle_char == 'A' ? 'B' : 'A';
    }
    micro.session = (struct session){.user_id = "user-0000001",
                                     .family_id = "family-0000001",
                                     .device_id = "device-0000001",
                                     .media_id = "title-00001",
                                     .device_name = "Living-room TV",
                                     .media_title = "Blue Planet",
                                     .platform = "tizen",
                                     .started_ms = 1780000000000,
                                     .last_heartbeat_ms = 1780000000000};
    session_id_make("family-0000001", micro.session.id);
    clock_format(micro.session.started_ms, time_text);
    if (session_json_parts(&micro.session, &head, &middle) != 0)
        fail("a session can't be written");
    snprintf(micro.json, sizeof micro.json, "%s%s%s%s%s", buf_text(&head), time_text,
             buf_text(&middle), time_text, SESSION_JSON_TAIL);
    micro.json_len = strlen(micro.json);
    buf_done(&head);
    buf_done(&middle);
}

static double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds an operation, over at least so many milliseconds. */
static double measure(void (*run)(size_t i), double milliseconds)
{
    size_t count = 0;
    double start, passed;

    for (size_t i = 0; i < 100; i++)
        run(i);
    start = cpu_ns();
    do {
        for (size_t i = 0; i < 500; i++)
            run(count + i);
        count += 500;
        passed = cpu_ns() - start;
    } while (passed < milliseconds * 1e6);
    return passed / (double)count;
}

int main(int argc, char **argv)
{
    double milliseconds = argc > 1 ? atof(argv[1]) : 200;

    prepare();
    for (size_t i = 0; i < sizeof benchmarks / sizeof benchmarks[0]; i++)
        printf("{\"key\":\"%s\",\"name\":\"%s\",\"ns\":%.1f}\n", benchmarks[i].key,
               benchmarks[i].name, measure(benchmarks[i].run, milliseconds));
    token_keys_free(micro.keys);
    return micro.sink == 0; /* never; so that the sink is used */
}
