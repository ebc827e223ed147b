/* The cache of opened tokens. */
#include "token_cache.h"

#include <criterion/criterion.h>
#include <string.h>

#include "token_sample.h"

enum { MOST = 4 };

static struct token_cache *cache;
static char token[TOKEN_MAX + 1];
static size_t len;

static void set_up(void)
{
    token_sample_set_up();
    cache = token_cache_new(MOST);
    len = (size_t)token_sample_seal(token);
}

static void tear_down(void)
{
    token_cache_free(cache);
    token_sample_tear_down();
}

TestSuite(token_cache, .init = set_up, .fini = tear_down);

static int open_it(const char *text, size_t text_len, struct token_claims *ret_claims)
{
    return token_cache_open(cache, token_sample_ring, text, text_len, ret_claims);
}

static void expect_sample(const struct token_claims *claims)
{
    cr_expect_str_eq(claims->session_id, token_sample_claims.session_id);
    cr_expect_str_eq(claims->user_id, token_sample_claims.user_id);
    cr_expect_str_eq(claims->family_id, token_sample_claims.family_id);
    cr_expect_str_eq(claims->device_id, token_sample_claims.device_id);
    cr_expect_str_eq(claims->media_id, token_sample_claims.media_id);
    cr_expect_str_eq(claims->device_name, token_sample_claims.device_name);
    cr_expect_str_eq(claims->player_id, token_sample_claims.player_id);
    cr_expect_eq(claims->issued_ms, token_sample_claims.issued_ms);
    cr_expect_eq(claims->started_ms, token_sample_claims.started_ms);
    cr_expect_eq(claims->family_limit, token_sample_claims.family_limit);
    cr_expect_eq(claims->device_limit, token_sample_claims.device_limit);
    cr_expect_eq(claims->fallback, token_sample_claims.fallback);
}

Test(token_cache, opens_a_token_once)
{
    struct token_claims claims;

    cr_expect_not(token_cache_find(cache, token, len, &claims));
    cr_expect_eq(open_it(token, len, &claims), 1);
    expect_sample(&claims);
    memset(&claims, 'x', sizeof claims);
    cr_expect_eq(open_it(token, len, &claims), 0);
    expect_sample(&claims);
    memset(&claims, 'x', sizeof claims);
    cr_expect(token_cache_find(cache, token, len, &claims));
    expect_sample(&claims);
}

Test(token_cache, takes_no_text_for_a_token_that_differs_in_one_character_or_in_length)
{
    struct token_claims claims;

    open_it(token, len, &claims);
    for (size_t i = 0; i < len; i++) {
        char kept = token[i];

        token[i] = kept == 'A' ? 'B' : 'A';
        cr_expect_not(token_cache_find(cache, token, len, &claims), "character %zu", i);
        cr_expect_eq(open_it(token, len, &claims), -1, "character %zu", i);
        token[i] = kept;
    }
    for (size_t shorter = 0; shorter < len; shorter++)
        cr_expect_eq(open_it(token, shorter, &claims), -1, "%zu characters", shorter);
    strcat(token, "AAAA");
    cr_expect_eq(open_it(token, len + 4, &claims), -1);
    cr_expect_eq(token_cache_count(cache), 1, "what doesn't open is not kept");
}

Test(token_cache, keeps_so_many_and_no_more)
{
    struct token_claims claims;

    for (int i = 0; i < 3 * MOST; i++) {
        len = (size_t)token_sample_seal(token); /* another each time: by its nonce */
        cr_assert_eq(open_it(token, len, &claims), 1);
    }
    cr_expect_eq(token_cache_count(cache), MOST);
    cr_expect(token_cache_find(cache, token, len, &claims));
}

Test(token_cache, forgets_all_where_other_keys_count)
{
    struct token_claims claims;

    open_it(token, len, &claims);
    token_cache_clear(cache);
    cr_expect_eq(token_cache_count(cache), 0);
    cr_expect_eq(open_it(token, len, &claims), 1);
}
