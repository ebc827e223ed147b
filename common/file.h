/*
 * Reads small files whole.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

struct buf;

/* A file longer than this was not meant for us. */
#define FILE_READ_BYTES (1024 * 1024)

/*
 * Appends what is in a file, which may be a pipe, to an empty buffer, a NUL behind it that isn't
 * counted. Returns 0; -1 with the cause appended to reason ("No such file or directory", "is longer
 * than …"), without the file's name.
 */
int file_read(const char *path, struct buf *ret, struct buf *reason);

#endif
