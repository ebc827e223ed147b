/* The files of a listener's certificate, read. */
#include "listener_tls.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "buf.h"
#include "file.h"
#include "settings.h"

struct listener_tls {
    atomic_uint references;      /* holders */
    struct buf certificate, key; /* as they stand in the files, a NUL behind each */
};

/* Reads a setting's file. */
static int read_file(const char *setting, const char *path, struct buf *ret, struct buf *reason)
{
    struct buf why = BUF_EMPTY;
    int rc = file_read(path, ret, &why);

    if (rc != 0)
        buf_printf(reason, "%s: %s: %s", setting, path, buf_text(&why));
    buf_done(&why);
    return rc;
}

/* Whether they are of use, before there is a server that shows them. */
static int try(const struct listener_tls *tls, const char *setting, const char *path,
               struct buf *reason)
{
    const struct http_tls_pem pem = listener_tls_pem(tls);
    struct buf why = BUF_EMPTY;
    struct http_tls *trial = http_tls_new(&pem, &why);

    if (trial == NULL)
        buf_printf(reason, "%s: %s: %s", setting, path, buf_text(&why));
    buf_done(&why);
    http_tls_free(trial);
    return trial != NULL ? 0 : -1;
}

int listener_tls_load(const struct settings *settings, enum listener_name listener,
                      struct listener_tls **ret_tls, struct buf *reason)
{
    bool player = listener == LISTENER_PLAYER;
    const char *certificate = player ? settings->player_tls_cert : settings->admin_tls_cert;
    const char *key = player ? settings->player_tls_key : settings->admin_tls_key;
    const char *of_certificate = player ? "player.tls.cert" : "admin.tls.cert";

    *ret_tls = NULL;
    if (certificate == NULL)
        return 0;
    struct listener_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        buf_add_str(reason, "out of memory");
        return -1;
    }
    atomic_init(&tls->references, 1);
    if (read_file(of_certificate, certificate, &tls->certificate, reason) != 0 ||
        read_file(player ? "player.tls.key" : "admin.tls.key", key != NULL ? key : certificate,
                  &tls->key, reason) != 0 ||
        try(tls, of_certificate, certificate, reason) != 0) {
        listener_tls_release(tls);
        return -1;
    }
    *ret_tls = tls;
    return 0;
}

struct http_tls_pem listener_tls_pem(const struct listener_tls *tls)
{
    if (tls == NULL)
        return (struct http_tls_pem){0};
    return (struct http_tls_pem){tls->certificate.data, tls->key.data};
}

struct listener_tls *listener_tls_hold(struct listener_tls *tls)
{
    if (tls != NULL)
        atomic_fetch_add(&tls->references, 1);
    return tls;
}

static void wipe(struct buf *buf)
{
    if (buf->data != NULL)
        sodium_memzero(buf->data, buf->len);
    buf_done(buf);
}

void listener_tls_release(struct listener_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub(&tls->references, 1) > 1)
        return;
    wipe(&tls->certificate);
    wipe(&tls->key);
    free(tls);
}
