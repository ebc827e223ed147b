/*
 * The state directory: keys and tokens that are made once, at the first start, and kept.
 *
 * A secret is written to a file of its own and then linked to its name, which fails where the name
 * is taken: of gateways that start at once one wins, the others read what it made, and nobody ever
 * sees a file half written. A gateway that is killed in between leaves a file .<name>.<hex> that
 * nobody reads.
 */
#include "state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"

#define SECRET_MAX_BYTES 128 /* of a secret, before it becomes hex */

char *state_dir_path(const char *setting, struct buf *reason)
{
    const char *systemd = getenv("STATE_DIRECTORY"), *home = getenv("HOME");
    struct buf path = BUF_EMPTY;

    if (setting != NULL) {
        buf_add_str(&path, setting);
    } else if (systemd != NULL && *systemd != '\0' && *systemd != ':') {
        buf_add(&path, systemd, strcspn(systemd, ":"));
    } else if (home != NULL && *home != '\0') {
        buf_printf(&path, "%s/.local/state/stream-gateway", home);
    } else {
        buf_add_str(reason, "state_dir: not set, and neither STATE_DIRECTORY nor HOME is");
        return NULL;
    }
    if (buf_text(&path) == NULL)
        buf_add_str(reason, "state_dir: no memory");
    return path.data;
}

/* Says what went wrong with a path; always -1. */
static int fail(struct buf *reason, const char *path, const char *what, int cause)
{
    buf_printf(reason, "%s: %s: %s", path, what, strerror(cause));
    return -1;
}

/* Makes a directory, and those above it, where they aren't there. */
static int make_dirs(const char *dir, struct buf *reason)
{
    char *path = strdup(dir);
    int rc = -1;

    if (path == NULL)
        return fail(reason, dir, "can't be made", ENOMEM);
    for (char *slash = path;; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            /* Above, something unwritable or read-only may well be there already. */
            struct stat st;
            int cause = errno;
            if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
                fail(reason, path, "the directory can't be made", cause);
                break;
            }
        }
        if (slash == NULL) {
            rc = 0;
            break;
        }
    }
    free(path);
    return rc;
}

static bool is_hex(const char *text, size_t len)
{
    return strspn(text, "0123456789abcdef") == len && text[len] == '\0';
}

/* Checks that an open file is one that only its owner can read. */
static int check_mode(int fd, const char *path, struct buf *reason)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail(reason, path, "can't be looked at", errno);
    if (!S_ISREG(st.st_mode)) {
        buf_printf(reason, "%s: must be a regular file", path);
        return -1;
    }
    if (st.st_mode & 077) {
        buf_printf(reason, "%s: mode %04o lets others than its owner at it, must be 0600", path,
                   (unsigned)(st.st_mode & 07777));
        return -1;
    }
    return 0;
}

/*
 * Reads a secret of hex digits, with or without a newline. Returns 0 and leaves *ret_text NULL
 * where there is no such file.
 */
static int read_secret(const char *path, size_t digits, char **ret_text, struct buf *reason)
{
    char text[2 * SECRET_MAX_BYTES + sizeof "\n\n"];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc = -1;

    *ret_text = NULL;
    if (fd < 0)
        return errno == ENOENT ? 0 : fail(reason, path, "can't be opened", errno);
    if (check_mode(fd, path, reason) != 0)
        goto out;
    ssize_t len = file_read_bytes(fd, text, sizeof text - 1);
    if (len < 0) {
        fail(reason, path, "can't be read", errno);
        goto out;
    }
    if (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    if ((size_t)len != digits || !is_hex(text, digits)) {
        buf_printf(reason, "%s: must hold %zu lower-case hexadecimal digits and nothing else", path,
                   digits);
        goto out;
    }
    *ret_text = strdup(text);
    rc = *ret_text != NULL ? 0 : fail(reason, path, "can't be read", ENOMEM);
out:
    explicit_bzero(text, sizeof text);
    close(fd);
    return rc;
}

/* Writes random bytes as hex; -1 with errno where the kernel has none. */
static int random_hex(char *ret_text, size_t bytes)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[SECRET_MAX_BYTES];

    if (getentropy(raw, bytes) != 0)
        return -1;
    for (size_t i = 0; i < bytes; i++) {
        ret_text[2 * i] = hex[raw[i] >> 4];
        ret_text[2 * i + 1] = hex[raw[i] & 15];
    }
    ret_text[2 * bytes] = '\0';
    explicit_bzero(raw, sizeof raw);
    return 0;
}

/* Writes a new file and has it on the disk. Returns 0; -1 with errno, and then no such file is
 * left. */
