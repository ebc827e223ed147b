/* What a caller presents: API keys or JWTs for those who create, tokens for players. */
#include <stdio.h>
#include <string.h>

#include "api_metrics.h"
#include "api_private.h"
#include "clock.h"
#include "identity.h"
#include "refused_tokens.h"

/* Whether a request shows that it came through a proxy. */
static bool is_proxied(const struct http_request *http)
{
    static const enum http_header signs[] = {HTTP_FORWARDED, HTTP_VIA, HTTP_X_FORWARDED_ANY,
                                             HTTP_X_REAL_IP};

    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (http_request_header(http, signs[i]) != NULL)
            return true;
    return false;
}

static bool may_by_key(struct http_request *http, const char *secret)
{
    const struct api *api = http_request_server_arg(http);
    const char *name = secret != NULL ? api_keys_find(api->keys->callers, secret) : NULL;

    if (name != NULL) {
        http_request_note_caller(http, name);
        return true;
    }
    http_problem(http, ERR_UNAUTHORIZED,
                 secret == NULL ? "Authorization: Bearer <API key> is required"
                                : "no such API key");
    return false;
}

static bool may_by_jwt(struct http_request *http, const char *token, struct jwt_caller *caller)
{
    const struct api *api = http_request_server_arg(http);
    char detail[JWT_DETAIL_MAX + 1];

    if (token == NULL || token_has_shape(token, strlen(token))) {
        http_problem(http, ERR_UNAUTHORIZED,
                     token == NULL ? "Authorization: Bearer <JWT> is required"
                                   : "the bearer is a session's token, which goes into the path or "
                                     "X-Stream-Token: this call wants a JWT");
        return false;
    }
    enum err err = jwt_check(api->keys->jwt, token, clock_wall_ms(), caller, detail);
    if (err == ERR_OK) {
        http_request_note_caller(http, caller->key[0] != '\0' ? caller->key : "jwt");
        return true;
    }
    http_problem(http, err, detail);
    return false;
}

bool api_may_create(struct http_request *http, struct jwt_caller *ret_caller)
{
    const struct api *api = http_request_server_arg(http);
    const char *bearer = http_bearer(http_request_header(http, HTTP_AUTHORIZATION));

    *ret_caller = (struct jwt_caller){.family_limit = -1, .device_limit = -1};
    switch (api->options.auth) {
    case API_AUTH_OPEN:
        return true;
    case API_AUTH_UNSAID:
        if (!is_proxied(http))
            return true;
        http_problem(
            http, ERR_UNAUTHORIZED,
            "the request came through a proxy, and the setting auth.mode doesn't say who may "
            "create sessions: set it to api_key, to jwt, or to open");
        return false;
    case API_AUTH_KEY:
        return may_by_key(http, bearer);
    case API_AUTH_JWT:
        return may_by_jwt(http, bearer, ret_caller);
    }
    return false;
}

bool api_agrees(struct http_request *http, const char *member, const char *said, const char *by_jwt)
{
    char detail[64];

    if (by_jwt[0] == '\0' || strcmp(said, by_jwt) == 0)
        return true;
    snprintf(detail, sizeof detail, "%s: the JWT says another", member);
    http_problem(http, ERR_FORBIDDEN, detail);
    return false;
}

bool api_has_key(const struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);

    return api->options.auth == API_AUTH_KEY;
}

bool api_is_member(const struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);

    return api->options.auth == API_AUTH_JWT;
}

/* What is to be said of an invalid token. */
static enum err count_refused(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    char client[HTTP_CLIENT_SIZE];

    http_request_client(http, client);
    return refused_tokens_note(api->options.refused_tokens, client) ? ERR_RATE_LIMITED
                                                                    : ERR_INVALID_TOKEN;
}

/* Whether a token's life is over. */
static bool is_outlived(const struct api *api, const struct token_claims *claims)
{
    return clock_wall_coarse_ms() - claims->issued_ms > api->options.max_age_ms;
}

bool api_token_is_known(const struct http_request *http, const char *token,
                        struct token_claims *ret_claims)
{
    const struct api *api = http_request_server_arg(http);

    return token_cache_find(api->tokens, token, strlen(token), ret_claims) &&
           !is_outlived(api, ret_claims);
}

enum err api_token_open(struct http_request *http, const char *token,
                        struct token_claims *ret_claims)
{
    const struct api *api = http_request_server_arg(http);
    int rc = token_cache_open(api->tokens, api->keys->tokens, token, strlen(token), ret_claims);

    if (rc != 0)
        metrics_add(API_METRIC_TOKENS + (rc < 0), 1);
    if (rc < 0 || is_outlived(api, ret_claims))
        return count_refused(http);
    return ERR_OK;
}

void api_refuse_token(struct http_request *http, enum err err)
{
    if (err != ERR_RATE_LIMITED) {
        http_problem(http, err, NULL);
        return;
    }
    http_request_note_err(http, err);
    http_reply(http, http_problem_response(err, "too many invalid tokens from this address", NULL,
                                           API_REFUSED_TOKENS_WAIT_S));
}

bool api_token_of_session(struct http_request *http, bool bearer_too,
                          struct token_claims *ret_claims)
{
    const char *segment = http_request_param(http, 0);
    bool in_path = token_has_shape(segment, strlen(segment));
    const char *token = segment;

    if (!in_path) {
        token = http_request_header(http, HTTP_X_STREAM_TOKEN);
        if (token == NULL && bearer_too)
            token = http_bearer(http_request_header(http, HTTP_AUTHORIZATION));
    }
    if (token == NULL) {
        http_problem(http, ERR_MISSING_TOKEN,
                     bearer_too ? "X-Stream-Token or Authorization: Bearer <token> is required"
                                : "the token is required, in the path or in X-Stream-Token");
        return false;
    }
    enum err err = api_token_open(http, token, ret_claims);
    if (err != ERR_OK) {
        api_refuse_token(http, err);
        return false;
    }
    http_request_note_session(http, ret_claims->session_id);
    if (!in_path && strcmp(segment, ret_claims->session_id) != 0) {
        http_problem(http, ERR_INVALID_TOKEN, "the token is another session's");
        return false;
    }
    return true;
}
