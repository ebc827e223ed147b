/* A session's id, and the words for how one ends. */
#include "session.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base64url.h"
#include "partition.h"

#define RANDOM_BYTES 15 /* 120 bits, which fill their characters without a rest */

static_assert(PARTITION_TAG_LEN + RANDOM_BYTES / 3 * 4 == SESSION_ID_LEN,
              "a tag and the random part make an id");

static const char *const reason_words[END_REASON_COUNT] = {
#define X(name, word) [name] = word,
    END_REASON_TABLE(X)
#undef X
};

const char *end_reason_word(enum end_reason reason)
{
    assert(reason >= 0 && reason < END_REASON_COUNT);
    return reason_words[reason];
}

int end_reason_from_word(const char *word, size_t len)
{
    for (int i = 0; i < END_REASON_COUNT; i++) {
        if (strlen(reason_words[i]) == len && memcmp(reason_words[i], word, len) == 0)
            return i;
    }
    return -1;
}

void session_id_make(const char *family_id, char ret_id[SESSION_ID_LEN + 1])
{
    uint8_t bytes[RANDOM_BYTES];

    randombytes_buf(bytes, sizeof bytes);
    memcpy(ret_id, partition_tag(partition_of(family_id)), PARTITION_TAG_LEN);
    base64url_encode(bytes, sizeof bytes, ret_id + PARTITION_TAG_LEN);
}

unsigned session_id_hash(const char *id)
{
    uint64_t bits;

    memcpy(&bits, id + 4, sizeof bits);
    return (unsigned)(bits * 0x9e3779b97f4a7c15u >> 32);
}

bool session_id_is_valid(const char *text, size_t len)
{
    return len == SESSION_ID_LEN && base64url_is(text, len);
}