static int write_new_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return -1;
    int rc = file_write_bytes(fd, text, strlen(text)) == 0 ? fsync(fd) : -1;
    int cause = errno;
    close(fd);
    if (rc != 0)
        unlink(path);
    errno = cause;
    return rc;
}

/* Has the names in a directory on the disk; a file system that can't do that loses at most a
 * restart. */
static void sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Makes a secret under its name, unless that is taken meanwhile. Returns 1, 0 (taken), -1 with a
 * reason. */
static int make_secret(const char *dir, const char *name, size_t bytes, struct buf *reason)
{
    char text[2 * SECRET_MAX_BYTES + sizeof "\n"], unique[2 * 8 + 1];
    struct buf temp = BUF_EMPTY, path = BUF_EMPTY;
    int rc = -1;

    if (random_hex(text, bytes) != 0 || random_hex(unique, 8) != 0) {
        fail(reason, dir, "no random bytes", errno);
        goto out;
    }
    strcat(text, "\n");
    buf_printf(&temp, "%s/.%s.%s", dir, name, unique);
    buf_printf(&path, "%s/%s", dir, name);
    if (buf_text(&temp) == NULL || buf_text(&path) == NULL) {
        fail(reason, dir, "no file can be made in it", ENOMEM);
        goto out;
    }
    if (write_new_file(temp.data, text) != 0) {
        fail(reason, path.data, "can't be made", errno);
        goto out;
    }
    if (link(temp.data, path.data) == 0)
        rc = 1;
    else if (errno == EEXIST)
        rc = 0;
    else
        fail(reason, path.data, "can't be made", errno);
    unlink(temp.data);
    sync_dir(dir);
out:
    explicit_bzero(text, sizeof text);
    buf_done(&temp);
    buf_done(&path);
    return rc;
}

/* Whether directory and file could be made: the nearest directory that is there must let us write in it. */
static int try_dirs(const char *dir, struct buf *reason)
{
    char *copy = strdup(dir), *path = copy;
    struct stat st;
    int rc = -1;

    if (copy == NULL)
        return fail(reason, dir, "can't be looked at", ENOMEM);
    while (stat(path, &st) != 0 && errno == ENOENT && strcmp(path, "/") != 0 &&
           strcmp(path, ".") != 0)
        path = dirname(path);
    if (stat(path, &st) != 0)
        fail(reason, path, "can't be looked at", errno);
    else if (!S_ISDIR(st.st_mode))
        fail(reason, path, "nothing can be made in it", ENOTDIR);
    else if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0)
        fail(reason, path, "nothing can be made in it", errno);
    else
        rc = 0;
    free(copy);
    return rc;
}

char *state_dir_secret(const char *dir, const char *name, size_t bytes, int *ret_made,
                       struct buf *reason)
{
    struct buf path = BUF_EMPTY;
    char *text = NULL;

    *ret_made = 0;
    buf_printf(&path, "%s/%s", dir, name);
    if (buf_text(&path) == NULL || bytes > SECRET_MAX_BYTES) {
        fail(reason, dir, "no file can be read in it", path.failed ? ENOMEM : EINVAL);
        goto out;
    }
    if (read_secret(path.data, 2 * bytes, &text, reason) != 0 || text != NULL)
        goto out;

    if (make_dirs(dir, reason) != 0)
        goto out;
    int made = make_secret(dir, name, bytes, reason);
    if (made < 0 || read_secret(path.data, 2 * bytes, &text, reason) != 0)
        goto out;
    if (text == NULL)
        fail(reason, path.data, "was made and is gone", ENOENT);
    else
        *ret_made = made;
out:
    buf_done(&path);
    return text;
}

char *state_dir_try(const char *dir, const char *name, size_t bytes, struct buf *reason)
{
    char made_up[2 * SECRET_MAX_BYTES + sizeof ""];
    struct buf path = BUF_EMPTY;
    char *text = NULL;

    buf_printf(&path, "%s/%s", dir, name);
    if (buf_text(&path) == NULL || bytes > SECRET_MAX_BYTES)
        fail(reason, dir, "no file can be read in it", path.failed ? ENOMEM : EINVAL);
    else if (read_secret(path.data, 2 * bytes, &text, reason) == 0 && text == NULL &&
             try_dirs(dir, reason) == 0) {
        if (random_hex(made_up, bytes) != 0 || (text = strdup(made_up)) == NULL)
            fail(reason, path.data, "can't be made", errno);
        explicit_bzero(made_up, sizeof made_up);
    }
    buf_done(&path);
    return text;
}
