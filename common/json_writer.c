/* Writes JSON into a buffer as it goes. */
#include "json_writer.h"

#include <string.h>

#include "clock.h"
#include "text.h"

/* What stands before a value: a comma, its name. */
static void begin_value(struct json_writer *writer, const char *name)
{
    if (writer->more)
        buf_add_char(writer->out, ',');
    writer->more = true;
    if (name != NULL) {
        buf_add_char(writer->out, '"');
        buf_add_str(writer->out, name);
        buf_add(writer->out, "\":", 2);
    }
}

static void begin_nested(struct json_writer *writer, const char *name, char bracket)
{
    begin_value(writer, name);
    buf_add_char(writer->out, bracket);
    writer->more = false;
}

static void end_nested(struct json_writer *writer, char bracket)
{
    buf_add_char(writer->out, bracket);
    writer->more = true;
}

void json_writer_begin_object(struct json_writer *writer, const char *name)
{
    begin_nested(writer, name, '{');
}

void json_writer_end_object(struct json_writer *writer)
{
    end_nested(writer, '}');
}

void json_writer_begin_array(struct json_writer *writer, const char *name)
{
    begin_nested(writer, name, '[');
}

void json_writer_end_array(struct json_writer *writer)
{
    end_nested(writer, ']');
}

void json_writer_text(struct json_writer *writer, const char *name, const char *text)
{
    begin_value(writer, name);
    text_json_quote(writer->out, text);
}

void json_writer_text_if_given(struct json_writer *writer, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_writer_text(writer, name, text);
}

void json_writer_time(struct json_writer *writer, const char *name, int64_t wall_ms)
{
    char quoted[CLOCK_TEXT_LEN + 2]; /* the NUL gives way to the second quote */

    quoted[0] = '"';
    clock_format(wall_ms, quoted + 1);
    quoted[CLOCK_TEXT_LEN + 1] = '"';
    begin_value(writer, name);
    buf_add(writer->out, quoted, sizeof quoted);
}

void json_writer_int(struct json_writer *writer, const char *name, int64_t value)
{
    begin_value(writer, name);
    buf_add_int(writer->out, value);
}

void json_writer_raw(struct json_writer *writer, const char *name, const char *json)
{
    begin_value(writer, name);
    buf_add_str(writer->out, json);
}
