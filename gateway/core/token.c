/*
 * Tokens: the claims as bytes, sealed and opened.
 *
 * The claims, in this order: version(1) | flags(1) | sessionId(22) | six texts, each with its
 * length(1) before it | time of issue(8) | start of the session(8) | limits of family(4) and
 * device(4). Numbers are little-endian. The version is that of the claims; the one outside of the
 * seal is that of the envelope.
 */
#include "token.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "text.h"

enum {
    ENVELOPE_VERSION = 1,
    CLAIMS_VERSION = 1,
    FLAG_FALLBACK = 1 << 0,

    NAME_LEN = 4,
    HEAD_LEN = 1 + NAME_LEN, /* what is authenticated along with the claims */
    NONCE_LEN = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_LEN = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    ENVELOPE_LEN = HEAD_LEN + NONCE_LEN + TAG_LEN,

    NUMBERS_LEN = 8 + 8 + 4 + 4,
    CLAIMS_MIN = 1 + 1 + SESSION_ID_LEN + 6 + 4 + NUMBERS_LEN, /* four ids of one byte */
    CLAIMS_MAX =
        1 + 1 + SESSION_ID_LEN + 6 + 5 * SESSION_NAME_MAX + SESSION_PLAYER_MAX + NUMBERS_LEN,
    BYTES_MAX = ENVELOPE_LEN + CLAIMS_MAX,

    TEXT_MIN = ((ENVELOPE_LEN + CLAIMS_MIN) * 4 + 2) / 3,
    TEXT_MAX = (BYTES_MAX * 4 + 2) / 3,
};

/* How ENVELOPE_VERSION begins in base64url: its six upper bits, and its two lower ones before four of the key's name. */
#define FIRST  'A'
#define SECOND "QRSTUVWXYZabcdef"

static_assert(ENVELOPE_VERSION == 1, "FIRST and SECOND begin with it");
static_assert(TOKEN_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "a key is a cipher's");
static_assert(TEXT_MAX <= TOKEN_MAX, "the longest token fits");
static_assert(SESSION_NAME_MAX <= UINT8_MAX && SESSION_PLAYER_MAX <= UINT8_MAX,
              "one byte holds a text's length");

struct token_key {
    struct token_key *next;       /* in the order of adding, or NULL */
    uint8_t name[NAME_LEN];       /* stands in tokens */
    uint8_t bytes[TOKEN_KEY_LEN]; /* the secret */
};

struct token_keys {
    struct token_key *first; /* seals; NULL in an empty ring */
    struct token_key **end;  /* where the next one is linked */
};

/* The texts of the claims, in their order. */
static const struct {
    size_t offset; /* in struct token_claims */
    size_t max;    /* bytes, without the NUL */
    size_t min;    /* bytes; 0 where it may be missing */
} texts[] = {
    {offsetof(struct token_claims, user_id), SESSION_NAME_MAX, 1},
    {offsetof(struct token_claims, family_id), SESSION_NAME_MAX, 1},
    {offsetof(struct token_claims, device_id), SESSION_NAME_MAX, 1},
    {offsetof(struct token_claims, media_id), SESSION_NAME_MAX, 1},
    {offsetof(struct token_claims, device_name), SESSION_NAME_MAX, 0},
    {offsetof(struct token_claims, player_id), SESSION_PLAYER_MAX, 0},
};

#define TEXT_COUNT (sizeof texts / sizeof texts[0])
static_assert(TEXT_COUNT == 6, "as CLAIMS_MIN and CLAIMS_MAX count them");

struct token_keys *token_keys_new(void)
{
    if (sodium_init() < 0)
        return NULL;

    struct token_keys *keys = malloc(sizeof *keys);
    if (keys == NULL)
        return NULL;
    keys->first = NULL;
    keys->end = &keys->first;
    return keys;
}

void token_keys_free(struct token_keys *keys)
{
    if (keys == NULL)
        return;
    for (struct token_key *key = keys->first, *next; key != NULL; key = next) {
        next = key->next;
        sodium_memzero(key, sizeof *key);
        free(key);
    }
    free(keys);
}

int token_keys_add(struct token_keys *keys, const char *hex)
{
    uint8_t hash[crypto_generichash_BYTES];
    struct token_key *key = malloc(sizeof *key);

    if (key == NULL)
        return -1;
    if (text_from_hex(hex, key->bytes, sizeof key->bytes) != 0) {
        sodium_memzero(key, sizeof *key);
        free(key);
        return -1;
    }
    crypto_generichash(hash, sizeof hash, key->bytes, sizeof key->bytes, NULL, 0);
    memcpy(key->name, hash, sizeof key->name);
    key->next = NULL;
    *keys->end = key;
    keys->end = &key->next;
    return 0;
}

