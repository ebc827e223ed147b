/*
 * The one table of error codes: name in C, word on the wire, HTTP status, title.
 *
 * The words are those that problem+json answers carry as `code` (RFC 9457, DESIGN.md section 2), that
 * logs and metrics print, and that Redis scripts return; nothing else in the tree spells them out.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/* clang-format off */
#define ERR_TABLE(X) \
    X(ERR_INVALID_REQUEST,        "invalid_request",        400, "Invalid request") \
    X(ERR_INVALID_JSON,           "invalid_json",           400, "Invalid JSON") \
    X(ERR_MISSING_TOKEN,          "missing_token",          401, "Missing token") \
    X(ERR_INVALID_TOKEN,          "invalid_token",          401, "Invalid token") \
    X(ERR_UNAUTHORIZED,           "unauthorized",           401, "Unauthorized") \
    X(ERR_FORBIDDEN,              "forbidden",              403, "Forbidden") \
    X(ERR_NOT_FOUND,              "not_found",              404, "Not found") \
    X(ERR_METHOD_NOT_ALLOWED,     "method_not_allowed",     405, "Method not allowed") \
    X(ERR_FAMILY_LIMIT,           "family_limit",           409, "Family limit reached") \
    X(ERR_DEVICE_LIMIT,           "device_limit",           409, "Device limit reached") \
    X(ERR_SESSION_ENDED,          "session_ended",          410, "Session ended") \
    X(ERR_PAYLOAD_TOO_LARGE,      "payload_too_large",      413, "Payload too large") \
    X(ERR_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "Unsupported media type") \
    X(ERR_RATE_LIMITED,           "rate_limited",           429, "Too many requests") \
    X(ERR_INTERNAL,               "internal",               500, "Internal error") \
    X(ERR_STORE_UNAVAILABLE,      "store_unavailable",      503, "Store unavailable") \
    X(ERR_SHUTTING_DOWN,          "shutting_down",          503, "Shutting down")
/* clang-format on */

enum err {
    ERR_OK = 0,
#define X(name, word, status, title) name,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

/* The word of a code, for example "family_limit"; "ok" for ERR_OK. Never NULL. */
const char *err_word(enum err code);

/* The HTTP status of a code, 400 to 599; 200 for ERR_OK. */
int err_status(enum err code);

/* The title of a code, a short English phrase. Never NULL. */
const char *err_title(enum err code);

/* The code of a word; ERR_INTERNAL where no code has that word. */
enum err err_from_word(const char *word);

#endif
