/* A directory of the test's own. */
#include "temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

char *temp_dir_make(void)
{
    const char *above = getenv("TMPDIR");
    char *dir = NULL;

    cr_assert_gt(asprintf(&dir, "%s/gateway-test-XXXXXX", above != NULL ? above : "/tmp"), 0);
    cr_assert_not_null(mkdtemp(dir), "no directory can be made at %s", dir);
    return dir;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void temp_dir_remove(char *dir)
{
    cr_assert_eq(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0, "%s is left behind", dir);
    free(dir);
}

char *temp_dir_path(const char *dir, const char *name)
{
    char *path = NULL;

    cr_assert_gt(asprintf(&path, "%s/%s", dir, name), 0);
    return path;
}

char *temp_dir_write(const char *dir, const char *name, const char *text)
{
    char *path = temp_dir_path(dir, name);
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file, "%s can't be written", path);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    return path;
}
