/*
 * The state directory: keys and tokens that are made once, at the first start, and kept.
 */
#ifndef GATEWAY_STATE_DIR_H
#define GATEWAY_STATE_DIR_H

#include <stddef.h>

struct buf;

/*
 * The directory to use: setting if not NULL, else $STATE_DIRECTORY (systemd; the first of several), else
 * $HOME/.local/state/stream-gateway. The caller frees it. NULL, with a reason, where there is none.
 */
char *state_dir_path(const char *setting, struct buf *reason);

/*
 * Reads the secret kept in file `name` of dir, or makes one: `bytes` random bytes as lower-case hex, in a
 * file created with O_EXCL and mode 0600, in a directory made as needed (0700). Two gateways that start
 * at once end up with the same secret. Returns the hex text, which the caller frees; NULL with a reason
 * that names path and cause (unwritable, readable by others than the owner, not hex, wrong length).
 * *ret_made says whether it was made just now.
 */
char *state_dir_secret(const char *dir, const char *name, size_t bytes, int *ret_made,
                       struct buf *reason);

/*
 * The same without making anything: a secret that isn't there yet is made up and not kept, provided that its file
 * could be made.
 */
char *state_dir_try(const char *dir, const char *name, size_t bytes, struct buf *reason);

#endif
