/* GET /admin/v1/events: the live feed, as server-sent events (WHATWG HTML, section 9.2). */
#include <stdio.h>
#include <string.h>

#include "admin_private.h"
#include "event_feed.h"

#define TYPES_MAX 256 /* bytes of the parameter `type` */

/* Reads the words of a list, "started,stopped". Answers where one is no type. */
static bool read_types(struct http_request *http, const char *list, uint32_t *ret_types)
{
    char word[TYPES_MAX + 1], detail[TYPES_MAX + 64];

    *ret_types = 0;
    for (bool more = *list != '\0'; more;) {
        size_t len = strcspn(list, ",");

        memcpy(word, list, len);
        word[len] = '\0';
        enum event_type type = event_type_of(word);
        if (type == EVENT_TYPE_COUNT) {
            snprintf(detail, sizeof detail, "type: there is no event \"%s\"", word);
            http_problem(http, ERR_INVALID_REQUEST, detail);
            return false;
        }
        *ret_types |= UINT32_C(1) << type;
        list += len;
        more = *list == ',';
        list += more;
    }
    return true;
}

/* The event behind which to resume, "" where none is named. NULL: it is no event's id, and that is answered. */
static const char *last_event_id(struct http_request *http)
{
    const char *id = http_request_header(http, HTTP_LAST_EVENT_ID);
    uint64_t ms, number;

    if (id == NULL || id[0] == '\0')
        return "";
    if (strlen(id) < sizeof(event_id) && event_id_parse(id, &ms, &number) == 0)
        return id;
    http_problem(http, ERR_INVALID_REQUEST,
                 "Last-Event-ID: must be the id of an event, such as 1763683200000-0");
    return NULL;
}

void admin_events(struct http_request *http)
{
    struct api *api = http_request_server_arg(http);
    struct event_filter filter;
    char types[TYPES_MAX + 1];
    const struct admin_param params[] = {
        {"family", filter.names.family_id, SESSION_NAME_MAX},
        {"device", filter.names.device_id, SESSION_NAME_MAX},
        {"user", filter.names.user_id, SESSION_NAME_MAX},
        {"media", filter.names.media_id, SESSION_NAME_MAX},
        {"type", types, TYPES_MAX},
        {NULL, NULL, 0},
    };
    const char *last_id;

    if (admin_let_in(http) == NULL || !admin_query_read(http, params) ||
        !read_types(http, types, &filter.types) || (last_id = last_event_id(http)) == NULL)
        return;
    if (api->feed == NULL)
        api->feed = event_feed_new(api->store, api->options.store_timeout_ms);
    if (api->feed == NULL) {
        http_problem(http, ERR_INTERNAL, "out of memory");
        return;
    }
    http_request_add_header(http, "X-Accel-Buffering", "no"); /* nginx would hold events back */
    event_feed_watch(api->feed, http, &filter, last_id);
}
