/*
 * Paging through the embedded store's sessions, with a bounded look at them for each page.
 *
 * The order is that of the hash, its bits reversed, then of the sessionId. In it the sessions of one bucket of the
 * table stand together, however many buckets there are, since that number is a power of two: so a page goes from
 * bucket to bucket, the table may grow between two pages, and a cursor, which is a place in that order, still
 * parts those who were looked at from those who weren't. Of few sessions, of a family or of all, all are looked at:
 * in a table that was larger once, most buckets are empty.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_private.h"
#include "store_query.h"

enum {
    FEW = 2000,      /* sessions that are looked at together */
    WORK = 8000,     /* what one page may cost, else: in buckets, */
    ENTRY_WORK = 16, /* and that of an entry */
};

/* A place in the order; id "" stands before all sessions of that hash. */
struct place {
    uint32_t hash; /* its bits reversed */
    const char *id;
};

/* A session that was found. */
struct found {
    struct place place;
    struct entry *entry;
};

struct pager {
    struct memory *memory;
    struct store_req *req;       /* PAGE */
    struct store_page *page;     /* its query */
    const struct now *now;       /* of it */
    struct place at;             /* all up to here have been looked at */
    char id[SESSION_ID_LEN + 1]; /* the cursor's */
};

/* ---- The order ---- */

static uint32_t reverse(uint32_t bits)
{
    bits = (bits & 0x55555555) << 1 | (bits >> 1 & 0x55555555);
    bits = (bits & 0x33333333) << 2 | (bits >> 2 & 0x33333333);
    bits = (bits & 0x0f0f0f0f) << 4 | (bits >> 4 & 0x0f0f0f0f);
    return __builtin_bswap32(bits);
}

static struct place place_of(const struct entry *entry)
{
    return (struct place){reverse(entry->hh.hashv), entry->id};
}

static int compare(const struct place *a, const struct place *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return strcmp(a->id, b->id);
}

static int by_place(const void *left, const void *right)
{
    const struct found *a = left, *b = right;

    return compare(&a->place, &b->place);
}

/* ---- The cursor ---- */

/* Tells cursors of this process from others, whose hashes have another key. */
static unsigned own_mark(void)
{
    static const char word[] = "cursor";

    return memory_table_hash(word, sizeof word - 1);
}

static void write_cursor(const struct place *place, store_cursor ret_cursor)
{
    snprintf(ret_cursor, sizeof(store_cursor), "%08x-%08" PRIx32 "-%s", own_mark(), place->hash,
             place->id);
}

/* Reads the cursor into pager->at. -1 where it is none of ours: written again, it would look different. */
static int read_cursor(struct pager *pager)
{
    store_cursor again;
    unsigned mark;

    pager->at = (struct place){0, pager->id};
    if (pager->page->cursor[0] == '\0')
        return 0;
    if (sscanf(pager->page->cursor, "%8x-%8" SCNx32 "-%22s", &mark, &pager->at.hash, pager->id) <
            2 ||
        mark != own_mark())
        return -1;
    write_cursor(&pager->at, again);
    return strcmp(again, pager->page->cursor) == 0 ? 0 : -1;
}

/* ---- What is handed out ---- */

static bool matches(const struct pager *pager, const struct entry *entry)
{
    return entry->partition == pager->memory->partition &&
           store_filter_matches(&pager->page->filter, entry->group[FAMILY]->name,
                                entry->group[DEVICE]->name, memory_text(entry, ENTRY_USER_ID),
                                memory_text(entry, ENTRY_MEDIA_ID));
}

static bool is_full(const struct pager *pager)
{
    return pager->req->stream_count == pager->page->most;
}

static void hand_out(struct pager *pager, const struct entry *entry)
{
    struct store_stream *stream = &pager->req->streams[pager->req->stream_count++];

    memory_read(entry, &stream->session);
    stream->idle_s = (pager->now->monotonic_ms - entry->alive_ms) / 1000;
}

/* ---- Few sessions: those of a group, or all ---- */

/* Takes one of them into account, unless it was looked at before. */
static void find(const struct pager *pager, struct entry *entry, struct found *found, size_t *count)
{
    struct place place = place_of(entry);

    if (compare(&place, &pager->at) > 0 && matches(pager, entry))
        found[(*count)++] = (struct found){place, entry};
}

