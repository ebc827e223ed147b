/*
 * The keys that the program works with: the settings', or made at the first start and kept in the state
 * directory.
 */
#ifndef GATEWAY_KEYS_H
#define GATEWAY_KEYS_H

#include <stdbool.h>

struct buf;
struct keyring;
struct settings;

/*
 * Loads all keys, files included, and makes sure that there is an admin token; a trial makes nothing in the state
 * directory, only looks whether it could. Returns them, held by the caller; NULL with one line, without its end,
 * appended to reason, and an exit code (app.h) in *ret_code.
 */
struct keyring *keys_load(const struct settings *settings, bool trial, struct buf *reason,
                          int *ret_code);

#endif
