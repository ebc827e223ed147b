/*
 * Who calls: the API keys that backends present in `Authorization: Bearer`. Of the secrets only
 * keyed hashes are kept.
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <stddef.h>

/* A list of named secrets. Reading it from many threads is safe; changing it is not. */
struct api_keys;

/* An empty list; NULL where memory runs out. */
struct api_keys *api_keys_new(void);
void api_keys_free(struct api_keys *keys); /* wipes what it held; accepts NULL */

/*
 * Adds `name:secret`, or `secret` alone, whose name is then unnamed; a name may have several
 * secrets. What follows the first colon is the secret. Returns 0; -1 where name or secret is empty,
 * or memory runs out.
 */
int api_keys_add(struct api_keys *keys, const char *text, const char *unnamed);

/*
 * The name of the key that equals secret, owned by the list; NULL where none does. Takes the same
 * time whichever key it is, and however much of one agrees.
 */
const char *api_keys_find(const struct api_keys *keys, const char *secret);

#endif