/* Hands out the first ones. true: they were all. */
static bool hand_out_first(struct pager *pager, struct found *found, size_t count)
{
    qsort(found, count, sizeof *found, by_place);
    for (size_t i = 0; i < count; i++) {
        if (is_full(pager))
            return false;
        hand_out(pager, found[i].entry);
        pager->at = found[i].place;
    }
    return true;
}

static bool look_at_group(struct pager *pager, struct group *group, enum group_kind kind)
{
    struct found found[FEW];
    struct entry *entry;
    size_t count = 0;

    DL_FOREACH2 (group->streams, entry, group_next[kind])
        find(pager, entry, found, &count);
    return hand_out_first(pager, found, count);
}

static bool look_at_all(struct pager *pager)
{
    struct found found[FEW];
    struct entry *entry;
    size_t count = 0;

    DL_FOREACH2 (pager->memory->expiry, entry, expiry_next)
        find(pager, entry, found, &count);
    return hand_out_first(pager, found, count);
}

/* ---- Many: a part of the table ---- */

/* The next session in a bucket, in the order; NULL where there is none. There are few in one. */
static struct entry *next_in(const UT_hash_table *table, const UT_hash_bucket *bucket,
                             const struct place *at)
{
    struct entry *next = NULL;
    struct place next_place = {0};

    for (UT_hash_handle *hh = bucket->hh_head; hh != NULL; hh = hh->hh_next) {
        struct entry *entry = ELMT_FROM_HH(table, hh);
        struct place place = place_of(entry);

        if (compare(&place, at) > 0 && (next == NULL || compare(&place, &next_place) < 0)) {
            next = entry;
            next_place = place;
        }
    }
    return next;
}

/* Goes to the beginning of the next bucket. false: that was the last one. */
static bool leave_bucket(struct pager *pager, const UT_hash_table *table)
{
    uint32_t hashes = UINT32_C(1) << (32 - table->log2_num_buckets); /* of one bucket */
    uint32_t next = (pager->at.hash & ~(hashes - 1)) + hashes;

    if (next == 0)
        return false;
    pager->at = (struct place){next, ""};
    return true;
}

static bool look_at_buckets(struct pager *pager)
{
    const UT_hash_table *table = pager->memory->sessions->hh.tbl;
    int left = WORK;

    do {
        uint32_t number = reverse(pager->at.hash) & (table->num_buckets - 1);
        struct entry *entry;

        while ((entry = next_in(table, &table->buckets[number], &pager->at)) != NULL) {
            if (is_full(pager) || left <= 0)
                return false;
            if (matches(pager, entry))
                hand_out(pager, entry);
            pager->at = place_of(entry);
            left -= ENTRY_WORK;
        }
        if (!leave_bucket(pager, table))
            return true;
    } while (--left > 0);
    return false;
}

/* Looks at some. true: there are no more. */
static bool look(struct pager *pager)
{
    const struct store_filter *filter = &pager->page->filter;
    enum group_kind kind = filter->family_id[0] != '\0' ? FAMILY : DEVICE;
    const char *name = kind == FAMILY ? filter->family_id : filter->device_id;

    if (name[0] != '\0') {
        struct group *group = memory_find_group(pager->memory, kind, name);

        if (group == NULL)
            return true;
        if (group->count <= FEW)
            return look_at_group(pager, group, kind);
    }
    if (HASH_COUNT(pager->memory->sessions) <= FEW)
        return look_at_all(pager);
    return look_at_buckets(pager);
}

enum err memory_page(struct memory *memory, struct store_req *req, const struct now *now)
{
    struct pager pager = {.memory = memory, .req = req, .page = &req->query->page, .now = now};

    if (read_cursor(&pager) != 0)
        return ERR_INVALID_REQUEST;
    req->now_ms = now->wall_ms;
    req->streams = calloc(pager.page->most, sizeof *req->streams);
    if (req->streams == NULL)
        return ERR_INTERNAL;
    if (look(&pager))
        pager.page->cursor[0] = '\0';
    else
        write_cursor(&pager.at, pager.page->cursor);
    return ERR_OK;
}
