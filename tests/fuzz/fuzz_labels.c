/* Words of labels in /metrics: whatever they are, they stay in their quotes, in their line. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fuzz_text.h"
#include "metrics_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text;

static const char *word_of(unsigned value, char room[METRICS_WORD_SIZE])
{
    (void)value;
    (void)room;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char before[] = "x{l=\"", behind[] = "\"} 7\n";
    const struct metrics_label label = {.name = "l", .count = 1, .word = word_of};
    const struct metrics_metric metric = {
        .name = "x", .help = "h", .kind = METRICS_GAUGE, .labels = {&metrics_label_none, &label}};
    const uint64_t cells[] = {7};
    struct buf out = BUF_EMPTY;

    text = fuzz_text(data, size);
    metrics_text(&metric, 1, cells, &out);
    const char *line = strstr(buf_text(&out), "\nx{"), *at = text;
    assert(line != NULL);
    line++;
    assert(strncmp(line, before, strlen(before)) == 0);
    for (line += strlen(before); *at != '\0'; at++, line++) {
        assert(*line != '"' && *line != '\n');
        if (*line == '\\') {
            line++;
            assert(*at == (*line == 'n' ? '\n' : *line));
        } else {
            assert(*at == *line);
        }
    }
    assert(strcmp(line, behind) == 0);
    buf_done(&out);
    free(text);
    return 0;
}
