/*
 * /v1/authorize: the reverse proxy asks for every playlist and segment whether it may be sent.
 *
 * The hottest path, and one that proxies read in their own ways (DESIGN.md section 2): 200, 401, 403 and,
 * where the outage policy denies, 503; never a body, since an unread one costs the proxy's connection;
 * and on 200 always every identity header, so that a client's own can never pass for ours.
 */
#include <string.h>

#include "api_metrics.h"
#include "api_original.h"
#include "api_private.h"
#include "http_request.h"

/* A token found in a request: where, and room for one that had to be copied. */
struct found {
    const struct http_request *http; /* the request */
    struct token_claims *claims;     /* get what it says, where is_known */
    const char *token;               /* NULL: none */
    bool is_known;                   /* it was opened before */
    char copied[TOKEN_MAX + 1]; /* where it points, if it came from a query, a path or a cookie */
};

/*
 * Takes text as the token if it has a token's shape, as one that was opened before surely has: neither an app's own
 * bearer nor a bad parameter must shadow ours.
 */
static bool take(struct found *found, const char *text)
{
    if (text == NULL)
        return false;
    found->is_known = api_token_is_known(found->http, text, found->claims);
    if (!found->is_known && !token_has_shape(text, strlen(text)))
        return false;
    found->token = text;
    return true;
}

static bool take_from_query(struct found *found, const char *address)
{
    while (address != NULL)
        if (http_query_param(&address, "stream_token", found->copied, sizeof found->copied) > 0 &&
            take(found, found->copied))
            return true;
    return false;
}

static bool take_from_path(struct found *found, const char *address, const char *token_path)
{
    size_t len;
    const char *segment = api_original_token(address, token_path, &len);

    if (segment == NULL || len > TOKEN_MAX)
        return false;
    memcpy(found->copied, segment, len);
    found->copied[len] = '\0';
    return take(found, found->copied);
}

static bool take_from_address(struct found *found, const char *address, const char *token_path)
{
    return address != NULL && (take_from_query(found, address) ||
                               (token_path != NULL && take_from_path(found, address, token_path)));
}

static bool take_from_cookie(struct found *found, const char *cookies)
{
    while (cookies != NULL)
        if (http_cookie(&cookies, "stream_token", found->copied, sizeof found->copied) > 0 &&
            take(found, found->copied))
            return true;
    return false;
}

/* What follows /v1/authorize, path and query: Envoy's original address. NULL where no path does. */
static const char *own_address(const struct http_request *http)
{
    const char *target = http_request_target(http);

    if (http_request_param(http, 0) == NULL)
        return NULL;
    return strchr(strchr(target + 1, '/') + 1, '/');
}

static void find_token(struct found *found)
{
    const struct http_request *http = found->http;
    const struct api *api = http_request_server_arg(http);
    const char *path = api->options.token_path;
    const char *own = own_address(http);

    if (!take(found, http_request_header(http, HTTP_X_STREAM_TOKEN)) &&
        !take(found, http_bearer(http_request_header(http, HTTP_AUTHORIZATION))) &&
        !take_from_address(found, http_request_header(http, HTTP_X_ORIGINAL_URI), path) &&
        !take_from_address(found, http_request_header(http, HTTP_X_FORWARDED_URI), path) &&
        !take_from_address(found, http_request_header(http, HTTP_X_ORIGINAL_URL), path) &&
        !take_from_query(found, http_request_target(http)) &&
        !(own != NULL && path != NULL && take_from_path(found, own, path)))
        take_from_cookie(found, http_request_header(http, HTTP_COOKIE));
}

/*
 * The original address that a title is read out of: from the one place that the settings name, and only if
 * it can't be the client's. NULL where there is none.
 */
static const char *bound_address(const struct http_request *http)
{
    static const enum http_header headers[] = {
        [API_ORIGINAL_URI] = HTTP_X_ORIGINAL_URI,
        [API_ORIGINAL_FORWARDED] = HTTP_X_FORWARDED_URI,
        [API_ORIGINAL_URL] = HTTP_X_ORIGINAL_URL,
    };
    const struct api *api = http_request_server_arg(http);
    enum api_original_source source = api->options.uri_source;

    if (source == API_ORIGINAL_PATH)
        return own_address(http);
    /* Of two, one may be the client's own, to which the proxy added the true one. */
    if (http_request_header_is_repeated(http, headers[source]))
        return NULL;
    return http_request_header(http, headers[source]);
}

