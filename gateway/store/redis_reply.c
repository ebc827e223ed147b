/* Reads what Redis answers into the members of a request. */
#include "redis_reply.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "session_json.h"
#include "text.h"

const redisReply *redis_reply_element(const redisReply *reply, size_t n)
{
    return reply->type == REDIS_REPLY_ARRAY && n < reply->elements ? reply->element[n] : NULL;
}

int64_t redis_reply_int(const struct redisReply *reply, size_t n)
{
    const redisReply *found = redis_reply_element(reply, n);

    return found != NULL && found->type == REDIS_REPLY_INTEGER ? found->integer : 0;
}

const char *redis_reply_text(const struct redisReply *reply, size_t n)
{
    const redisReply *found = redis_reply_element(reply, n);

    return found != NULL && found->type == REDIS_REPLY_STRING ? found->str : NULL;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Behind "@user_script:12: ", or "@user_script: 12: ", where text begins so. */
static const char *behind_place(const char *text)
{
    static const char script[] = "@user_script:";

    if (!begins(text, script))
        return text;
    const char *rest = text + strlen(script);
    rest += strspn(rest, " 0123456789");
    return begins(rest, ": ") ? rest + 2 : text;
}

/* How much of a text stands before " script: <sha>, on @user_script:12." at its end; all where that isn't there. */
static size_t len_before_place(const char *text)
{
    static const char script[] = " script: ", line[] = ", on @user_script:";
    const char *place = NULL;

    for (const char *at = strstr(text, script); at != NULL; at = strstr(at + 1, script))
        place = at;
    if (place == NULL)
        return strlen(text);

    const char *rest = place + strlen(script);
    rest += strspn(rest, "0123456789abcdef");
    if (!begins(rest, line))
        return strlen(text);
    rest += strlen(line);
    rest += strspn(rest, "0123456789");
    return strcmp(rest, ".") == 0 ? (size_t)(place - text) : strlen(text);
}

/*
 * Redis 6.2 wraps what a script's command was answered with: "ERR Error running script (call to f_<sha>):
 * @user_script:12: OOM …", or, where the command was refused before it ran, "…: @user_script:12: @user_script: 12:
 * -OOM …". Later versions append the place.
 */
const char *redis_reply_error_words(const char *error, size_t *ret_len)
{
    if (begins(error, "ERR Error running script (call to ")) {
        const char *wrapped = strstr(error, "): ");

        error = wrapped != NULL ? behind_place(behind_place(wrapped + 3)) : error;
        if (error[0] == '-')
            error++;
    }
    *ret_len = len_before_place(error);
    return error;
}

/* The same without the ERR that sentences get which have no word of their own. */
static const char *own_words(const char *error)
{
    size_t len;
    const char *words = redis_reply_error_words(error, &len);

    return begins(words, "ERR ") ? words + 4 : words;
}

enum redis_error_kind redis_reply_error_kind(const struct redisReply *error)
{
    static const struct {
        const char *words; /* that the error's own begin with, whole ones */
        enum redis_error_kind kind;
    } table[] = {
        {"NOSCRIPT", REDIS_ERROR_NOSCRIPT},
        {"MOVED", REDIS_ERROR_MOVED},
        {"ASK", REDIS_ERROR_ASK},
        {"TRYAGAIN", REDIS_ERROR_TRYAGAIN},
        {"LOADING", REDIS_ERROR_OUTAGE},
        {"READONLY", REDIS_ERROR_OUTAGE},
        {"MASTERDOWN", REDIS_ERROR_OUTAGE},
        {"MISCONF", REDIS_ERROR_OUTAGE},
        {"NOREPLICAS", REDIS_ERROR_OUTAGE},
        {"CLUSTERDOWN", REDIS_ERROR_OUTAGE},
        {"BUSY", REDIS_ERROR_OUTAGE},
        {"OOM", REDIS_ERROR_OUTAGE},
        {"NOAUTH", REDIS_ERROR_OPERATOR},
        {"WRONGPASS", REDIS_ERROR_OPERATOR},
        {"NOPERM", REDIS_ERROR_OPERATOR},
        {"WRONGTYPE", REDIS_ERROR_DATA},
        /* MOVED, TRYAGAIN and CLUSTERDOWN as scripts are told of them, by 6.2 and by later ones. */
        {"Script attempted to access a non local key in a cluster node", REDIS_ERROR_TRYAGAIN},
        {"Unable to execute command", REDIS_ERROR_TRYAGAIN},
        {"Script attempted to execute a command while the cluster is down", REDIS_ERROR_OUTAGE},
        {"Script attempted to execute a write command while the cluster is down",
         REDIS_ERROR_OUTAGE},
        {"Script attempted to access a slot not served", REDIS_ERROR_OUTAGE},
        /* NOPERM, the same: by 7.0 and before, and by later ones. */
        {"The user executing the script can't", REDIS_ERROR_OPERATOR},
        {"ACL failure in script:", REDIS_ERROR_OPERATOR},
    };
    const char *own = own_words(error->str);

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t len = strlen(table[i].words);

        if (begins(own, table[i].words) && (own[len] == ' ' || own[len] == '\0'))
            return table[i].kind;
    }
    return REDIS_ERROR_OTHER;
}

