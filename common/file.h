/*
 * Reads small files whole, and what stands in or goes into files that are open.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct buf;

/* A file longer than this was not meant for us. */
#define FILE_READ_BYTES (1024 * 1024)

/*
 * Appends what is in a file, which may be a pipe, to an empty buffer, a NUL behind it that isn't
 * counted. Returns 0; -1 with the cause appended to reason ("No such file or directory", "is longer
 * than …"), without the file's name.
 */
int file_read(const char *path, struct buf *ret, struct buf *reason);

/* Reads up to len bytes, fewer at the end of the file alone. Returns how many; -1 with errno. */
ssize_t file_read_bytes(int fd, char *ret_bytes, size_t len);

/* Writes all of it. Returns 0; -1 with errno, a part written. */
int file_write_bytes(int fd, const char *bytes, size_t len);

#endif
