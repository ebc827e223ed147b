/* Tokens: what is sealed opens; which keys seal and open; how a token is told from other bearers.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "token_sample.h"

#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

TestSuite(token, .init = token_sample_set_up, .fini = token_sample_tear_down);

static void assert_same(const struct token_claims *a, const struct token_claims *b)
{
    cr_assert_str_eq(a->session_id, b->session_id);
    cr_assert_str_eq(a->user_id, b->user_id);
    cr_assert_str_eq(a->family_id, b->family_id);
    cr_assert_str_eq(a->device_id, b->device_id);
    cr_assert_str_eq(a->media_id, b->media_id);
    cr_assert_str_eq(a->device_name, b->device_name);
    cr_assert_str_eq(a->player_id, b->player_id);
    cr_assert_eq(a->issued_ms, b->issued_ms);
    cr_assert_eq(a->started_ms, b->started_ms);
    cr_assert_eq(a->family_limit, b->family_limit);
    cr_assert_eq(a->device_limit, b->device_limit);
    cr_assert_eq(a->fallback, b->fallback);
}

/* Between least and most bytes, none of them NUL. */
static void random_text(char *ret_text, uint32_t least, uint32_t most)
{
    uint32_t len = least + randombytes_uniform(most - least + 1);

    for (uint32_t i = 0; i < len; i++)
        ret_text[i] = (char)(1 + randombytes_uniform(255));
    ret_text[len] = '\0';
}

static void random_claims(struct token_claims *ret_claims)
{
    session_id_make("f1", ret_claims->session_id);
    random_text(ret_claims->user_id, 1, SESSION_NAME_MAX);
    random_text(ret_claims->family_id, 1, SESSION_NAME_MAX);
    random_text(ret_claims->device_id, 1, SESSION_NAME_MAX);
    random_text(ret_claims->media_id, 1, SESSION_NAME_MAX);
    random_text(ret_claims->device_name, 0, SESSION_NAME_MAX);
    random_text(ret_claims->player_id, 0, SESSION_PLAYER_MAX);
    randombytes_buf(&ret_claims->issued_ms, sizeof ret_claims->issued_ms);
    randombytes_buf(&ret_claims->started_ms, sizeof ret_claims->started_ms);
    ret_claims->family_limit = (int32_t)randombytes_uniform(100002) - 1;
    ret_claims->device_limit = (int32_t)randombytes_uniform(100002) - 1;
    ret_claims->fallback = randombytes_uniform(2) != 0;
}

Test(token, opens_what_it_sealed)
{
    for (int round = 0; round < 2000; round++) {
        struct token_claims sealed, opened;
        char token[TOKEN_MAX + 1];

        random_claims(&sealed);
        int len = token_seal(token_sample_ring, &sealed, token);
        cr_assert_eq((size_t)len, strlen(token));
        cr_assert(token_has_shape(token, (size_t)len));
        cr_assert_eq(token_open(token_sample_ring, token, (size_t)len, &opened), 0);
        assert_same(&sealed, &opened);
    }
}

Test(token, holds_the_longest_and_the_shortest_claims)
{
    struct token_claims longest = token_sample_claims, shortest = token_sample_claims, opened;
    char token[TOKEN_MAX + 1];
    session_name *names[] = {&longest.user_id, &longest.family_id, &longest.device_id,
                             &longest.media_id, &longest.device_name};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        memset(*names[i], 'x', SESSION_NAME_MAX);
    memset(longest.player_id, 'x', SESSION_PLAYER_MAX);
    int len = token_seal(token_sample_ring, &longest, token);
    cr_assert(len > 0 && len <= TOKEN_MAX);
    cr_assert(token_has_shape(token, (size_t)len));
    cr_assert_eq(token_open(token_sample_ring, token, (size_t)len, &opened), 0);
    assert_same(&longest, &opened);

    strcpy(shortest.user_id, "u");
    strcpy(shortest.family_id, "f");
    strcpy(shortest.device_id, "d");
    strcpy(shortest.media_id, "m");
    shortest.device_name[0] = shortest.player_id[0] = '\0';
    len = token_seal(token_sample_ring, &shortest, token);
    cr_assert(token_has_shape(token, (size_t)len));
    cr_assert_not(token_has_shape(token, (size_t)len - 1));
    cr_assert_eq(token_open(token_sample_ring, token, (size_t)len, &opened), 0);
    assert_same(&shortest, &opened);
}

Test(token, is_another_text_each_time)
{
    char one[TOKEN_MAX + 1], other[TOKEN_MAX + 1];

    token_sample_seal(one);
    token_sample_seal(other);
    cr_assert_str_neq(one, other);
}

