/* The JSON writer: what it writes is compact, its commas are right, and strings are escaped. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "clock.h"
#include "json_writer.h"

static struct buf text;
static struct json_writer writer;

static void setup(void)
{
    text = BUF_EMPTY;
    writer = (struct json_writer){.out = &text};
}

static void teardown(void)
{
    buf_done(&text);
}

TestSuite(json_writer, .init = setup, .fini = teardown);

Test(json_writer, writes_objects_and_arrays_that_hold_nothing)
{
    json_writer_begin_object(&writer, NULL);
    json_writer_begin_object(&writer, "a");
    json_writer_end_object(&writer);
    json_writer_begin_array(&writer, "b");
    json_writer_end_array(&writer);
    json_writer_end_object(&writer);
    cr_assert_str_eq(buf_text(&text), "{\"a\":{},\"b\":[]}");
}

Test(json_writer, puts_a_comma_between_values_and_nowhere_else)
{
    json_writer_begin_array(&writer, NULL);
    json_writer_int(&writer, NULL, 1);
    json_writer_begin_object(&writer, NULL);
    json_writer_text(&writer, "a", "x");
    json_writer_begin_array(&writer, "b");
    json_writer_text(&writer, NULL, "y");
    json_writer_raw(&writer, NULL, "null");
    json_writer_end_array(&writer);
    json_writer_int(&writer, "c", -2);
    json_writer_end_object(&writer);
    json_writer_begin_object(&writer, NULL);
    json_writer_end_object(&writer);
    json_writer_end_array(&writer);
    cr_assert_str_eq(buf_text(&text), "[1,{\"a\":\"x\",\"b\":[\"y\",null],\"c\":-2},{}]");
}

Test(json_writer, writes_members_alone_for_an_object_that_another_began)
{
    json_writer_text(&writer, "a", "x");
    json_writer_int(&writer, "b", 1);
    cr_assert_str_eq(buf_text(&text), "\"a\":\"x\",\"b\":1");
}

Test(json_writer, leaves_out_a_text_that_was_not_given)
{
    json_writer_begin_object(&writer, NULL);
    json_writer_text_if_given(&writer, "a", "");
    json_writer_text_if_given(&writer, "b", "x");
    json_writer_text_if_given(&writer, "c", "");
    json_writer_text(&writer, "d", "");
    json_writer_end_object(&writer);
    cr_assert_str_eq(buf_text(&text), "{\"b\":\"x\",\"d\":\"\"}");
}

Test(json_writer, writes_times_as_everywhere)
{
    json_writer_time(&writer, "t", 123);
    cr_assert_str_eq(buf_text(&text), "\"t\":\"1970-01-01T00:00:00.123Z\"");
}

Test(json_writer, writes_strings_that_a_parser_reads_back)
{
    char all[] = "\x01\x02\t\n\r\x1f \"\\/\x7f Küche \xf0\x9f\x93\xba";

    json_writer_begin_object(&writer, NULL);
    json_writer_text(&writer, "a", all);
    json_writer_end_object(&writer);

    json_auto_t *object = json_loadb(text.data, text.len, 0, NULL);
    cr_assert_not_null(object);
    cr_assert_str_eq(json_string_value(json_object_get(object, "a")), all);
}

Test(json_writer, leaves_a_failed_buffer_marked)
{
    text.failed = true;
    json_writer_begin_object(&writer, NULL);
    json_writer_text(&writer, "a", "x");
    json_writer_end_object(&writer);
    cr_assert(text.failed);
    cr_assert_eq(text.len, 0);
}
