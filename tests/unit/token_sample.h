/*
 * What the tests of tokens share: a ring of one key, and claims to seal with it.
 */
#ifndef UNIT_TOKEN_SAMPLE_H
#define UNIT_TOKEN_SAMPLE_H

#include "token.h"

#define TOKEN_SAMPLE_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

extern struct token_keys *token_sample_ring;
extern const struct token_claims token_sample_claims;

/* Makes the ring, with the key above alone, and frees it. */
void token_sample_set_up(void);
void token_sample_tear_down(void);

/* Seals the claims into ret_token, which has room for TOKEN_MAX and a NUL; returns the length. */
int token_sample_seal(char *ret_token);

/* Whether a text opens by the ring. */
bool token_sample_opens(const char *token, size_t len);

#endif
