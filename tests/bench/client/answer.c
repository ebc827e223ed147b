/* Reading answers. Every one that a load generator gets passes here, so the head is walked through
 * once. */
#include "answer.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* A header line's value without the blanks around it; NULL where the line is another header's. */
static const char *value_of(const char *line, const char *end, const char *name, size_t name_len,
                            size_t *ret_len)
{
    if ((size_t)(end - line) <= name_len || line[name_len] != ':' ||
        strncasecmp(line, name, name_len) != 0)
        return NULL;
    line += name_len + 1;
    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *ret_len = (size_t)(end - line);
    return line;
}

static int take_length(struct answer *answer, const char *text, size_t len)
{
    answer->body_len = 0;
    if (len == 0 || len > 12)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        answer->body_len = answer->body_len * 10 + (size_t)(text[i] - '0');
    }
    return 0;
}

int answer_parse(const char *data, size_t len, struct answer *ret_answer)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    const char *line, *next, *value;
    size_t value_len;

    if (end == NULL)
        return len >= 5 && memcmp(data, "HTTP/", 5) != 0 ? -1 : 0;
    if (end - data < 12 || memcmp(data, "HTTP/1.", 7) != 0)
        return -1;
    *ret_answer = (struct answer){.head_len = (size_t)(end - data) + 4};
    for (int i = 9; i < 12; i++) {
        if (data[i] < '0' || data[i] > '9')
            return -1;
        ret_answer->status = ret_answer->status * 10 + (data[i] - '0');
    }
    ret_answer->closes = data[7] == '0';
    for (line = memchr(data, '\n', (size_t)(end - data)); line != NULL; line = next) {
        line++;
        next = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = next != NULL ? next - 1 : end;
        char first = (char)(*line | 0x20);

        if (first == 'c' &&
            (value = value_of(line, line_end, "content-length", 14, &value_len)) != NULL) {
            if (take_length(ret_answer, value, value_len) != 0)
                return -1;
        } else if (first == 'c' &&
                   (value = value_of(line, line_end, "connection", 10, &value_len)) != NULL) {
            ret_answer->closes = value_len == 5 && strncasecmp(value, "close", 5) == 0;
        } else if (first == 't' &&
                   value_of(line, line_end, "transfer-encoding", 17, &value_len) != NULL) {
            return -1;
        }
    }
    return len >= ret_answer->head_len + ret_answer->body_len;
}

const char *answer_header(const struct answer *answer, const char *data, const char *name,
                          size_t *ret_len)
{
    const char *end = data + answer->head_len - 2;
    size_t name_len = strlen(name);

    for (const char *line = memchr(data, '\n', answer->head_len); line != NULL && line + 1 < end;
         line = memchr(line, '\n', (size_t)(end - line))) {
        line++;
        const char *line_end = memchr(line, '\r', (size_t)(end - line));
        const char *value =
            value_of(line, line_end != NULL ? line_end : end, name, name_len, ret_len);

        if (value != NULL)
            return value;
    }
    return NULL;
}
