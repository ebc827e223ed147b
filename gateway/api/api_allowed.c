/*
 * The answers that let a viewer watch: 200 with the identity headers, kept for each session and title from the second
 * time on, since a player asks for every segment. Bounded: one that was not used lately goes first (lru.h).
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
    char session_id[SESSION_ID_LEN + 1]; /* whose; its user, family and device never change */
    char media_id[];                     /* of which title */
};

struct api_allowed {
    struct lru answers; /* by session */
};

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

static struct http_response *build(const struct token_claims *claims, const char *media_id)
{
    const struct {
        const char *name, *id;
    } headers[] = {
        {"X-Stream-Session", claims->session_id},
        {"X-Stream-User", claims->user_id},
        {"X-Stream-Family", claims->family_id},
        {"X-Stream-Device", claims->device_id},
        {"X-Stream-Media", media_id},
    };
    struct http_response *response = http_response_new(200, NULL, NULL, 0);
    struct buf value = BUF_EMPTY;
    int rc = response != NULL ? 0 : -1;

    for (size_t i = 0; i < sizeof headers / sizeof headers[0] && rc == 0; i++) {
        buf_clear(&value);
        text_percent_encode(&value, headers[i].id); /* a caller chose it */
        const char *text = buf_text(&value);
        rc = text != NULL ? http_response_add_header(response, headers[i].name, text) : -1;
    }
    buf_done(&value);
    if (rc == 0)
        return response;
    http_response_unref(response);
    return NULL;
}

/* Keeps a response, with a reference of its own. Without memory nothing is kept. */
static void keep(struct api_allowed *all, const char *session_id, const char *media_id,
                 struct http_response *response)
{
    size_t media_size = strlen(media_id) + 1;
    struct allowed *allowed = malloc(sizeof *allowed + media_size);

    if (allowed == NULL)
        return;
    allowed->response = http_response_ref(response);
    memcpy(allowed->session_id, session_id, sizeof allowed->session_id);
    memcpy(allowed->media_id, media_id, media_size);
    lru_add(&all->answers, &allowed->item, allowed->session_id, SESSION_ID_LEN,
            session_id_hash(session_id));
}

struct http_response *api_allowed_response(struct api *api, const struct token_claims *claims,
                                           const char *media_id, bool is_usual)
{
    const char *id = claims->session_id;
    struct lru *answers = &api->allowed->answers;
    struct lru_item *item = lru_find(answers, id, SESSION_ID_LEN, session_id_hash(id));
    struct http_response *response;

    if (item != NULL) {
        const struct allowed *allowed = CONTAINER_OF(item, struct allowed, item);

        if (strcmp(allowed->media_id, media_id) == 0)
            return http_response_ref(allowed->response);
        lru_remove(answers, item);
    }
    response = build(claims, media_id);
    if (response != NULL && is_usual)
        keep(api->allowed, id, media_id, response);
    return response;
}
