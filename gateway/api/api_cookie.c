/* The token as a cookie, for players that can set no header: HLS in a browser's own player, say. */
#include <inttypes.h>

#include "api_private.h"
#include "buf.h"

void api_set_cookie(struct http_request *http, const char *token)
{
    const struct api *api = http_request_server_arg(http);
    const struct api_options *options = &api->options;
    struct buf cookie = BUF_EMPTY;

    if (!options->cookie)
        return;
    buf_printf(&cookie, "stream_token=%s; Path=/; Max-Age=%" PRId64, token,
               options->max_age_ms / 1000);
    if (options->cookie_domain != NULL)
        buf_printf(&cookie, "; Domain=%s", options->cookie_domain);
    buf_add_str(&cookie, "; HttpOnly; Secure; SameSite=None");
    const char *text = buf_text(&cookie);
    if (text != NULL) /* without memory the answer itself fails */
        http_request_add_header(http, "Set-Cookie", text);
    buf_done(&cookie);
}
