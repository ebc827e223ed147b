/*
 * What the handlers of the admin listener share; included by nobody else.
 */
#ifndef ADMIN_PRIVATE_H
#define ADMIN_PRIVATE_H

#include "api_private.h"
#include "event.h"

/* ---- admin_auth.c ---- */

/*
 * Whether the request may use the admin listener: it has an admin token, and comes from no foreign page. Returns
 * the token's name, for the audit, which lives as long as the program; NULL where the request has been answered
 * (401, 403, 429). Every handler but those of /healthz, /readyz and the console's files begins with it.
 */
const char *admin_let_in(struct http_request *http);

/* ---- admin_answer.c ---- */

/* Writes an event as an object: its id and what stream_events has of it, absent where unknown. */
void admin_write_event(struct json_writer *writer, const struct event *event);

/* ---- handlers ---- */

void admin_metrics(struct http_request *http);

#endif
