/*
 * The keys that the program works with: the settings', or made at the first start and kept in the state
 * directory.
 */
#ifndef GATEWAY_KEYS_H
#define GATEWAY_KEYS_H

struct api_keys;
struct settings;
struct token_keys;

struct keys {
    struct token_keys *tokens; /* seal and open tokens */
    struct api_keys *callers;  /* who may create sessions, in mode api_key */
    struct api_keys *admins;   /* who may use the admin listener */
};

/*
 * Loads all keys, and makes sure that there is an admin token. Returns an exit code (app.h); what is wrong
 * has been logged. Release with keys_done in any case.
 */
int keys_load(struct keys *keys, const struct settings *settings);

/* Wipes and frees them. Accepts one that is all zeroes. */
void keys_done(struct keys *keys);

#endif
