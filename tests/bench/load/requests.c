/* Requests from a mapped file. */
#include "requests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Finds where each request begins. */
static int index_them(struct requests *requests)
{
    size_t room = 0;

    for (size_t at = 0; at < requests->size;) {
        const char *end = memchr(requests->data + at, '\0', requests->size - at);

        if (end == NULL)
            return -1;
        if (requests->count + 1 >= room) {
            room = room > 0 ? 2 * room : 1024;
            size_t *offsets = realloc(requests->offsets, room * sizeof *offsets);
            if (offsets == NULL)
                return -1;
            requests->offsets = offsets;
        }
        requests->offsets[requests->count++] = at;
        at = (size_t)(end - requests->data) + 1;
        requests->offsets[requests->count] = at;
    }
    return requests->count > 0 ? 0 : -1;
}

int requests_open(struct requests *requests, const char *file, enum requests_order order,
                  const char **ret_reason)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat info;

    *requests = (struct requests){.order = order, .random = 0x9e3779b97f4a7c15u};
    if (fd < 0 || fstat(fd, &info) != 0) {
        *ret_reason = strerror(errno);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    requests->size = (size_t)info.st_size;
    void *data =
        requests->size > 0 ? mmap(NULL, requests->size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (data == MAP_FAILED) {
        *ret_reason = "empty, or can't be mapped";
        return -1;
    }
    requests->data = data;
    if (index_them(requests) == 0)
        return 0;
    requests_close(requests);
    *ret_reason = "holds no requests, each ended by a NUL byte";
    return -1;
}

void requests_close(struct requests *requests)
{
    if (requests->data != NULL)
        munmap((void *)requests->data, requests->size);
    free(requests->offsets);
    *requests = (struct requests){.data = NULL};
}

/* xorshift64*: which request comes next is no secret. */
static size_t any_of(struct requests *requests)
{
    requests->random ^= requests->random >> 12;
    requests->random ^= requests->random << 25;
    requests->random ^= requests->random >> 27;
    return (size_t)((requests->random * 0x2545f4914f6cdd1du) % requests->count);
}

const char *requests_next(struct requests *requests, size_t *ret_len)
{
    size_t i;

    if (requests->order == REQUESTS_AT_RANDOM) {
        i = any_of(requests);
    } else {
        if (requests->next == requests->count && requests->order == REQUESTS_ONCE)
            return NULL;
        if (requests->next == requests->count)
            requests->next = 0;
        i = requests->next++;
    }
    *ret_len = requests->offsets[i + 1] - requests->offsets[i] - 1;
    return requests->data + requests->offsets[i];
}
