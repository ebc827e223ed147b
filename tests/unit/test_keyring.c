/* All keys as one thing: who holds it, and what a cache of opened tokens forgets with it. */
#include <criterion/criterion.h>
#include <string.h>

#include "identity.h"
#include "keyring.h"
#include "token.h"
#include "token_cache.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* A leak, or a use after it was freed, is the sanitizers' to find. */
Test(keyring, is_freed_by_the_last_who_lets_go)
{
    struct keyring *keys = keyring_new();

    cr_assert_not_null(keys);
    cr_assert_eq(api_keys_add(keys->callers, "web:secret", "default"), 0);
    cr_assert_eq(keyring_hold(keys), keys);
    keyring_release(keys);
    cr_expect_str_eq(api_keys_find(keys->callers, "secret"), "web");
    keyring_release(keys);
    keyring_release(NULL);
}

Test(keyring, a_cache_that_is_cleared_opens_nothing_by_a_key_that_is_gone)
{
    struct keyring *old = keyring_new(), *new = keyring_new();
    struct token_cache *cache = token_cache_new(8);
    struct token_claims claims = {.user_id = "u",
                                  .family_id = "f",
                                  .device_id = "d",
                                  .media_id = "m",
                                  .family_limit = -1,
                                  .device_limit = -1};
    char token[TOKEN_MAX + 1];

    cr_assert_eq(token_keys_add(old->tokens, KEY), 0);
    session_id_make("f", claims.session_id);
    int len = token_seal(old->tokens, &claims, token);
    cr_assert_gt(len, 0);
    cr_expect_eq(token_cache_open(cache, old->tokens, token, (size_t)len, &claims), 1);
    cr_expect_eq(token_cache_open(cache, new->tokens, token, (size_t)len, &claims), 0,
                 "a cache knows nothing of keys by itself");
    token_cache_clear(cache);
    cr_expect_eq(token_cache_count(cache), 0);
    cr_expect_eq(token_cache_open(cache, new->tokens, token, (size_t)len, &claims), -1);
    cr_expect_eq(token_cache_open(cache, old->tokens, token, (size_t)len, &claims), 1);
    token_cache_free(cache);
    keyring_release(old);
    keyring_release(new);
}
