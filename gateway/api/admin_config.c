/* GET /admin/v1/config: the settings in force. */
#include "admin_private.h"

void admin_config(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    struct buf body = BUF_EMPTY;

    if (admin_let_in(http) == NULL)
        return;
    if (api->options.show_settings(api->options.settings, &body) != 0)
        body.failed = true;
    api_reply_json(http, 200, &body);
}
