/* What the tests of tokens share. */
#include "token_sample.h"

#include <criterion/criterion.h>

struct token_keys *token_sample_ring;
const struct token_claims token_sample_claims = {
    .session_id = "AZaz09-_AZaz09-_AZaz09",
    .user_id = "u1",
    .family_id = "f1",
    .device_id = "d1",
    .media_id = "m1",
    .device_name = "Kitchen TV",
    .player_id = "tab-1",
    .issued_ms = 1795218000123,
    .started_ms = 1795217999000,
    .family_limit = 4,
    .device_limit = -1,
};

void token_sample_set_up(void)
{
    token_sample_ring = token_keys_new();
    cr_assert_not_null(token_sample_ring);
    cr_assert_eq(token_keys_add(token_sample_ring, TOKEN_SAMPLE_KEY), 0);
}

void token_sample_tear_down(void)
{
    token_keys_free(token_sample_ring);
}

int token_sample_seal(char *ret_token)
{
    return token_seal(token_sample_ring, &token_sample_claims, ret_token);
}

bool token_sample_opens(const char *token, size_t len)
{
    struct token_claims opened;

    return token_open(token_sample_ring, token, len, &opened) == 0;
}
