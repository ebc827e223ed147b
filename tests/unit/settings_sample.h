/*
 * A small table of settings for the tests of the reader, and the fixture around it: a struct, a
 * file in a directory of the test's own, and what the reader said last.
 */
#ifndef UNIT_SETTINGS_SAMPLE_H
#define UNIT_SETTINGS_SAMPLE_H

#include "buf.h"
#include "settings_reader.h"

struct sample {
    char *name;
    int64_t timeout_ms;
    bool cluster;
    int level;
    char *url;
    char *secret;
    struct setting_list keys;
    struct setting_list origins;
    struct {
        enum setting_source name, timeout_ms, cluster, level, url, secret, keys, origins;
    } given;
};

extern const struct settings_table sample_table; /* its prefix is SAMPLE_ */
extern struct sample sample;                     /* what was read */
extern struct buf sample_reason;
extern struct buf sample_warnings;
extern char *sample_dir;  /* of the test's own */
extern char *sample_file; /* what is read besides the environment; NULL: none. Freed at the end */

void sample_set_up(void);
void sample_tear_down(void);

/* Reads with this text as the file, or with sample_file as it is where json is NULL. */
int sample_read(const char *json);

/* The reason, without the directory that the file is in. */
const char *sample_message(void);

#endif
