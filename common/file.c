/* Reads small files whole. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

int file_read(const char *path, struct buf *ret, struct buf *reason)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd >= 0) {
        char chunk[4096];
        while ((got = read(fd, chunk, sizeof chunk)) != 0 && ret->len <= FILE_READ_BYTES) {
            if (got > 0)
                buf_add(ret, chunk, (size_t)got);
            else if (errno != EINTR)
                break;
        }
    }
    int cause = errno;
    if (fd >= 0)
        close(fd);

    if (got < 0)
        buf_add_str(reason, strerror(cause));
    else if (ret->len > FILE_READ_BYTES)
        buf_printf(reason, "is longer than %d bytes", FILE_READ_BYTES);
    else if (buf_text(ret) == NULL)
        buf_add_str(reason, "no memory");
    else
        return 0;
    return -1;
}
