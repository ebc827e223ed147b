/* Tokens that were changed, cut or made by somebody else, and sealed claims that no gateway writes.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "token_sample.h"

#define BASE64  sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

enum { HEAD = 5, NONCE = 24, AROUND = HEAD + NONCE + 16 }; /* the envelope, as token.h draws it */
enum { FIRST_TEXT = 1 + 1 + SESSION_ID_LEN }; /* where its length stands in the claims */

TestSuite(token_forged, .init = token_sample_set_up, .fini = token_sample_tear_down);

/* Decodes a token into bytes, which have room for TOKEN_MAX. */
static size_t decode(const char *token, int len, uint8_t *ret_bytes)
{
    size_t size;

    cr_assert_geq(len, 0);
    cr_assert_eq(
        sodium_base642bin(ret_bytes, TOKEN_MAX, token, (size_t)len, NULL, &size, NULL, BASE64), 0);
    return size;
}

static bool opens_bytes(const uint8_t *bytes, size_t size)
{
    char text[2 * TOKEN_MAX];

    sodium_bin2base64(text, sizeof text, bytes, size, BASE64);
    return token_sample_opens(text, strlen(text));
}

/* Whether these bytes open as claims, sealed with the ring's key under this version of the
 * envelope. */
static bool opens_sealed(uint8_t version, const uint8_t *plain, size_t size)
{
    char token[TOKEN_MAX + 1];
    uint8_t key[TOKEN_KEY_LEN], bytes[TOKEN_MAX + AROUND];

    decode(token, token_sample_seal(token), bytes); /* for the key's name and a nonce */
    bytes[0] = version;
    sodium_hex2bin(key, sizeof key, TOKEN_SAMPLE_KEY, strlen(TOKEN_SAMPLE_KEY), NULL, NULL, NULL);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + HEAD + NONCE, NULL, plain, size, bytes, HEAD,
                                               NULL, bytes + HEAD, key);
    return opens_bytes(bytes, size + AROUND);
}

/* Claims as the head of token.c describes them, the six texts having these lengths. */
static size_t make_claims(const size_t lens[6], uint8_t ret_plain[TOKEN_MAX])
{
    uint8_t *at = ret_plain;

    *at++ = 1; /* version */
    *at++ = 0; /* flags */
    memcpy(at, token_sample_claims.session_id, SESSION_ID_LEN);
    at += SESSION_ID_LEN;
    for (int i = 0; i < 6; i++) {
        *at++ = (uint8_t)lens[i];
        memset(at, 'x', lens[i]);
        at += lens[i];
    }
    memset(at, 0, 24); /* two times and two limits */
    return (size_t)(at + 24 - ret_plain);
}

Test(token_forged, hides_what_it_says)
{
    char token[TOKEN_MAX + 1];
    uint8_t bytes[TOKEN_MAX];
    size_t size = decode(token, token_sample_seal(token), bytes);

    cr_assert_null(memmem(bytes, size, "Kitchen TV", 10));
    cr_assert_null(memmem(bytes, size, token_sample_claims.session_id, SESSION_ID_LEN));
}

Test(token_forged, refuses_a_token_that_is_cut_or_has_more_behind_it)
{
    char token[2 * TOKEN_MAX];
    int len = token_sample_seal(token);

    for (int cut = 0; cut < len; cut++) {
        char *exact = malloc(cut > 0 ? (size_t)cut : 1); /* no byte behind it may be read */

        memcpy(exact, token, (size_t)cut);
        cr_assert_not(token_sample_opens(exact, (size_t)cut));
        cr_assert_not(token_has_shape(exact, (size_t)cut) && cut % 4 == 1); /* no bytes have that */
        free(exact);
    }
    for (size_t more = 1; more < 8; more++) {
        memset(token + len, 'A', more);
        cr_assert_not(token_sample_opens(token, (size_t)len + more));
    }
    cr_assert_not(token_sample_opens(token, sizeof token) || token_has_shape(token, sizeof token));
    strcpy(token + len, "=");
    cr_assert_not(token_sample_opens(token, (size_t)len + 1) ||
                  token_has_shape(token, (size_t)len + 1));
    token[len] = '\0';
    cr_assert_not(token_sample_opens(token, (size_t)len + 1) ||
                  token_has_shape(token, (size_t)len + 1));
}

