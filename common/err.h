/*
 * The one table of error codes: name in C, word on the wire, HTTP status, its phrase, and what it means.
 *
 * The words are those that problem+json answers carry as `code` (RFC 9457, DESIGN.md section 2), that
 * logs and metrics print, and that Redis scripts return; nothing else in the tree spells them out.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/* clang-format off */
#define ERR_TABLE(X) \
    X(ERR_INVALID_REQUEST,       "invalid_request", 400, "Bad Request", \
      "the request is not as it should be") \
    X(ERR_INVALID_JSON,          "invalid_json", 400, "Bad Request", \
      "the body is not JSON") \
    X(ERR_MISSING_TOKEN,         "missing_token", 401, "Unauthorized", \
      "a token is required") \
    X(ERR_INVALID_TOKEN,         "invalid_token", 401, "Unauthorized", \
      "the token is not one of ours, or past its life") \
    X(ERR_UNAUTHORIZED,          "unauthorized", 401, "Unauthorized", \
      "the credentials are missing or wrong") \
    X(ERR_FORBIDDEN,             "forbidden", 403, "Forbidden", \
      "the caller may not do this") \
    X(ERR_NOT_FOUND,             "not_found", 404, "Not Found", \
      "there is nothing at this path") \
    X(ERR_METHOD_NOT_ALLOWED,    "method_not_allowed", 405, "Method Not Allowed", \
      "the path has other methods: see Allow") \
    X(ERR_FAMILY_LIMIT,          "family_limit", 409, "Conflict", \
      "the family has as many streams as it may: stop one, or wait for one to end") \
    X(ERR_DEVICE_LIMIT,          "device_limit", 409, "Conflict", \
      "the device has as many streams as it may: stop one, or wait for one to end") \
    X(ERR_SESSION_ENDED,         "session_ended", 410, "Gone", \
      "the session has ended") \
    X(ERR_PAYLOAD_TOO_LARGE,     "payload_too_large", 413, "Content Too Large", \
      "the body is larger than this call takes") \
    X(ERR_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "Unsupported Media Type", \
      "the body must be application/json") \
    X(ERR_RATE_LIMITED,          "rate_limited", 429, "Too Many Requests", \
      "too many requests: try again later") \
    X(ERR_INTERNAL,              "internal", 500, "Internal Server Error", \
      "the gateway has failed: its log says why") \
    X(ERR_STORE_UNAVAILABLE,     "store_unavailable", 503, "Service Unavailable", \
      "the store of sessions is away: go on playing, and try again") \
    X(ERR_OVERLOADED,            "overloaded", 503, "Service Unavailable", \
      "this gateway has as many connections as it may: ask another, or try again later") \
    X(ERR_SHUTTING_DOWN,         "shutting_down", 503, "Service Unavailable", \
      "this gateway is stopping: ask another")
/* clang-format on */

enum err {
    ERR_OK = 0,
#define X(name, word, status, title, detail) name,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

/* The word of a code, for example "family_limit"; "ok" for ERR_OK. Never NULL. */
const char *err_word(enum err code);

/* The HTTP status of a code, 400 to 599; 200 for ERR_OK. */
int err_status(enum err code);

/* The phrase of a code's HTTP status, which is the title of a problem of type about:blank. Never NULL. */
const char *err_title(enum err code);

/* What a code means, a short English sentence for people. Never NULL. */
const char *err_detail(enum err code);

/* The code of a word; ERR_INTERNAL where no code has that word. */
enum err err_from_word(const char *word);

#endif
