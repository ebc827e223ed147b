/* The answers that keep a viewer from watching: built once, since players repeat what was refused. */
#include "api_private.h"

/* The answer's status and X-Stream-Reason. */
static int describe(enum api_refusal refusal, const char **ret_reason)
{
    switch (refusal) {
    case API_REFUSED_MISSING:
        *ret_reason = err_word(ERR_MISSING_TOKEN);
        return 401;
    case API_REFUSED_INVALID:
        *ret_reason = err_word(ERR_INVALID_TOKEN);
        return 401;
    case API_REFUSED_FORBIDDEN:
        *ret_reason = err_word(ERR_FORBIDDEN);
        return 403;
    case API_REFUSED_UNAVAILABLE:
        *ret_reason = NULL;
        return 503;
    default:
        *ret_reason = end_reason_word((enum end_reason)(refusal - API_REFUSED_ENDED));
        return 403;
    }
}

static struct http_response *build(enum api_refusal refusal)
{
    const char *reason;
    int status = describe(refusal, &reason);
    struct http_response *response = http_response_new(status, NULL, NULL, 0);

    if (response != NULL &&
        ((reason != NULL && http_response_add_header(response, "X-Stream-Reason", reason) != 0) ||
         (status == 503 && http_response_add_header(response, "Retry-After", "1") != 0))) {
        http_response_unref(response);
        return NULL;
    }
    return response;
}

struct http_response *api_refused_response(struct api *api, enum api_refusal refusal)
{
    if (api->refused[refusal] == NULL)
        api->refused[refusal] = build(refusal);
    return api->refused[refusal] != NULL ? http_response_ref(api->refused[refusal]) : NULL;
}