enum err redis_reply_read_session(const struct redisReply *reply, struct session *ret_session)
{
    if (reply->type != REDIS_REPLY_STRING ||
        session_json_parse(reply->str, reply->len, ret_session) != 0)
        return ERR_INTERNAL;
    return ERR_OK;
}

void redis_reply_copy_message(const char *message, char *ret_text, size_t size)
{
    bool shown = message != NULL && text_is_printable(message, strlen(message));

    text_copy(ret_text, size, shown ? message : "");
}

static void copy_member(const json_t *object, const char *key, char *ret_text, size_t size)
{
    const json_t *value = json_object_get(object, key);

    ret_text[0] = '\0';
    if (json_is_string(value) &&
        text_is_printable(json_string_value(value), json_string_length(value)))
        text_copy(ret_text, size, json_string_value(value));
}

enum err redis_reply_read_end(const struct redisReply *reply, struct store_end *ret_end)
{
    json_auto_t *object = NULL;

    *ret_end = (struct store_end){.reason = END_EXPIRED};
    if (reply == NULL || reply->type != REDIS_REPLY_STRING)
        return ERR_SESSION_ENDED;
    object = json_loadb(reply->str, reply->len, 0, NULL);
    const json_t *word = json_object_get(object, "reason");
    if (!json_is_string(word))
        return ERR_SESSION_ENDED;
    int reason = end_reason_from_word(json_string_value(word), json_string_length(word));
    if (reason < 0)
        return ERR_SESSION_ENDED;
    ret_end->reason = (enum end_reason)reason;
    copy_member(object, "by", ret_end->by, sizeof ret_end->by);
    copy_member(object, "message", ret_end->message, sizeof ret_end->message);
    return ERR_SESSION_ENDED;
}

void redis_reply_write_end(const struct store_end *end, struct buf *out)
{
    json_auto_t *object = json_pack("{s:s}", "reason", end_reason_word(end->reason));

    if (end->by[0] != '\0')
        json_object_set_new(object, "by", json_string(end->by));
    if (end->message[0] != '\0')
        json_object_set_new(object, "message", json_string(end->message));
    char *text = json_dumps(object, JSON_COMPACT);
    if (text == NULL)
        out->failed = true;
    else
        buf_add_str(out, text);
    free(text);
}

static int by_silence(const void *left, const void *right)
{
    const struct store_stream *a = left, *b = right;

    if (a->session.last_heartbeat_ms != b->session.last_heartbeat_ms)
        return a->session.last_heartbeat_ms < b->session.last_heartbeat_ms ? -1 : 1;
    return strcmp(a->session.id, b->session.id);
}

void redis_reply_read_stream(const char *id, const redisReply *value, int64_t now_ms,
                             struct store_stream *ret_stream)
{
    struct session *session = &ret_stream->session;

    if (redis_reply_read_session(value, session) != ERR_OK)
        *session = (struct session){.started_ms = now_ms, .last_heartbeat_ms = now_ms};
    text_copy(session->id, sizeof session->id, id != NULL ? id : "");
    int64_t idle_ms = now_ms - session->last_heartbeat_ms;
    ret_stream->idle_s = idle_ms > 0 ? idle_ms / 1000 : 0;
}

/* Of count streams, the next one's id and value stand step elements behind those of the last. */
static int read_streams(const redisReply *ids, redisReply *const *values, size_t count, size_t step,
                        int64_t now_ms, struct store_req *req)
{
    struct store_stream *streams = calloc(count > 0 ? count : 1, sizeof *streams);

    if (streams == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        redis_reply_read_stream(redis_reply_text(ids, step * i), values[step * i], now_ms,
                                &streams[i]);
    qsort(streams, count, sizeof *streams, by_silence);
    req->streams = streams;
    req->stream_count = count < STORE_STREAMS_MAX ? count : STORE_STREAMS_MAX;
    return 0;
}

int redis_reply_read_streams(const struct redisReply *reply, int64_t now_ms, struct store_req *req)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
        return -1;
    return read_streams(reply, reply->elements > 1 ? reply->element + 1 : NULL, reply->elements / 2,
                        2, now_ms, req);
}

int redis_reply_read_stream_lists(const struct redisReply *ids, const struct redisReply *values,
                                  int64_t now_ms, struct store_req *req)
{
    if (ids == NULL || ids->type != REDIS_REPLY_ARRAY || values == NULL ||
        values->type != REDIS_REPLY_ARRAY || values->elements != ids->elements)
        return -1;
    return read_streams(ids, values->element, ids->elements, 1, now_ms, req);
}
