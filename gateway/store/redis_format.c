/* The store's operations as commands. */
#include "redis_format.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "redis_events.h"
#include "redis_format_private.h"
#include "redis_link.h"
#include "redis_page.h"
#include "redis_reply.h"
#include "resp.h"
#include "session_json.h"
#include "text.h"

void redis_format_script(const struct redis_format *format, struct buf *out,
                         enum redis_script script, size_t keys, size_t args)
{
    resp_command(out, 3 + keys + args);
    resp_text(out, "EVALSHA");
    resp_text(out, redis_link_sha(format->link, script));
    resp_int(out, (int64_t)keys);
}

void redis_format_key(const struct redis_format *format, struct buf *out, const char *kind,
                      const char *name)
{
    resp_key(out, format->prefix, kind, name);
}

/* The keys that a session has of its own, and those of the sets that count it. */
static void add_session_keys(const struct redis_format *format, const struct session *session,
                             struct buf *out)
{
    redis_format_key(format, out, "session:", session->id);
    redis_format_key(format, out, "session_end:", session->id);
    redis_format_key(format, out, "family_streams:", session->family_id);
    redis_format_key(format, out, "device_streams:", session->device_id);
}

void redis_format_buf(struct buf *out, struct buf *text)
{
    resp_bytes(out, text->data, text->len);
    out->failed |= text->failed;
    buf_done(text);
}

static void add_time(struct buf *out, int64_t wall_ms)
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(wall_ms, text);
    resp_text(out, text);
}

/* The second in which Redis will carry the command out, as far as is known, and how it is written. */
static void add_second(const struct redis_format *format, struct buf *out)
{
    struct redis_second *second = format->second;
    int64_t now_s = format->now_ms / 1000;

    if (second->wall_s != now_s) {
        char time[CLOCK_TEXT_LEN + 1];

        clock_format(format->now_ms, time);
        int len = snprintf(second->text, sizeof second->text, "%lld %.20s", (long long)now_s, time);
        second->len = (size_t)len;
        second->wall_s = now_s;
    }
    resp_bytes(out, second->text, second->len);
}

void redis_format_end(struct buf *out, const struct store_end *end)
{
    struct buf text = BUF_EMPTY;

    redis_reply_write_end(end, &text);
    redis_format_buf(out, &text);
}

/* "<sessionId> <familyId> <deviceId> <userId> ", behind which the script puts startedAt. */
static void add_expiry_entry(struct buf *out, const struct session *session)
{
    struct buf text = BUF_EMPTY;

    buf_add_str(&text, session->id);
    buf_add_char(&text, ' ');
    text_percent_encode(&text, session->family_id);
    buf_add_char(&text, ' ');
    text_percent_encode(&text, session->device_id);
    buf_add_char(&text, ' ');
    text_percent_encode(&text, session->user_id);
    buf_add_char(&text, ' ');
    redis_format_buf(out, &text);
}

/* Whether a create may end a stream of its own family as replaced. */
static bool may_replace(const struct store_req *req)
{
    return req->op == STORE_CREATE && (req->create.evict || req->create.replace_count > 0 ||
                                       req->session.player_id[0] != '\0');
}

/* The numbers of a create, in the order of create_room.lua, as its struct.unpack reads them: big-endian doubles. */
static void add_create_numbers(const struct redis_format *format, const struct store_req *req,
                               struct buf *out)
{
    const struct store_options *options = format->options;
    const struct store_create *create = &req->create;
    const double numbers[] = {
        req->op == STORE_REVIVE,
        (double)options->ttl_ms,
        create->family_limit,
        create->device_limit,
        options->family_limit,
        options->device_limit,
        create->spare_silent ? 0 : (double)options->displace_after_ms,
        create->evict,
        (double)options->evict_cooldown_ms,
        (double)options->create_rate,
        options->dry_run,
        (double)format->useless_ms,
    };
    unsigned char bytes[sizeof numbers];

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t bits;

        memcpy(&bits, &numbers[i], sizeof bits);
        for (size_t j = 0; j < sizeof bits; j++)
            bytes[i * sizeof bits + j] = (unsigned char)(bits >> (56 - 8 * j));
    }
    resp_bytes(out, bytes, sizeof bytes);
}

