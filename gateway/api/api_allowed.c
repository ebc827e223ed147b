/*
 * The answers that let a viewer watch: 200 with the identity headers, built once for each session and title,
 * since a player asks for every segment. Bounded: one that was not used lately goes first (lru.h).
 */
#include <stdlib.h>
#include <string.h>

#include "api_private.h"
#include "buf.h"
#include "container_of.h"
#include "lru.h"
#include "text.h"

struct allowed {
    struct lru_item item;                /* by session_id */
    struct http_response *response;      /* the answer */
    char session_id[SESSION_ID_LEN + 1]; /* whose */
    char text[]; /* userId, familyId, deviceId, mediaId; each with its NUL */
};

struct api_allowed {
    struct lru answers; /* by session */
};

enum { NAMES = 4 };

static void drop(struct lru_item *item)
{
    struct allowed *allowed = CONTAINER_OF(item, struct allowed, item);

    http_response_unref(allowed->response);
    free(allowed);
}

struct api_allowed *api_allowed_new(void)
{
    struct api_allowed *all = calloc(1, sizeof *all);

    if (all != NULL)
        all->answers = (struct lru){.most = API_ALLOWED_MAX, .drop = drop};
    return all;
}

void api_allowed_free(struct api_allowed *all)
{
    if (all == NULL)
        return;
    lru_clear(&all->answers);
    free(all);
}

/* Adds an id that a caller chose, percent-encoded. -1 where memory runs out. */
static int add_identity(struct http_response *response, const char *name, const char *id)
{
    struct buf value = BUF_EMPTY;

    text_percent_encode(&value, id);
    const char *text = buf_text(&value);
    int rc = text != NULL ? http_response_add_header(response, name, text) : -1;
    buf_done(&value);
    return rc;
}

static struct http_response *build(const char *session_id, const char *const names[NAMES])
{
    static const char *const headers[NAMES] = {"X-Stream-User", "X-Stream-Family",
                                               "X-Stream-Device", "X-Stream-Media"};
    struct http_response *response = http_response_new(200, NULL, NULL, 0);
    int rc = response != NULL ? add_identity(response, "X-Stream-Session", session_id) : -1;

    for (size_t i = 0; i < NAMES && rc == 0; i++)
        rc = add_identity(response, headers[i], names[i]);
    if (rc == 0)
        return response;
    http_response_unref(response);
    return NULL;
}

static bool is_for(const struct allowed *allowed, const char *const names[NAMES])
{
    const char *at = allowed->text;

    for (size_t i = 0; i < NAMES; i++) {
        if (strcmp(at, names[i]) != 0)
            return false;
        at += strlen(at) + 1;
    }
    return true;
}

/* Keeps a response, with a reference of its own. Without memory nothing is kept. */
static void keep(struct api_allowed *all, const char *session_id, const char *const names[NAMES],
                 struct http_response *response)
{
    size_t size = 0;
    struct allowed *allowed;
    char *at;

    for (size_t i = 0; i < NAMES; i++)
        size += strlen(names[i]) + 1;
    allowed = malloc(sizeof *allowed + size);
    if (allowed == NULL)
        return;
    allowed->response = http_response_ref(response);
    memcpy(allowed->session_id, session_id, sizeof allowed->session_id);
    at = allowed->text;
    for (size_t i = 0; i < NAMES; i++)
        at = stpcpy(at, names[i]) + 1;
    lru_add(&all->answers, &allowed->item, allowed->session_id, SESSION_ID_LEN,
            session_id_hash(session_id));
}

struct http_response *api_allowed_response(struct api *api, const struct token_claims *claims,
                                           const char *media_id)
{
    const char *const names[NAMES] = {claims->user_id, claims->family_id, claims->device_id,
                                      media_id};
    const char *id = claims->session_id;
    struct lru *answers = &api->allowed->answers;
    struct lru_item *item = lru_find(answers, id, SESSION_ID_LEN, session_id_hash(id));
    struct http_response *response;

    if (item != NULL) {
        const struct allowed *allowed = CONTAINER_OF(item, struct allowed, item);

        if (is_for(allowed, names))
            return http_response_ref(allowed->response);
        lru_remove(answers, item);
    }
    response = build(id, names);
    if (response != NULL)
        keep(api->allowed, id, names, response);
    return response;
}
