/* Answers held against the rules. Whatever is wrong is counted and printed; nothing here asks for
 * anything. */
#ifndef VIEWERS_CHECK_H
#define VIEWERS_CHECK_H

#include <jansson.h>

#include "viewer.h"

/* Neither the family's limit nor the device's is passed by sessions that live for sure. */
void check_limits(struct viewer *viewer, const char *after);

/* The document of a session that was just created. */
void check_document(struct viewer *viewer, const json_t *document);

/* A 409: it is full, and these are the streams in the way. */
void check_conflict(struct viewer *viewer, const json_t *problem);

/* The family's own list. */
void check_list(struct viewer *viewer, const json_t *list);

/* The identity headers of an authorize that allows. */
void check_identity(struct viewer *viewer, const struct answer *answer, const char *data);

/* An answer that takes the session for live. */
void check_allowed(struct viewer *viewer);

/* One that takes it for ended, for this reason; notes that it has. */
void check_refused(struct viewer *viewer, const char *reason);

#endif