Test(token_forged, refuses_a_token_of_which_any_bit_was_changed)
{
    char token[TOKEN_MAX + 1];
    uint8_t bytes[TOKEN_MAX];
    size_t size = decode(token, token_sample_seal(token), bytes);

    cr_assert(opens_bytes(bytes, size));
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(opens_bytes(bytes, size), "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Also where only bits differ that a lenient decoder would drop: one token has one text. */
Test(token_forged, refuses_a_token_of_which_any_character_was_changed)
{
    struct token_claims rest = token_sample_claims;

    for (int tail = 0; tail < 3; tail++) { /* bytes modulo 3: each ends in another way */
        char token[TOKEN_MAX + 1];

        rest.user_id[2 + tail] = 'x';
        int len = token_seal(token_sample_ring, &rest, token);
        for (int at = 0; at < len; at++) {
            char was = token[at];

            for (const char *c = LETTERS "=+/ \n"; *c != '\0'; c++) {
                token[at] = *c;
                cr_assert_eq(token_sample_opens(token, (size_t)len), *c == was, "'%c' at %d of %d",
                             *c, at, len);
            }
            token[at] = was;
        }
    }
}

Test(token_forged, refuses_random_bytes_behind_a_good_head)
{
    char token[TOKEN_MAX + 1];
    uint8_t bytes[TOKEN_MAX];

    decode(token, token_sample_seal(token), bytes);
    for (int round = 0; round < 2000; round++) {
        size_t size = HEAD + randombytes_uniform(900);

        randombytes_buf(bytes + HEAD, size - HEAD);
        cr_assert_not(opens_bytes(bytes, size));
    }
}

static const size_t usual[6] = {2, 2, 2, 2, 10, 5};

Test(token_forged, opens_sealed_claims_only_under_the_envelopes_version)
{
    uint8_t plain[TOKEN_MAX];
    size_t size = make_claims(usual, plain);

    for (int version = 0; version < 256; version++)
        cr_assert_eq(opens_sealed((uint8_t)version, plain, size), version == 1);
}

Test(token_forged, refuses_sealed_claims_that_are_cut_or_have_more_behind_them)
{
    uint8_t plain[TOKEN_MAX] = {0};
    size_t size = make_claims(usual, plain);

    for (size_t cut = 0; cut < size; cut++)
        cr_assert_not(opens_sealed(1, plain, cut), "cut to %zu", cut);
    for (size_t more = 1; more < 900; more++)
        cr_assert_not(opens_sealed(1, plain, size + more), "%zu more", more);
}

Test(token_forged, holds_sealed_texts_to_their_lengths)
{
    const size_t least[6] = {1, 1, 1, 1, 0, 0};
    const size_t most[6] = {SESSION_NAME_MAX, SESSION_NAME_MAX, SESSION_NAME_MAX,
                            SESSION_NAME_MAX, SESSION_NAME_MAX, SESSION_PLAYER_MAX};
    uint8_t plain[TOKEN_MAX];

    for (int text = 0; text < 6; text++) {
        for (size_t len = 0; len <= 255; len++) {
            size_t lens[6];

            memcpy(lens, usual, sizeof lens);
            lens[text] = len;
            cr_assert_eq(opens_sealed(1, plain, make_claims(lens, plain)),
                         len >= least[text] && len <= most[text], "text %d of %zu", text, len);
        }
    }
}

Test(token_forged, refuses_a_sealed_length_that_is_not_its_texts)
{
    uint8_t plain[TOKEN_MAX];
    size_t size = make_claims(usual, plain);

    for (int len = 0; len < 256; len++) {
        plain[FIRST_TEXT] = (uint8_t)len;
        cr_assert_eq(opens_sealed(1, plain, size), len == 2, "a length of %d", len);
    }
}

Test(token_forged, refuses_sealed_claims_that_no_token_holds)
{
    uint8_t good[TOKEN_MAX];
    size_t size = make_claims(usual, good);
    const struct {
        size_t at;
        uint8_t value;
        const char *what;
    } bad[] = {
        {0, 2, "another version"},
        {1, 2, "an unknown flag"},
        {2, '!', "a sessionId of another form"},
        {FIRST_TEXT + 1, '\0', "a NUL in a text"},
        {size - 5, 0x80, "a family's limit below -1"},
        {size - 1, 0x80, "a device's limit below -1"},
    };

    cr_assert(opens_sealed(1, good, size));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t plain[TOKEN_MAX];

        memcpy(plain, good, size);
        plain[bad[i].at] = bad[i].value;
        cr_assert_not(opens_sealed(1, plain, size), "%s", bad[i].what);
    }
}
