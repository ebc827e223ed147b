/* Gives a fuzz target the files that are named, or stand in a folder that is named, and nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static unsigned replayed;

static void replay(const char *path)
{
    static uint8_t room[INPUT_MAX];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = fread(room, 1, sizeof room, file);
    fclose(file);
    uint8_t *data = malloc(size > 0 ? size : 1); /* of its very size: what reads beyond is seen */
    if (data == NULL)
        abort();
    memcpy(data, room, size);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay_all(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    char name[4096];

    if (dir == NULL) {
        replay(path);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        replay(name);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        replay_all(argv[i]);
    if (replayed == 0) {
        fprintf(stderr, "there was nothing to replay\n");
        return 1;
    }
    printf("%u inputs replayed\n", replayed);
    return 0;
}
