/*
 * Asking a store under test what operators ask, in few words; answers as in ask.h.
 */
#ifndef SUPPORT_ASK_OPERATOR_H
#define SUPPORT_ASK_OPERATOR_H

#include "ask.h"
#include "store_query.h"

/* Any request, by an operator of this name who says why. */
const struct store_req *ask_by(struct store_fixture *fixture, const struct store_req *req,
                               const char *name, const char *why);

/* Ends a session that the sessionId alone is known of. */
const struct store_req *ask_end_by_id(struct store_fixture *fixture, const char *session_id,
                                      enum end_reason reason);

/* A family or, where that is "", a device. The answer's query tells the rest. */
const struct store_req *ask_describe(struct store_fixture *fixture, const char *family,
                                     const char *device);

struct store_count ask_count(struct store_fixture *fixture);

/* ---- Events ---- */

/* What this query is answered. Whatever is asked, the answer must be ERR_OK. */
const struct store_events *ask_events(struct store_fixture *fixture,
                                      const struct store_events *wanted);

/* Writes an event about these names, by an operator. */
const struct store_req *ask_note(struct store_fixture *fixture, enum event_type type,
                                 const struct session *names, const char *name, const char *why);

/* ---- Pages ---- */

enum { ASK_IDS_MAX = 20000 };

/* SessionIds, each once. */
struct ask_ids {
    char ids[ASK_IDS_MAX][SESSION_ID_LEN + 1]; /* in their order */
    size_t count;                              /* of them */
};

/* Whether one is among them. */
bool ask_ids_has(const struct ask_ids *ids, const char *id);

/* One page of at most so many that match, from a cursor on, which is moved behind them. */
const struct store_req *ask_page(struct store_fixture *fixture, const struct store_filter *filter,
                                 uint32_t most, store_cursor cursor);

/* The same; adds those that it tells of to ids. The answer must be ERR_OK. */
const struct store_req *ask_page_into(struct store_fixture *fixture,
                                      const struct store_filter *filter, uint32_t most,
                                      store_cursor cursor, struct ask_ids *ids);

/* All that match, by as many pages as it takes. What is returned stays valid until the next call. */
const struct ask_ids *ask_all_pages(struct store_fixture *fixture,
                                    const struct store_filter *filter, uint32_t most);

#endif
