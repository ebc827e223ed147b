/* The files of TLS to Redis. */
#include "redis_tls_files.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "file.h"

/* ---- stamps ---- */

static uint64_t mix(uint64_t digest, uint64_t value)
{
    digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
    return digest ^ (digest >> 29);
}

static uint64_t digest_of(const struct stat *st)
{
    uint64_t digest = mix(1, st->st_dev);

    digest = mix(digest, st->st_ino);
    digest = mix(digest, (uint64_t)st->st_size);
    digest = mix(digest, (uint64_t)st->st_mtim.tv_sec);
    digest = mix(digest, (uint64_t)st->st_mtim.tv_nsec);
    return digest != 0 ? digest : 1;
}

/* Whether an entry of the CAs' directory is a certificate's file: one that isn't hidden. */
static bool is_candidate(int dir, const char *name, struct stat *ret_st)
{
    return name[0] != '.' && fstatat(dir, name, ret_st, 0) == 0 && S_ISREG(ret_st->st_mode);
}

/* Symbolic links are followed, so that one that is turned to another file counts as a new file. */
static uint64_t stamp(const char *path)
{
    struct stat st;

    if (path == NULL || stat(path, &st) != 0)
        return 0;
    uint64_t digest = digest_of(&st);
    DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    if (dir == NULL)
        return digest;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (is_candidate(dirfd(dir), entry->d_name, &st))
            digest += digest_of(&st); /* in whatever order they come */
    closedir(dir);
    return digest;
}

struct redis_tls_stamp redis_tls_files_stamp(const struct redis_tls_files *files)
{
    return (struct redis_tls_stamp){
        .ca = stamp(files->ca), .cert = stamp(files->cert), .key = stamp(files->key)};
}

bool redis_tls_files_same(const struct redis_tls_stamp *a, const struct redis_tls_stamp *b)
{
    return a->ca == b->ca && a->cert == b->cert && a->key == b->key;
}

/* ---- reading ---- */

static int fail(struct buf *reason, const char *setting, const char *path, const char *why)
{
    buf_printf(reason, "%s: %s: %s", setting, path, why);
    return -1;
}

/* A file as OpenSSL reads it: in memory, in content, which forget wipes. NULL: reason says why. */
static BIO *open_file(const char *setting, const char *path, struct buf *content,
                      struct buf *reason)
{
    struct buf why = BUF_EMPTY;
    BIO *bio = NULL;

    if (file_read(path, content, &why) != 0)
        fail(reason, setting, path, buf_text(&why));
    else if ((bio = BIO_new_mem_buf(content->data, (int)content->len)) == NULL)
        fail(reason, setting, path, "no memory");
    buf_done(&why);
    return bio;
}

static void forget(BIO *bio, struct buf *content)
{
    BIO_free(bio);
    if (content->data != NULL)
        OPENSSL_cleanse(content->data, content->cap);
    buf_done(content);
}

/* Adds the certificates of a file to those that are trusted. Returns how many; -1: reason says why. */
static int add_cas(X509_STORE *store, const char *path, struct buf *reason)
{
    struct buf content = BUF_EMPTY;
    BIO *bio = open_file("redis.tls.ca", path, &content, reason);
    int count = bio != NULL ? 0 : -1;

    for (X509 *ca; count >= 0 && (ca = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL;) {
        count++;
        if (X509_STORE_add_cert(store, ca) != 1)
            count = fail(reason, "redis.tls.ca", path, "no memory");
        X509_free(ca);
    }
    /* The end of the file is no start of a line; anything else is a certificate that isn't whole. */
    if (count >= 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        count = fail(reason, "redis.tls.ca", path, "holds a certificate that can't be read");
    ERR_clear_error();
    forget(bio, &content);
    return count;
}

/* The same for each file of a directory, whatever its name; what holds no certificate is passed over. */
static int add_directory(X509_STORE *store, const char *path, DIR *dir, struct buf *reason)
{
    int total = 0;

    for (struct dirent *entry; total >= 0 && (entry = readdir(dir)) != NULL;) {
        struct buf file = BUF_EMPTY;
        struct stat st;

        if (!is_candidate(dirfd(dir), entry->d_name, &st))
            continue;
        buf_printf(&file, "%s/%s", path, entry->d_name);
        int count = add_cas(store, buf_text(&file), reason);
        total = count >= 0 ? total + count : -1;
        buf_done(&file);
    }
    return total;
}

/*
 * OpenSSL reads a certificate's extensions when it first looks at them, and keeps them with it. Done here,
 * before any thread has the certificates.
 */
static void read_extensions(X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

        if (cert != NULL)
            X509_check_purpose(cert, -1, 0);
    }
}

static int read_ca(SSL_CTX *ctx, const char *path, struct buf *reason)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    int count;

    if (path == NULL) {
        if (SSL_CTX_set_default_verify_paths(ctx) == 1)
            return 0;
        buf_add_str(reason, "the system's CAs can't be used; set redis.tls.ca");
        return -1;
    }
    DIR *dir = opendir(path);
    if (dir != NULL) {
        count = add_directory(store, path, dir, reason);
        closedir(dir);
    } else if (errno == EACCES) {
        return fail(reason, "redis.tls.ca", path, strerror(EACCES));
    } else {
        count = add_cas(store, path, reason);
    }
    if (count == 0)
        return fail(reason, "redis.tls.ca", path, "holds no certificate in PEM");
    read_extensions(store);
    return count > 0 ? 0 : -1;
}