static uint8_t *put_number(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

static uint64_t take_number(const uint8_t *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

/* Returns the number of bytes written; -1 where a claim is what no token holds. */
static int write_claims(const struct token_claims *claims, uint8_t ret_bytes[CLAIMS_MAX])
{
    uint8_t *at = ret_bytes;

    if (!session_id_is_valid(claims->session_id, strnlen(claims->session_id, SESSION_ID_LEN + 1)))
        return -1;
    if (claims->family_limit < -1 || claims->device_limit < -1)
        return -1;
    *at++ = CLAIMS_VERSION;
    *at++ = claims->fallback ? FLAG_FALLBACK : 0;
    memcpy(at, claims->session_id, SESSION_ID_LEN);
    at += SESSION_ID_LEN;

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char *text = (const char *)claims + texts[i].offset;
        size_t len = strnlen(text, texts[i].max + 1);

        if (len < texts[i].min || len > texts[i].max)
            return -1;
        *at++ = (uint8_t)len;
        memcpy(at, text, len);
        at += len;
    }

    at = put_number(at, (uint64_t)claims->issued_ms, 8);
    at = put_number(at, (uint64_t)claims->started_ms, 8);
    at = put_number(at, (uint32_t)claims->family_limit, 4);
    at = put_number(at, (uint32_t)claims->device_limit, 4);
    return (int)(at - ret_bytes);
}

/* Returns 0; -1 where the bytes are not what write_claims writes. */
static int read_claims(const uint8_t *at, size_t len, struct token_claims *ret_claims)
{
    const uint8_t *end = at + len;

    *ret_claims = (struct token_claims){0};
    if (len < CLAIMS_MIN || *at++ != CLAIMS_VERSION)
        return -1;
    if ((*at & ~FLAG_FALLBACK) != 0)
        return -1;
    ret_claims->fallback = *at++ == FLAG_FALLBACK;
    memcpy(ret_claims->session_id, at, SESSION_ID_LEN);
    at += SESSION_ID_LEN;
    if (!session_id_is_valid(ret_claims->session_id, SESSION_ID_LEN))
        return -1;

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (at == end)
            return -1;
        size_t text_len = *at++;

        if (text_len < texts[i].min || text_len > texts[i].max || text_len > (size_t)(end - at) ||
            memchr(at, '\0', text_len) != NULL)
            return -1;
        memcpy((char *)ret_claims + texts[i].offset, at, text_len);
        at += text_len;
    }

    if (end - at != NUMBERS_LEN)
        return -1;
    ret_claims->issued_ms = (int64_t)take_number(at, 8);
    ret_claims->started_ms = (int64_t)take_number(at + 8, 8);
    ret_claims->family_limit = (int32_t)take_number(at + 16, 4);
    ret_claims->device_limit = (int32_t)take_number(at + 20, 4);
    return ret_claims->family_limit < -1 || ret_claims->device_limit < -1 ? -1 : 0;
}

int token_seal(const struct token_keys *keys, const struct token_claims *claims,
               char ret_token[TOKEN_MAX + 1])
{
    const struct token_key *key = keys->first;
    uint8_t plain[CLAIMS_MAX], bytes[BYTES_MAX];
    uint8_t *nonce = bytes + HEAD_LEN, *sealed = nonce + NONCE_LEN;

    if (key == NULL)
        return -1;
    int plain_len = write_claims(claims, plain);
    if (plain_len < 0)
        return -1;

    bytes[0] = ENVELOPE_VERSION;
    memcpy(bytes + 1, key->name, NAME_LEN);
    randombytes_buf(nonce, NONCE_LEN);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain, (size_t)plain_len, bytes,
                                               HEAD_LEN, NULL, nonce, key->bytes);
    return (int)base64url_encode(bytes, ENVELOPE_LEN + (size_t)plain_len, ret_token);
}

int token_open(const struct token_keys *keys, const char *token, size_t len,
               struct token_claims *ret_claims)
{
    uint8_t plain[CLAIMS_MAX], bytes[BYTES_MAX];
    const uint8_t *nonce = bytes + HEAD_LEN, *sealed = nonce + NONCE_LEN;
    int decoded = base64url_decode(token, len, bytes, sizeof bytes);
    size_t size = (size_t)decoded;

    if (decoded < ENVELOPE_LEN || bytes[0] != ENVELOPE_VERSION)
        return -1;

    for (const struct token_key *key = keys->first; key != NULL; key = key->next) {
        if (memcmp(bytes + 1, key->name, NAME_LEN) == 0 &&
            crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed,
                                                       size - HEAD_LEN - NONCE_LEN, bytes, HEAD_LEN,
                                                       nonce, key->bytes) == 0)
            return read_claims(plain, size - ENVELOPE_LEN, ret_claims);
    }
    return -1;
}

bool token_has_shape(const char *text, size_t len)
{
    return len >= TEXT_MIN && len <= TEXT_MAX && len % 4 != 1 && text[0] == FIRST &&
           memchr(SECOND, text[1], sizeof SECOND - 1) != NULL && base64url_is(text, len);
}
