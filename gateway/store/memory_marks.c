/* What the embedded store keeps about families, devices and users beside their sessions. */
#include "memory_marks.h"

#include <stdlib.h>
#include <string.h>

#include "memory_table.h"

struct mark {
    UT_hash_handle hh;        /* by name */
    struct mark *prev, *next; /* in its queue */
    int64_t until_ms;         /* monotonic clock */
    struct mark_value value;  /* what it says */
    char *message;            /* what value.message points to */
    char name[];              /* familyId, deviceId or userId */
};

static struct mark *find(struct memory_marks *marks, enum mark_kind kind, const char *name)
{
    struct mark *mark;

    HASH_FIND(hh, marks->tables[kind], name, strlen(name), mark);
    return mark;
}

static void forget(struct memory_marks *marks, enum mark_kind kind, struct mark *mark)
{
    if (marks->walked == mark)
        marks->walked = mark->hh.next;
    DL_DELETE(marks->queues[kind], mark);
    HASH_DEL(marks->tables[kind], mark);
    free(mark->message);
    free(mark);
}

struct mark_value *memory_marks_find(struct memory_marks *marks, enum mark_kind kind,
                                     const char *name, int64_t *ret_until_ms)
{
    struct mark *mark = find(marks, kind, name);

    if (mark == NULL)
        return NULL;
    if (ret_until_ms != NULL)
        *ret_until_ms = mark->until_ms;
    return &mark->value;
}

/* Most marks of a kind last equally long: the place is at the end, or near it. */
static void enqueue(struct mark **queue, struct mark *mark)
{
    struct mark *before = *queue != NULL ? (*queue)->prev : NULL; /* utlist: the last one */

    while (before != NULL && before->until_ms > mark->until_ms)
        before = before == *queue ? NULL : before->prev;
    if (before == NULL)
        DL_PREPEND(*queue, mark);
    else
        DL_APPEND_ELEM(*queue, before, mark);
}

int memory_marks_put(struct memory_marks *marks, enum mark_kind kind, const char *name,
                     const struct mark_value *value, int64_t until_ms)
{
    size_t len = strlen(name);
    struct mark *before = find(marks, kind, name);
    struct mark *mark = before;
    char *message = value->message != NULL ? strdup(value->message) : NULL;

    if (message == NULL && value->message != NULL)
        return -1;
    if (before == NULL) {
        mark = calloc(1, sizeof *mark + len + 1);
        if (mark == NULL) {
            free(message);
            return -1;
        }
        memcpy(mark->name, name, len + 1);
        HASH_ADD_KEYPTR(hh, marks->tables[kind], mark->name, len, mark);
        if (mark->hh.tbl == NULL) {
            free(message);
            free(mark);
            return -1;
        }
    } else {
        DL_DELETE(marks->queues[kind], mark);
    }
    free(mark->message);
    mark->value = *value;
    mark->value.message = mark->message = message;
    mark->until_ms = until_ms;
    enqueue(&marks->queues[kind], mark);
    return 0;
}

static void walk_kind(struct memory_marks *marks, enum mark_kind kind)
{
    marks->walked_kind = kind;
    marks->walked = marks->tables[kind];
    marks->walk_left = HASH_COUNT(marks->tables[kind]);
}

void memory_marks_walk_begin(struct memory_marks *marks)
{
    walk_kind(marks, (enum mark_kind)0);
}

const struct mark_value *memory_marks_walk(struct memory_marks *marks, enum mark_kind *ret_kind,
                                           const char **ret_name, int64_t *ret_until_ms)
{
    while (marks->walked == NULL || marks->walk_left == 0) {
        if (marks->walked_kind + 1 >= MARK_KINDS)
            return NULL;
        walk_kind(marks, (enum mark_kind)(marks->walked_kind + 1));
    }
    marks->walk_left--;
    const struct mark *mark = marks->walked;
    *ret_kind = marks->walked_kind;
    *ret_name = mark->name;
    *ret_until_ms = mark->until_ms;
    marks->walked = mark->hh.next;
    return &mark->value;
}

void memory_marks_purge(struct memory_marks *marks, int64_t now_ms)
{
    for (int kind = 0; kind < MARK_KINDS; kind++)
        while (marks->queues[kind] != NULL && marks->queues[kind]->until_ms <= now_ms)
            forget(marks, (enum mark_kind)kind, marks->queues[kind]);
}

void memory_marks_done(struct memory_marks *marks)
{
    memory_marks_purge(marks, INT64_MAX);
}
