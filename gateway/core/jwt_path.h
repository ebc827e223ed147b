/*
 * Where a claim stands in a token, as auth.jwt.claims.… say it:
 *
 *   /a/b   a JSON pointer (RFC 6901; ~1 is a slash, ~0 a tilde): member a, in it member b. Exact.
 *   a      the member of just this name; and where there is none and the name has dots, what stands before one of
 *   a.b    them is a member, an object, in which the rest is looked for; the longest such name counts. So
 *          `https://hasura.io/jwt/claims.x-hasura-user-id` finds what Hasura nests.
 */
#ifndef CORE_JWT_PATH_H
#define CORE_JWT_PATH_H

#include <jansson.h>
#include <stdbool.h>

#define JWT_PATH_MAX 256 /* bytes */

/* What is wrong with a path, as "must …"; NULL where nothing is. */
const char *jwt_path_fault(const char *path);

/* What stands there, as a borrowed reference; NULL where nothing does. */
const json_t *jwt_path_find(const json_t *claims, const char *path);

#endif