static void add_revival(const struct store_req *req, struct buf *out)
{
    add_time(out, req->create.issued_ms);
    add_time(out, req->session.started_ms);
}

static void add_replaced(const struct store_req *req, struct buf *out)
{
    struct store_end replaced = {.reason = END_REPLACED};

    strcpy(replaced.by, store_replaced_by(&req->session));
    redis_format_end(out, &replaced);
    resp_text(out, req->session.player_id);
    for (size_t i = 0; i < req->create.replace_count; i++)
        resp_text(out, req->create.replace[i]);
}

static void format_create(const struct redis_format *format, const struct store_req *req,
                          struct buf *out)
{
    const struct session *session = &req->session;
    bool revives = req->op == STORE_REVIVE, replaces = may_replace(req);
    size_t more = revives ? 2 : replaces ? 2 + req->create.replace_count : 0;
    struct buf head = BUF_EMPTY, middle = BUF_EMPTY, rate_key = BUF_EMPTY;

    session_json_parts(session, &head, &middle);
    buf_printf(&rate_key, "%s:create", session->user_id);

    redis_format_script(format, out, REDIS_SCRIPT_CREATE, 11, 10 + more);
    add_session_keys(format, session, out);
    redis_format_key(format, out, "family_limits:", session->family_id);
    redis_format_key(format, out, "rate_limit:", rate_key.failed ? "" : buf_text(&rate_key));
    redis_format_key(format, out, "evicted:", session->device_id);
    redis_format_key(format, out, "family_revoked:", session->family_id);
    redis_format_key(format, out, "device_revoked:", session->device_id);
    redis_format_key(format, out, "session_expiry", "");
    redis_format_key(format, out, "stream_events", "");

    add_second(format, out);
    add_create_numbers(format, req, out);
    resp_text(out, session->id);
    redis_format_buf(out, &head);
    redis_format_buf(out, &middle);
    resp_text(out, session->user_id);
    resp_text(out, session->family_id);
    resp_text(out, session->device_id);
    resp_text(out, session->media_id);
    add_expiry_entry(out, session);
    if (revives)
        add_revival(req, out);
    else if (replaces)
        add_replaced(req, out);
    out->failed |= rate_key.failed;
    buf_done(&rate_key);
}

static void format_heartbeat(const struct redis_format *format, const struct store_req *req,
                             struct buf *out)
{
    redis_format_script(format, out, REDIS_SCRIPT_HEARTBEAT, 4, 4);
    add_session_keys(format, &req->session, out);
    add_second(format, out);
    resp_int(out, format->options->ttl_ms);
    resp_text(out, req->session.user_id);
    resp_int(out, store_heartbeat_min(format->options));
}

static void format_check(const struct redis_format *format, const struct store_req *req,
                         struct buf *out)
{
    resp_command(out, 2);
    resp_text(out, "GET");
    redis_format_key(format, out, "session:", req->session.id);
}

void redis_format_why(const struct redis_format *format, const struct store_req *req,
                      struct buf *out)
{
    resp_command(out, 2);
    resp_text(out, "GET");
    redis_format_key(format, out, "session_end:", req->session.id);
}

/* A session's value: for GET, and for a zap, which edits it. */
static void format_get(const struct redis_format *format, const struct store_req *req,
                       struct buf *out)
{
    redis_format_script(format, out, REDIS_SCRIPT_GET, 2, 0);
    redis_format_key(format, out, "session:", req->session.id);
    redis_format_key(format, out, "session_end:", req->session.id);
}

void redis_format_swap(const struct redis_format *format, const struct store_req *req,
                       const char *before, size_t before_len, const char *after, bool tell,
                       struct buf *out)
{
    redis_format_script(format, out, REDIS_SCRIPT_SWAP, 1, 5);
    redis_format_key(format, out, "session:", req->session.id);
    resp_text(out, format->prefix);
    resp_text(out, req->session.id);
    resp_bytes(out, before, before_len);
    resp_text(out, after);
    resp_text(out, tell ? "1" : "0");
}

