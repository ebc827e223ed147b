/*
 * /v1/families/{familyId}/sessions: a family sees its own streams, and stops one of them. The caller is who
 * may create sessions (with a JWT: those of this family), or holds the token of a live session of this family.
 */
#include <string.h>

#include "api_private.h"
#include "partition.h"
#include "text.h"

/* What is to be done once the caller is known to be of the family. */
typedef void act_fn(struct api_call *call);

static bool is_family_id(const char *text)
{
    size_t len = strlen(text);

    return len >= 1 && len <= SESSION_NAME_MAX && text_is_printable(text, len);
}

/* The call's request is about this family from now on, whoever asked. */
static void act(struct api_call *call, act_fn *what)
{
    text_copy(call->store.session.family_id, sizeof call->store.session.family_id,
              http_request_param(call->http, 0));
    what(call);
}

static void on_checked(struct store_req *req, act_fn *what)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK) {
        act(call, what);
        return;
    }
    if (req->err == ERR_SESSION_ENDED)
        http_problem(call->http, ERR_FORBIDDEN, "the token's session has ended");
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

/* Opens the caller's token, which must be of the family. false: answered. */
static bool open_member_token(struct http_request *http, const char *token, struct api_call *call)
{
    enum err err = api_token_open(http, token, &call->claims);

    if (err != ERR_OK) {
        api_refuse_token(http, err);
        return false;
    }
    if (strcmp(call->claims.family_id, http_request_param(http, 0)) != 0) {
        http_problem(http, ERR_FORBIDDEN, "the token is of another family");
        return false;
    }
    return true;
}

/* Finds out whether the caller may, and does it then. */
static void admit_caller(struct http_request *http, void (*checked)(struct store_req *req),
                         act_fn *what)
{
    const struct api *api = http_request_server_arg(http);
    const char *token = http_request_header(http, HTTP_X_STREAM_TOKEN);
    struct jwt_caller caller = {0};

    if (token == NULL && !api_may_create(http, &caller))
        return;
    if (!is_family_id(http_request_param(http, 0))) {
        http_problem(http, ERR_INVALID_REQUEST, "familyId: must be 1 to 128 printable bytes");
        return;
    }
    if (!api_agrees(http, "familyId", http_request_param(http, 0), caller.family_id))
        return;
    struct api_call *call = api_call_new(http, api->options.store_timeout_ms);
    if (call == NULL)
        return;
    call->trusted = token == NULL && !api_is_member(http);
    if (token == NULL) {
        act(call, what);
    } else if (open_member_token(http, token, call)) {
        api_call_name_session(call);
        api_call_ask(call, STORE_CHECK, checked);
    } else {
        api_call_free(call);
    }
}

/* ---- The list ---- */

static void reply_list(const struct api_call *call)
{
    const struct store_req *req = &call->store;
    struct buf body = BUF_EMPTY;
    struct json_writer writer = {.out = &body};

    json_writer_begin_object(&writer, NULL);
    json_writer_begin_object(&writer, "usage");
    api_write_count(&writer, "family", req->usage.family_active, req->usage.family_limit);
    json_writer_end_object(&writer);
    json_writer_begin_array(&writer, "sessions");
    for (size_t i = 0; i < req->stream_count; i++)
        api_write_stream(&writer, call->api, &req->streams[i]);
    json_writer_end_array(&writer);
    json_writer_end_object(&writer);
    api_reply_json(call->http, 200, &body);
}

static void on_listed(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK)
        reply_list(call);
    else
        api_reply_outcome(call->http, call);
    api_call_free(call);
}

static void list(struct api_call *call)
{
    api_call_ask(call, STORE_LIST, on_listed);
}

static void on_checked_for_list(struct store_req *req)
{
    on_checked(req, list);
}

void api_family_list(struct http_request *http)
{
    admit_caller(http, on_checked_for_list, list);
}

/* ---- The stop ---- */

static void on_found(struct store_req *req)
{
    struct api_call *call = api_call_of(req);

    if (req->err == ERR_OK &&
        strcmp(req->session.family_id, http_request_param(call->http, 0)) != 0) {
        http_problem(call->http, ERR_NOT_FOUND, "not a session of this family");
        api_call_free(call);
    } else if (req->err == ERR_OK || (req->err == ERR_SESSION_ENDED && call->trusted)) {
        req->end = (struct store_end){.reason = END_STOPPED};
        api_call_ask(call, STORE_END, api_on_ended);
    } else if (req->err == ERR_SESSION_ENDED) {
        http_reply(call->http, http_response_ref(call->api->no_content));
        api_call_free(call);
    } else {
        api_reply_outcome(call->http, call);
        api_call_free(call);
    }
}

/*
 * The record tells family and device. Of a session that is gone only its id tells anything: its family's
 * partition. One that sleeps must not come back, if those say so who may create sessions; the word of a member
 * of just any family in that partition is not enough.
 */
static void stop(struct api_call *call)
{
    struct session *session = &call->store.session;
    const char *id = http_request_param(call->http, 1);

    if (!session_id_is_valid(id, strlen(id)) ||
        strncmp(id, partition_tag(partition_of(session->family_id)), PARTITION_TAG_LEN) != 0) {
        http_problem(call->http, ERR_NOT_FOUND, "not a session of this family");
        api_call_free(call);
        return;
    }
    http_request_note_session(call->http, id);
    memcpy(session->id, id, sizeof session->id);
    session->user_id[0] = session->device_id[0] = session->media_id[0] = '\0';
    api_call_ask(call, STORE_GET, on_found);
}

static void on_checked_for_stop(struct store_req *req)
{
    on_checked(req, stop);
}

void api_family_stop(struct http_request *http)
{
    admit_caller(http, on_checked_for_stop, stop);
}
