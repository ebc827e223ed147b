/*
 * Tokens that were refused, counted by client's address, so that who sends forged ones without end costs little, and
 * fills no log.
 *
 * What it protects, and what it doesn't. A token can't be guessed (its seal is 128 bits), and opening a forged one
 * costs 1.4 us, less than any look at who sends it would save: so every token is opened, and a good one is never
 * refused for what others at its address (a NAT, a proxy that isn't said to be trusted) send. Beyond the limit a
 * *refused* token is answered 429 with Retry-After rather than 401, which has an app that is out of step (and would
 * create a session anew for each 401) wait; authorize, which proxies read, says 401 as ever. And the access log, which
 * has a line for each 401, has one a second and client for each 429, and for refused authorizes.
 *
 * Shared by all threads, under a lock, since an address' connections are spread over them: the number in the settings
 * is the number. Only a refused token takes the lock. Bounded: of many addresses those seen last are kept.
 */
#ifndef REFUSED_TOKENS_H
#define REFUSED_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct refused_tokens;

/* Allows each client so many refused tokens a minute, at least 1. NULL where memory runs out. */
struct refused_tokens *refused_tokens_new(int64_t a_minute);
void refused_tokens_free(struct refused_tokens *tokens); /* accepts NULL */

/*
 * Counts a refused token of a client (http_request_client). true: it was one too many. NULL for tokens: there is no
 * limit, and none is. From any thread.
 */
bool refused_tokens_note(struct refused_tokens *tokens, const char *client);

#endif
