/* The log: one line an event, on stderr. */
#include "log.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

#define LINE_MAX_BYTES 4096 /* longer lines are cut, and end in "..." */

static _Atomic int least_level = LOG_INFO;
static _Atomic int line_format = LOG_TEXT;

static const char *const level_words[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

/* A line as it grows: on the stack, since a line that reports a lack of memory must not need any. */
struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    bool cut;
};

void log_setup(enum log_level least, enum log_format format)
{
    least_level = (int)least;
    line_format = (int)format;
}

bool log_enabled(enum log_level level)
{
    return (int)level >= least_level;
}

static void add(struct line *line, const char *bytes, size_t len)
{
    size_t room = sizeof line->bytes - 8 - line->len; /* 8: what closes a cut line */

    if (line->cut || len > room) {
        line->cut = true;
        return;
    }
    memcpy(line->bytes + line->len, bytes, len);
    line->len += len;
}

static void add_str(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static void add_number(struct line *line, int64_t number)
{
    char digits[TEXT_INT_MAX];
    const char *at = text_int(number, digits);

    add(line, at, (size_t)(digits + sizeof digits - at));
}

static void add_escaped(struct line *line, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    add(line, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Characters outside ASCII: bytes that aren't UTF-8, and controls, are escaped one by one. */
static void add_foreign(struct line *line, const char *text, size_t len)
{
    bool is_printable = text_is_printable(text, len);

    for (size_t i = 0; i < len; i++) {
        if (is_printable)
            add(line, text + i, 1);
        else
            add_escaped(line, (unsigned char)text[i]);
    }
}

/* A quoted string, escaped as in JSON: control characters, quotes and backslashes never stand bare. */
static void add_quoted(struct line *line, const char *text)
{
    add(line, "\"", 1);
    while (*text != '\0') {
        unsigned char c = (unsigned char)*text;
        size_t len = 1;

        if (c == '"' || c == '\\') {
            add(line, (const char[]){'\\', (char)c}, 2);
        } else if (c < 0x20 || c == 0x7f) {
            add_escaped(line, c);
        } else if (c < 0x80) {
            add(line, text, 1);
        } else {
            while ((unsigned char)text[len] >= 0x80)
                len++;
            add_foreign(line, text, len);
        }
        text += len;
    }
    add(line, "\"", 1);
}

/* Whether a value may stand without quotes in key=value text. */
static bool is_bare(const char *text)
{
    if (*text == '\0')
        return false;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c <= ' ' || *c == '"' || *c == '\\' || *c == '=' || *c >= 0x7f)
            return false;
    return true;
}

static void write_text(struct line *line, enum log_level level, const char *message,
                       const struct log_field *fields)
{
    add(line, " ", 1);
    add_str(line, level_words[level]);
    add(line, " ", 1);
    add_str(line, message);
    for (; fields->key != NULL; fields++) {
        add(line, " ", 1);
        add_str(line, fields->key);
        add(line, "=", 1);
        if (fields->text == NULL)
            add_number(line, fields->number);
        else if (is_bare(fields->text))
            add_str(line, fields->text);
        else
            add_quoted(line, fields->text);
    }
    if (line->cut) {
        memcpy(line->bytes + line->len, "...", 3);
        line->len += 3;
    }
}

static void write_json(struct line *line, enum log_level level, const char *message,
                       const struct log_field *fields)
{
    size_t whole; /* how long the line was before the last field, which may not fit */

    add_str(line, "\",\"level\":\"");
    add_str(line, level_words[level]);
    add_str(line, "\",\"message\":");
    add_quoted(line, message);
    whole = line->len;
    for (; fields->key != NULL && !line->cut; fields++) {
        add(line, ",", 1);
        add_quoted(line, fields->key);
        add(line, ":", 1);
        if (fields->text == NULL)
            add_number(line, fields->number);
        else
            add_quoted(line, fields->text);
        if (!line->cut)
            whole = line->len;
    }
    line->len = whole;
    line->bytes[line->len++] = '}';
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields)
{
    if (!log_enabled(level))
        return;

    struct line line;
    char now[CLOCK_TEXT_LEN + 1];

    line.len = 0;
    line.cut = false;
    clock_format(clock_wall_ms(), now);
    if (line_format == LOG_JSON) {
        add_str(&line, "{\"time\":\"");
        add_str(&line, now);
        write_json(&line, level, message, fields);
    } else {
        add_str(&line, now);
        write_text(&line, level, message, fields);
    }
    line.bytes[line.len++] = '\n';

    /* A line that can't be written has nowhere to be reported. */
    ssize_t ignored = write(STDERR_FILENO, line.bytes, line.len);
    (void)ignored;
}