/* Its names are looked up where it lives, if the caller doesn't know them. */
static void format_end(const struct redis_format *format, const struct store_req *req,
                       struct buf *out)
{
    const struct store_options *options = format->options;
    const struct session *session = &req->session;
    const struct store_operator *who = &req->operator;
    const char *reason = end_reason_word(req->end.reason);
    bool terminated = req->end.reason == END_TERMINATED, named = session->family_id[0] != '\0';

    redis_format_script(format, out, REDIS_SCRIPT_END, named ? 6 : 4, 7);
    redis_format_key(format, out, "session:", session->id);
    redis_format_key(format, out, "session_end:", session->id);
    redis_format_key(format, out, "session_expiry", "");
    redis_format_key(format, out, "stream_events", "");
    if (named) {
        redis_format_key(format, out, "family_streams:", session->family_id);
        redis_format_key(format, out, "device_streams:", session->device_id);
    }
    resp_text(out, format->prefix);
    resp_text(out, session->id);
    resp_text(out, reason);
    redis_format_end(out, &req->end);
    resp_int(out, terminated ? options->max_age_ms : 2 * options->ttl_ms);
    resp_text(out, who->why[0] != '\0' ? who->why : reason);
    resp_text(out, who->name[0] != '\0' ? who->name : req->end.by);
}

static void format_list(const struct redis_format *format, const struct store_req *req,
                        struct buf *out)
{
    redis_format_script(format, out, REDIS_SCRIPT_LIST, 2, 2);
    redis_format_key(format, out, "family_streams:", req->session.family_id);
    redis_format_key(format, out, "family_limits:", req->session.family_id);
    resp_text(out, format->prefix);
    resp_int(out, format->options->family_limit);
}

static void format_adopt(const struct redis_format *format, const struct store_req *req,
                         struct buf *out)
{
    const struct session *session = &req->session;
    struct buf head = BUF_EMPTY, middle = BUF_EMPTY;

    session_json_parts(session, &head, &middle);
    redis_format_script(format, out, REDIS_SCRIPT_ADOPT, 8, 12);
    add_session_keys(format, session, out);
    redis_format_key(format, out, "family_revoked:", session->family_id);
    redis_format_key(format, out, "device_revoked:", session->device_id);
    redis_format_key(format, out, "session_expiry", "");
    redis_format_key(format, out, "stream_events", "");
    resp_text(out, format->prefix);
    resp_text(out, session->id);
    resp_int(out, format->options->ttl_ms);
    resp_int(out, req->create.idle_ms);
    resp_int(out, format->now_ms - session->started_ms);
    redis_format_buf(out, &head);
    redis_format_buf(out, &middle);
    add_expiry_entry(out, session);
    resp_text(out, session->user_id);
    resp_text(out, session->family_id);
    resp_text(out, session->device_id);
    resp_text(out, session->media_id);
}

static void format_sweep(const struct redis_format *format, const struct store_req *req,
                         struct buf *out)
{
    (void)req;
    redis_format_script(format, out, REDIS_SCRIPT_SWEEP, 2, 2);
    redis_format_key(format, out, "session_expiry", "");
    redis_format_key(format, out, "stream_events", "");
    resp_text(out, format->prefix);
    resp_int(out, SWEEP_MAX);
}

void redis_format_op(const struct redis_format *format, const struct store_req *req,
                     struct buf *out)
{
    static void (*const formats[STORE_OP_COUNT])(const struct redis_format *,
                                                 const struct store_req *, struct buf *) = {
        [STORE_CREATE] = format_create,
        [STORE_HEARTBEAT] = format_heartbeat,
        [STORE_REVIVE] = format_create,
        [STORE_CHECK] = format_check,
        [STORE_GET] = format_get,
        [STORE_ZAP] = format_get,
        [STORE_END] = format_end,
        [STORE_LIST] = format_list,
        [STORE_REVOKE] = redis_format_revoke,
        [STORE_SET_LIMITS] = redis_format_set_limits,
        [STORE_ADOPT] = format_adopt,
        [STORE_SWEEP] = format_sweep,
        [STORE_PAGE] = redis_page_format,
        [STORE_DESCRIBE] = redis_format_describe,
        [STORE_COUNT] = redis_format_count,
        [STORE_EVENTS] = redis_events_format,
        [STORE_NOTE] = redis_format_note,
    };

    formats[req->op](format, req, out);
}
