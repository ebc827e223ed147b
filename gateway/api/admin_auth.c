/*
 * Who may use the admin listener: who presents an admin token, and isn't sent by a foreign page.
 *
 * Wrong tokens are counted by client, so that guessing one is slow: it may be wrong API_GUESSES times, and once more
 * for every API_GUESS_MS that pass. One that has no guess left is refused unjudged: also with the right token, or
 * asking fast would be guessing fast. So an operator at the same address as somebody who guesses may be refused
 * while that goes on, for about a second after it has ended, and never for what comes from elsewhere; whoever shares
 * the address of a proxy that trusted_proxies doesn't have has those of the machine itself (127.0.0.2; on a unix
 * socket a user of his own).
 */
#include <string.h>
#include <strings.h>

#include "admin_private.h"
#include "allowance.h"
#include "clock.h"
#include "identity.h"
#include "log.h"

/*
 * Whether a browser sent the request for a page of another origin. The listener doesn't know by which scheme a
 * browser came to the proxy before it, so authorities are compared. `null`, a page without an origin, has none.
 */
static bool is_foreign(const struct http_request *http)
{
    const char *origin = http_request_header(http, HTTP_ORIGIN);
    const char *host = http_request_header(http, HTTP_HOST);

    if (origin == NULL)
        return false;
    const char *authority = strstr(origin, "://");
    return http_request_header_is_repeated(http, HTTP_ORIGIN) || authority == NULL ||
           host == NULL || strcasecmp(authority + 3, host) != 0;
}

static void refuse_unjudged(struct http_request *http, int64_t wait_ms)
{
    http_request_note_err(http, ERR_RATE_LIMITED);
    http_reply(http, http_problem_response(ERR_RATE_LIMITED, "too many wrong admin tokens", NULL,
                                           (int)((wait_ms + 999) / 1000)));
}

const char *admin_let_in(struct http_request *http)
{
    const struct api *api = http_request_server_arg(http);
    const char *secret = http_bearer(http_request_header(http, HTTP_AUTHORIZATION));
    int64_t now_ms = clock_monotonic_ms();
    char client[HTTP_CLIENT_SIZE];

    if (is_foreign(http)) {
        http_problem(http, ERR_FORBIDDEN, "the Origin isn't this listener's own (its Host)");
        return NULL;
    }
    if (secret == NULL) {
        http_problem(http, ERR_UNAUTHORIZED, "Authorization: Bearer <admin token> is required");
        return NULL;
    }
    http_request_client(http, client);
    int64_t wait_ms = allowance_wait_ms(api->guesses, client, now_ms);
    if (wait_ms > 0) {
        refuse_unjudged(http, wait_ms);
        return NULL;
    }
    const char *name = api_keys_find(api->keys->admins, secret);
    if (name == NULL) {
        allowance_note(api->guesses, client, now_ms);
        log_line(LOG_WARN, "wrong admin token", LOG_STR("client", client),
                 LOG_STR("id", http_request_id(http)));
        http_problem(http, ERR_UNAUTHORIZED, "no such admin token");
    } else {
        http_request_note_caller(http, name);
    }
    return name;
}

/* Nothing about the API is told without a token, not even what it hasn't got. */
void admin_unknown(struct http_request *http)
{
    if (admin_let_in(http) != NULL)
        http_problem_unrouted(http);
}
