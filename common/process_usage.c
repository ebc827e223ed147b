/* What this process uses. */
#include "process_usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The beginning of a file; "" where it can't be read. */
static void read_file(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(ret_text, 1, size - 1, file) : 0;

    ret_text[len] = '\0';
    if (file != NULL)
        fclose(file);
}

static uint64_t cpu_us(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint64_t resident_bytes(void)
{
    char text[256];
    uint64_t pages = 0;

    read_file("/proc/self/statm", text, sizeof text);
    sscanf(text, "%*u %" SCNu64, &pages);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Without the one that is open for counting. */
static uint64_t open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    uint64_t count = 0;

    if (folder == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count > 0 ? count - 1 : 0;
}

static uint64_t max_fds(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

/* When the machine was started, by its wall clock, in s. */
static uint64_t boot_s(void)
{
    char line[4096];
    uint64_t boot = 0;
    FILE *file = fopen("/proc/stat", "re");

    if (file == NULL)
        return 0;
    while (boot == 0 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "btime %" SCNu64, &boot);
    fclose(file);
    return boot;
}

/* The 22nd field, counted from behind the name, in which anything may stand: ticks since the machine's start. */
uint64_t process_usage_start_us(void)
{
    char text[1024];
    uint64_t ticks = 0;

    read_file("/proc/self/stat", text, sizeof text);
    const char *rest = strrchr(text, ')');
    if (rest == NULL ||
        sscanf(
            rest + 1,
            " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
            &ticks) != 1)
        return 0;
    return boot_s() * 1000000 + ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

void process_usage_read(struct process_usage *ret_usage)
{
    *ret_usage = (struct process_usage){
        .cpu_us = cpu_us(),
        .resident_bytes = resident_bytes(),
        .open_fds = open_fds(),
        .max_fds = max_fds(),
    };
}
