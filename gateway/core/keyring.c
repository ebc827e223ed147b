/* All the keys of the program. */
#include "keyring.h"

#include <stdlib.h>

#include "identity.h"
#include "jwt_trust.h"
#include "token.h"

struct keyring *keyring_new(void)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);

    if (keyring == NULL)
        return NULL;
    atomic_init(&keyring->holders, 1);
    keyring->tokens = token_keys_new();
    keyring->callers = api_keys_new();
    keyring->admins = api_keys_new();
    if (keyring->tokens == NULL || keyring->callers == NULL || keyring->admins == NULL) {
        keyring_release(keyring);
        return NULL;
    }
    return keyring;
}

struct keyring *keyring_hold(struct keyring *keyring)
{
    atomic_fetch_add_explicit(&keyring->holders, 1, memory_order_relaxed);
    return keyring;
}

void keyring_release(struct keyring *keyring)
{
    /* Who frees must see all that others did with it. */
    if (keyring == NULL ||
        atomic_fetch_sub_explicit(&keyring->holders, 1, memory_order_acq_rel) != 1)
        return;
    token_keys_free(keyring->tokens);
    api_keys_free(keyring->callers);
    api_keys_free(keyring->admins);
    jwt_trust_free(keyring->jwt);
    free(keyring);
}
