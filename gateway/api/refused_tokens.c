/* Tokens that were refused, counted by client's address. */
#include "refused_tokens.h"

#include <pthread.h>
#include <stdlib.h>

#include "allowance.h"
#include "clock.h"

enum { CLIENTS_MAX = 65536 };

struct refused_tokens {
    pthread_mutex_t lock;        /* over what follows */
    struct allowance *allowance; /* by client */
};

struct refused_tokens *refused_tokens_new(int64_t a_minute)
{
    const struct allowance_options options = {
        .names = CLIENTS_MAX, .at_once = a_minute, .every_us = 60 * 1000000 / a_minute};
    struct refused_tokens *tokens = calloc(1, sizeof *tokens);

    if (tokens == NULL)
        return NULL;
    pthread_mutex_init(&tokens->lock, NULL);
    tokens->allowance = allowance_new(&options);
    if (tokens->allowance == NULL) {
        refused_tokens_free(tokens);
        return NULL;
    }
    return tokens;
}

void refused_tokens_free(struct refused_tokens *tokens)
{
    if (tokens == NULL)
        return;
    allowance_free(tokens->allowance);
    pthread_mutex_destroy(&tokens->lock);
    free(tokens);
}

bool refused_tokens_note(struct refused_tokens *tokens, const char *client)
{
    int64_t now_ms = clock_monotonic_ms();
    bool is_allowed;

    if (tokens == NULL)
        return false;
    pthread_mutex_lock(&tokens->lock);
    is_allowed = allowance_wait_ms(tokens->allowance, client, now_ms) == 0;
    if (is_allowed) /* one too many isn't counted: who waits may go on */
        allowance_note(tokens->allowance, client, now_ms);
    pthread_mutex_unlock(&tokens->lock);
    return !is_allowed;
}
