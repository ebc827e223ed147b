/*
 * The original address: what the viewer asked the proxy for, as the proxy repeats it to authorize. Reads a
 * token out of its path, and the title that its path names, by patterns such as "/s/{token}/" and
 * "/vod/{mediaId}/". No I/O, no state.
 *
 * An address is "/path?query", or absolute ("https://host/path?query"), not decoded; a pattern is plain
 * text, matches the beginning of a path, and its {…} is exactly one segment that isn't empty.
 *
 * The path that authorises must be the path that is served, so every spelling that two programs may read
 * differently names no title: dot segments, empty ones, backslashes, encoded slashes, control characters.
 */
#ifndef API_ORIGINAL_H
#define API_ORIGINAL_H

#include <stddef.h>

#include "session.h"

/* Where the address is taken from that a title is read out of: the words of authorize.uri_header. */
enum api_original_source {
    API_ORIGINAL_URI,       /* X-Original-URI */
    API_ORIGINAL_FORWARDED, /* X-Forwarded-Uri */
    API_ORIGINAL_URL,       /* X-Original-URL */
    API_ORIGINAL_PATH       /* what follows /v1/authorize */
};

/* What a pattern must be and isn't, in words to stand behind "must"; NULL where it is good. name: "{token}" */
const char *api_original_pattern_fault(const char *pattern, const char *name);

/*
 * The segment of the address's path that stands where the pattern has its {…}, undecoded, inside address;
 * NULL where the path doesn't begin with the pattern.
 */
const char *api_original_token(const char *address, const char *pattern, size_t *ret_len);

/*
 * Reads the title out of the address's path, percent-decoded once: a path in front that matches token_path
 * (may be NULL) is taken off, the rest must begin with media_path. Returns 0; -1 where the path names no
 * title, or is spelled as said above.
 */
int api_original_media(const char *address, const char *token_path, const char *media_path,
                       session_name ret_media_id);

#endif
