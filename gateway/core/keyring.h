/*
 * All the keys of the program, as one thing that isn't changed any more once it is in use: a reload makes a new
 * one and hands it to every thread. Counted, so that the last one to let go frees it; from any thread.
 */
#ifndef CORE_KEYRING_H
#define CORE_KEYRING_H

#include <stdatomic.h>

struct api_keys;
struct jwt_trust;
struct token_keys;

struct keyring {
    atomic_uint holders;       /* how many hold it */
    struct token_keys *tokens; /* seal and open tokens */
    struct api_keys *callers;  /* who may create sessions, where auth.mode is api_key */
    struct api_keys *admins;   /* who may use the admin listener */
    struct jwt_trust *jwt;     /* whose JWTs are believed; NULL where auth.mode isn't jwt */
};

/* One that holds nothing (tokens, callers and admins are empty, jwt NULL). NULL where memory runs out. */
struct keyring *keyring_new(void);

/* A further hold on it. */
struct keyring *keyring_hold(struct keyring *keyring);

/* Lets go; wipes and frees what nobody holds. Accepts NULL. */
void keyring_release(struct keyring *keyring);

#endif
