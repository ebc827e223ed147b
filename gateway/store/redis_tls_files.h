/*
 * The files of TLS to Redis: the CAs, the client's certificate and its key.
 */
#ifndef REDIS_TLS_FILES_H
#define REDIS_TLS_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* Their paths; NULL: not set. */
struct redis_tls_files {
    const char *ca;   /* redis.tls.ca: a file, or a directory of them */
    const char *cert; /* redis.tls.cert */
    const char *key;  /* redis.tls.key; NULL with cert: in the same file */
};

/* What tells that files were replaced: a digest of their inodes, sizes and times. */
struct redis_tls_stamp {
    uint64_t ca, cert, key; /* 0: not set, or not there */
};

/* The stamp of the files as they are now. Of a directory, that of what is in it. */
struct redis_tls_stamp redis_tls_files_stamp(const struct redis_tls_files *files);

/* Whether nothing was replaced between two stamps. */
bool redis_tls_files_same(const struct redis_tls_stamp *a, const struct redis_tls_stamp *b);

/*
 * Reads them into a new context. Returns 0; -1 with the setting, the file and what is wrong appended to
 * reason. Leaves OpenSSL's queue of errors empty.
 */
int redis_tls_files_read(const struct redis_tls_files *files, struct ssl_ctx_st *ctx,
                         struct buf *reason);

#endif