Test(token, seals_with_the_first_key_and_opens_with_all)
{
    struct token_keys *promoted = token_keys_new();
    struct token_claims opened;
    char by_a[TOKEN_MAX + 1], by_b[TOKEN_MAX + 1];

    token_keys_add(promoted, KEY_B);
    token_keys_add(promoted, TOKEN_SAMPLE_KEY);
    int len = token_sample_seal(by_a);
    cr_assert_eq(token_open(promoted, by_a, (size_t)len, &opened), 0);

    token_seal(promoted, &token_sample_claims, by_b);
    cr_assert_not(token_sample_opens(by_b, (size_t)len), "the ring has only the first key");
    cr_assert_eq(token_keys_add(token_sample_ring, KEY_B), 0);
    cr_assert(token_sample_opens(by_b, (size_t)len));
    token_keys_free(promoted);
}

Test(token, opens_where_a_key_stands_twice_in_the_ring)
{
    char token[TOKEN_MAX + 1];

    cr_assert_eq(token_keys_add(token_sample_ring, TOKEN_SAMPLE_KEY), 0);
    int len = token_sample_seal(token);
    cr_assert(token_sample_opens(token, (size_t)len));
}

Test(token, cannot_be_sealed_or_opened_by_an_empty_ring)
{
    struct token_keys *empty = token_keys_new();
    struct token_claims opened;
    char token[TOKEN_MAX + 1];

    cr_assert_eq(token_seal(empty, &token_sample_claims, token), -1);
    int len = token_sample_seal(token);
    cr_assert_eq(token_open(empty, token, (size_t)len, &opened), -1);
    token_keys_free(empty);
    token_keys_free(NULL);
}

Test(token, takes_64_hexadecimal_digits_for_a_key_and_nothing_else)
{
    cr_assert_eq(token_keys_add(token_sample_ring, ""), -1);
    cr_assert_eq(token_keys_add(token_sample_ring, "0011"), -1);
    cr_assert_eq(token_keys_add(token_sample_ring, TOKEN_SAMPLE_KEY "0"), -1);
    cr_assert_eq(token_keys_add(token_sample_ring, TOKEN_SAMPLE_KEY "00"), -1);
    cr_assert_eq(token_keys_add(token_sample_ring, "g" TOKEN_SAMPLE_KEY), -1);
    cr_assert_eq(token_keys_add(token_sample_ring, KEY_B), 0);
}

Test(token, seals_no_claims_that_would_not_open)
{
    struct token_claims bad = token_sample_claims;
    char token[TOKEN_MAX + 1];

    strcpy(bad.session_id, "short");
    cr_assert_eq(token_seal(token_sample_ring, &bad, token), -1);
    bad = token_sample_claims;
    bad.media_id[0] = '\0';
    cr_assert_eq(token_seal(token_sample_ring, &bad, token), -1);
    bad = token_sample_claims;
    bad.family_limit = -2;
    cr_assert_eq(token_seal(token_sample_ring, &bad, token), -1);
}

Test(token, tells_its_shape_from_other_bearers)
{
    char token[TOKEN_MAX + 1];
    int len = token_sample_seal(token);
    const char *jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                      "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
                      "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";

    cr_assert(token_has_shape(token, (size_t)len));
    cr_assert_not(token_has_shape(jwt, strlen(jwt)));
    cr_assert_not(token_has_shape(token_sample_claims.session_id, SESSION_ID_LEN));
    cr_assert_not(token_has_shape("", 0));

    token[len / 2] = '.';
    cr_assert_not(token_has_shape(token, (size_t)len));
    token[len / 2] = 'A';
    token[0] = 'B'; /* another version */
    cr_assert_not(token_has_shape(token, (size_t)len));
    token[0] = 'A';
    for (const char *c = "ABCDEFGHIJKLMNOPghijklmnopqrstuvwxyz0123456789-_"; *c != '\0'; c++) {
        token[1] = *c; /* others */
        cr_assert_not(token_has_shape(token, (size_t)len), "%c", *c);
    }
    for (const char *c = "QRSTUVWXYZabcdef"; *c != '\0'; c++) {
        token[1] = *c; /* other keys' */
        cr_assert(token_has_shape(token, (size_t)len), "%c", *c);
    }
}

Test(token, has_its_shape_only_where_every_character_is_of_the_alphabet)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char token[TOKEN_MAX + 1];
    int len = token_sample_seal(token);

    for (size_t i = 8; i < (size_t)len; i++) { /* behind what tells the version */
        char was = token[i];

        for (int c = 0; c < 256; c++) {
            token[i] = (char)c;
            cr_assert_eq(token_has_shape(token, (size_t)len), c != 0 && strchr(alphabet, c) != NULL,
                         "character %d at %zu", c, i);
        }
        token[i] = was;
    }
}