/* The certificate comes first in its file, those between it and its CA behind it. */
static int read_cert(SSL_CTX *ctx, const char *path, struct buf *reason)
{
    struct buf content = BUF_EMPTY;
    BIO *bio = open_file("redis.tls.cert", path, &content, reason);
    X509 *cert = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    int rc = -1;

    if (bio != NULL && cert == NULL) {
        fail(reason, "redis.tls.cert", path, "holds no certificate in PEM");
    } else if (bio != NULL) {
        rc = 0;
        X509_check_purpose(cert, -1, 0); /* see read_extensions */
        if (SSL_CTX_use_certificate(ctx, cert) != 1)
            rc = fail(reason, "redis.tls.cert", path, "OpenSSL refuses this certificate");
        for (X509 *more; rc == 0 && (more = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;) {
            if (SSL_CTX_add1_chain_cert(ctx, more) != 1)
                rc = fail(reason, "redis.tls.cert", path,
                          "OpenSSL refuses a certificate of its chain");
            X509_free(more);
        }
    }
    X509_free(cert);
    forget(bio, &content);
    return rc;
}

/* Nobody is there to be asked for a password; OpenSSL would ask at the terminal. */
static int refuse_password(char *password, int size, int writing, void *asked)
{
    (void)password;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static int read_key(SSL_CTX *ctx, const struct redis_tls_files *files, struct buf *reason)
{
    const char *setting = files->key != NULL ? "redis.tls.key" : "redis.tls.cert";
    const char *path = files->key != NULL ? files->key : files->cert;
    struct buf content = BUF_EMPTY;
    BIO *bio = open_file(setting, path, &content, reason);
    bool encrypted = false;
    EVP_PKEY *key = NULL;
    int rc = -1;

    if (bio != NULL) {
        key = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, &encrypted);
        if (encrypted)
            fail(reason, setting, path, "the key is encrypted; give one without a password");
        else if (key == NULL)
            fail(reason, setting, path,
                 files->key != NULL ? "holds no private key in PEM"
                                    : "holds no private key in PEM, and redis.tls.key isn't set");
        else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
            fail(reason, setting, path, "isn't the key of the certificate in redis.tls.cert");
        else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
            fail(reason, setting, path, "OpenSSL refuses this key");
        else
            rc = 0;
    }
    EVP_PKEY_free(key);
    forget(bio, &content);
    return rc;
}

int redis_tls_files_read(const struct redis_tls_files *files, struct ssl_ctx_st *ctx,
                         struct buf *reason)
{
    int rc;

    ERR_clear_error();
    rc = read_ca(ctx, files->ca, reason);
    if (rc == 0 && files->cert != NULL)
        rc = read_cert(ctx, files->cert, reason);
    if (rc == 0 && files->cert != NULL)
        rc = read_key(ctx, files, reason);
    if (rc == 0 && files->cert == NULL && files->key != NULL)
        rc = fail(reason, "redis.tls.key", files->key, "is a key without its redis.tls.cert");
    ERR_clear_error();
    return rc;
}
