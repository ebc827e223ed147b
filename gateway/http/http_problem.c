/* Answers that say what went wrong: problem+json, RFC 9457. */
#include <stdio.h>

#include "http_private.h"
#include "http_response.h"
#include "text.h"

void http_problem_body(struct buf *buf, enum err code, const char *detail, const char *extra)
{
    buf_printf(buf, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
               err_title(code), err_status(code));
    text_json_quote(buf, detail != NULL ? detail : err_detail(code));
    buf_printf(buf, ",\"code\":\"%s\"", err_word(code));
    if (extra != NULL) {
        buf_add_char(buf, ',');
        buf_add_str(buf, extra);
    }
    buf_add_char(buf, '}');
}

struct http_response *http_problem_response(enum err code, const char *detail, const char *extra,
                                            int retry_after_s)
{
    struct buf body = BUF_EMPTY;
    struct http_response *response = NULL;
    char seconds[16];

    http_problem_body(&body, code, detail, extra);
    if (!body.failed)
        response =
            http_response_new(err_status(code), "application/problem+json", body.data, body.len);
    buf_done(&body);
    if (response == NULL)
        return NULL;
    if (http_response_guard(response) != 0)
        goto fail;
    if (err_status(code) == MHD_HTTP_UNAUTHORIZED &&
        http_response_add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer") != 0)
        goto fail;
    if (retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%d", retry_after_s);
        if (http_response_add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds) != 0)
            goto fail;
    }
    return response;

fail:
    http_response_unref(response);
    return NULL;
}

void http_problem(struct http_request *req, enum err code, const char *detail)
{
    int retry_after_s = err_status(code) == MHD_HTTP_SERVICE_UNAVAILABLE ? 1 : 0;

    http_request_note_err(req, code);
    http_reply(req, http_problem_response(code, detail, NULL, retry_after_s));
}
