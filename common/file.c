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

ssize_t file_read_bytes(int fd, char *ret_bytes, size_t len)
{
    size_t done = 0;
    ssize_t got;

    while (done < len && (got = read(fd, ret_bytes + done, len - done)) != 0) {
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)done;
}

int file_write_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno != EINTR)
            return -1;
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
    return 0;
}
