/* Events: words, ids, and copies. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

Test(event, every_type_has_a_word_of_its_own_that_is_found_again)
{
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        cr_assert_eq(event_type_of(event_type_word((enum event_type)type)), type);
    cr_assert_eq(event_type_of("rewound"), EVENT_TYPE_COUNT);
    cr_assert_eq(event_type_of(""), EVENT_TYPE_COUNT);
    cr_assert_str_eq(event_type_word(EVENT_TYPE_COUNT), "unknown");
}

Test(event, an_id_is_read_as_it_was_written)
{
    const uint64_t numbers[] = {0, 1, 1700000000000, UINT64_MAX};
    enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

    for (int i = 0; i < NUMBERS * NUMBERS; i++) {
        uint64_t ms = 5, number = 5;
        event_id id;

        event_id_format(numbers[i / NUMBERS], numbers[i % NUMBERS], id);
        cr_assert_eq(event_id_parse(id, &ms, &number), 0, "%s", id);
        cr_assert_eq(ms, numbers[i / NUMBERS]);
        cr_assert_eq(number, numbers[i % NUMBERS]);
    }
}

Test(event, what_is_no_id_is_refused)
{
    static const char *const wrong[] = {"",
                                        "-",
                                        "1",
                                        "1-",
                                        "-1",
                                        "1-2-3",
                                        " 1-2",
                                        "1- 2",
                                        "1-2 ",
                                        "+1-2",
                                        "1-+2",
                                        "1--2",
                                        "a-b",
                                        "0x1-2",
                                        "1-2\n",
                                        "18446744073709551616-0",
                                        "0-18446744073709551616"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t ms = 5, number = 6;

        cr_assert_eq(event_id_parse(wrong[i], &ms, &number), -1, "%s", wrong[i]);
        cr_assert(ms == 5 && number == 6);
    }
}

Test(event, a_copy_needs_nothing_of_what_was_copied)
{
    char family[] = "family", user[] = "user";
    struct event events[] = {
        {.id = "1-1", .type = EVENT_STARTED, .family_id = family, .time_ms = 7, .duration_s = -1},
        {.id = "1-2", .type = EVENT_DENIED, .user_id = user, .time_ms = 8}};

    for (int i = 0; i < 2; i++) {
        const char **texts[] = {&events[i].session_id, &events[i].user_id,  &events[i].family_id,
                                &events[i].device_id,  &events[i].media_id, &events[i].cause,
                                &events[i].by};

        for (int t = 0; t < 7; t++)
            if (*texts[t] == NULL)
                *texts[t] = "";
    }
    struct event *copies = event_pack(events, 2);
    cr_assert_not_null(copies);
    memset(family, 'x', sizeof family - 1);
    memset(user, 'x', sizeof user - 1);
    memset(events, 0, sizeof events);
    cr_assert_str_eq(copies[0].id, "1-1");
    cr_assert_str_eq(copies[0].family_id, "family");
    cr_assert_str_empty(copies[0].by);
    cr_assert_eq(copies[0].duration_s, -1);
    cr_assert_eq(copies[1].type, EVENT_DENIED);
    cr_assert_str_eq(copies[1].user_id, "user");
    cr_assert_str_empty(copies[1].session_id);
    free(copies);
}

Test(event, a_copy_of_none_is_none)
{
    struct event *copies = event_pack(NULL, 0);

    cr_assert_not_null(copies);
    free(copies);
}