/* Reads the title that the path names; false where it must name one, and names none. */
static bool read_title(struct api_call *call)
{
    const struct api_options *options = &call->api->options;

    if (options->media_path == NULL)
        return true;
    const char *address = bound_address(call->http);
    return address != NULL && api_original_media(address, options->token_path, options->media_path,
                                                 call->path_media_id) == 0;
}

/* Whether the path is that of a title, or no path is bound to one. */
static bool is_of_title(const struct api_call *call, const char *media_id)
{
    return call->api->options.media_path == NULL || strcmp(call->path_media_id, media_id) == 0;
}

/* result: an api_refusal, or API_ALLOWED. */
static void count(unsigned result, enum store_cached cached)
{
    metrics_add(API_METRIC_AUTHORIZE + result * STORE_CACHED_COUNT + (unsigned)cached, 1);
}

/* Refuses; cached is what the cache of answers had to say. */
static void refuse_after(struct http_request *http, enum err code, enum api_refusal refusal,
                         enum store_cached cached)
{
    struct api *api = http_request_server_arg(http);

    count(refusal, cached);
    http_request_note_err(http, code);
    http_reply(http, api_refused_response(api, refusal));
}

/* The same, before the store was asked. */
static void refuse(struct http_request *http, enum err code, enum api_refusal refusal)
{
    refuse_after(http, code, refusal, STORE_UNCACHED);
}

/* A heartbeat that nobody waits for. */
static void on_kept_alive(struct api_call *call)
{
    api_call_free(call);
}

/*
 * Whoever watches is alive: once the last sign of life is older than the heartbeat interval, a segment
 * counts as one.
 */
static bool is_due(const struct api_call *call)
{
    const struct api_options *options = &call->api->options;

    return options->keepalive && call->store.now_ms - call->store.session.last_heartbeat_ms >
                                     options->heartbeat_interval_s * 1000;
}

static void answer(struct api_call *call)
{
    enum store_cached cached = call->store.cached;

    if (call->store.err == ERR_OK && !is_of_title(call, call->store.session.media_id))
        call->store.err = ERR_FORBIDDEN;
    switch (call->store.err) {
    case ERR_OK:
        count(API_ALLOWED, cached);
        api_allow(call->api, call->http, &call->claims, call->store.session.media_id);
        break;
    case ERR_SESSION_ENDED:
        refuse_after(call->http, ERR_SESSION_ENDED,
                     (enum api_refusal)(API_REFUSED_ENDED + (int)call->store.end.reason), cached);
        break;
    case ERR_FORBIDDEN:
        refuse_after(call->http, ERR_FORBIDDEN, API_REFUSED_FORBIDDEN, cached);
        break;
    default:
        refuse_after(call->http, call->store.err, API_REFUSED_UNAVAILABLE, cached);
        break;
    }
}

static void on_revived(struct api_call *call)
{
    answer(call);
    api_call_free(call);
}

static void on_checked(struct store_req *req)
{
    struct api_call *call = api_call_of(req);
    bool revives = call->api->options.keepalive || api_is_to_be_adopted(call);

    /* It comes back with the token's title: another's segment is no reason to. */
    if (revives && req->err == ERR_SESSION_ENDED && req->end.reason == END_EXPIRED &&
        is_of_title(call, call->claims.media_id)) {
        api_revive(call, on_revived);
        return;
    }
    answer(call);
    call->http = NULL;
    if (req->err == ERR_OK && is_due(call)) {
        api_call_give_time(call, call->api->options.store_timeout_ms);
        api_keep_alive(call, on_kept_alive);
        return;
    }
    api_call_free(call);
}

void api_authorize(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    struct api_call *call = api_call_new(http, api->options.authorize_timeout_ms);
    struct found found;

    if (call == NULL)
        return;
    found.http = http;
    found.claims = &call->claims;
    found.token = NULL;
    find_token(&found);
    if (found.token == NULL) {
        api_call_free(call);
        refuse(http, ERR_MISSING_TOKEN, API_REFUSED_MISSING);
        return;
    }
    if (!found.is_known && api_token_open(http, found.token, &call->claims) != ERR_OK) {
        api_call_free(call);
        refuse(http, ERR_INVALID_TOKEN, API_REFUSED_INVALID);
        return;
    }
    http_request_note_session(http, call->claims.session_id);
    if (!read_title(call)) {
        api_call_free(call);
        refuse(http, ERR_FORBIDDEN, API_REFUSED_FORBIDDEN);
        return;
    }
    api_call_name_session(call);
    if (api_was_refused(call)) {
        answer(call);
        api_call_free(call);
        return;
    }
    api_call_ask(call, STORE_CHECK, on_checked);
}
