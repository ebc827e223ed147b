/* Asking a store under test what operators ask, in few words. */
#include "ask_operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

const struct store_req *ask_by(struct store_fixture *fixture, const struct store_req *req,
                               const char *name, const char *why)
{
    struct store_req by = *req;

    cr_assert_eq(text_copy(by.operator.name, sizeof by.operator.name, name), 0);
    cr_assert_eq(text_copy(by.operator.why, sizeof by.operator.why, why), 0);
    return store_fixture_run(fixture, 0, &by);
}

const struct store_req *ask_end_by_id(struct store_fixture *fixture, const char *session_id,
                                      enum end_reason reason)
{
    struct store_req req = {.op = STORE_END, .end = {.reason = reason}};

    strcpy(req.session.id, session_id);
    return store_fixture_run(fixture, 0, &req);
}

const struct store_req *ask_describe(struct store_fixture *fixture, const char *family,
                                     const char *device)
{
    struct store_query query = {.description = {.message = "of nobody"}};
    struct store_req req = {.op = STORE_DESCRIBE, .query = &query};

    strcpy(req.session.family_id, family);
    strcpy(req.session.device_id, device);
    return store_fixture_run(fixture, 0, &req);
}

struct store_count ask_count(struct store_fixture *fixture)
{
    struct store_query query = {.count = {.sessions = UINT64_MAX}};
    const struct store_req req = {.op = STORE_COUNT, .query = &query};
    const struct store_req *answer = store_fixture_run(fixture, 0, &req);

    ASSERT_ERR(answer, ERR_OK);
    return answer->query->count;
}

/* ---- Events ---- */

const struct store_events *ask_events(struct store_fixture *fixture,
                                      const struct store_events *wanted)
{
    struct store_query query = {.events = *wanted};
    const struct store_req req = {.op = STORE_EVENTS, .query = &query};
    const struct store_req *answer = store_fixture_run(fixture, 0, &req);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_leq(answer->query->events.count, wanted->most);
    return &answer->query->events;
}

const struct store_req *ask_note(struct store_fixture *fixture, enum event_type type,
                                 const struct session *names, const char *name, const char *why)
{
    struct store_query query = {.note = type};
    const struct store_req req = {.op = STORE_NOTE, .session = *names, .query = &query};

    return ask_by(fixture, &req, name, why);
}

/* ---- Pages ---- */

static int by_id(const void *left, const void *right)
{
    return strcmp(left, right);
}

bool ask_ids_has(const struct ask_ids *ids, const char *id)
{
    return bsearch(id, ids->ids, ids->count, sizeof ids->ids[0], by_id) != NULL;
}

static void add(struct ask_ids *ids, const char *id)
{
    size_t at = 0, end = ids->count;

    cr_assert_lt(ids->count, ASK_IDS_MAX);
    while (at < end) {
        size_t middle = (at + end) / 2;

        if (strcmp(ids->ids[middle], id) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < ids->count && strcmp(ids->ids[at], id) == 0)
        return;
    memmove(ids->ids[at + 1], ids->ids[at], (ids->count - at) * sizeof ids->ids[0]);
    strcpy(ids->ids[at], id);
    ids->count++;
}

const struct store_req *ask_page(struct store_fixture *fixture, const struct store_filter *filter,
                                 uint32_t most, store_cursor cursor)
{
    struct store_query query = {.page = {.filter = *filter, .most = most}};
    const struct store_req req = {.op = STORE_PAGE, .query = &query};

    strcpy(query.page.cursor, cursor);
    const struct store_req *answer = store_fixture_run(fixture, 0, &req);
    strcpy(cursor, answer->query->page.cursor);
    return answer;
}

const struct store_req *ask_page_into(struct store_fixture *fixture,
                                      const struct store_filter *filter, uint32_t most,
                                      store_cursor cursor, struct ask_ids *ids)
{
    const struct store_req *answer = ask_page(fixture, filter, most, cursor);

    ASSERT_ERR(answer, ERR_OK);
    cr_assert_leq(answer->stream_count, most, "%zu sessions, of %u at most", answer->stream_count,
                  most);
    for (const char *c = cursor; *c != '\0'; c++)
        cr_assert(*c > ' ' && *c < 0x7f, "the cursor isn't printable ASCII: %s", cursor);
    for (size_t i = 0; i < answer->stream_count; i++)
        add(ids, answer->streams[i].session.id);
    return answer;
}

const struct ask_ids *ask_all_pages(struct store_fixture *fixture,
                                    const struct store_filter *filter, uint32_t most)
{
    enum { PAGES_MAX = 100000 };
    static struct ask_ids ids;
    store_cursor cursor = "";
    int pages = 0;

    ids.count = 0;
    do {
        cr_assert_lt(pages++, PAGES_MAX, "it never ends");
        ask_page_into(fixture, filter, most, cursor, &ids);
    } while (cursor[0] != '\0');
    return &ids;
}
