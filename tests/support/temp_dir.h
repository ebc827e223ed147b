/*
 * A directory of the test's own, under $TMPDIR or /tmp. Whatever fails here fails the test.
 */
#ifndef SUPPORT_TEMP_DIR_H
#define SUPPORT_TEMP_DIR_H

/* Makes one, of mode 0700. Remove it with temp_dir_remove, which frees the name. */
char *temp_dir_make(void);
void temp_dir_remove(char *dir);

/* The path of a name in it; the caller frees. */
char *temp_dir_path(const char *dir, const char *name);

/* Writes a file in it, over what is there. Returns its path, which the caller frees. */
char *temp_dir_write(const char *dir, const char *name, const char *text);

#endif
