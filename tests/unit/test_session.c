/* Sessions: ids and the words for how one ends. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "partition.h"
#include "session.h"

static void ready(void)
{
    cr_assert_geq(sodium_init(), 0);
}

TestSuite(session, .init = ready);

Test(session, makes_ids_that_are_valid_and_begin_with_the_familys_tag)
{
    const char *families[] = {"f1", "f2", "Müller", ""};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        for (int round = 0; round < 1000; round++) {
            char id[SESSION_ID_LEN + 1];

            session_id_make(families[i], id);
            cr_assert_eq(strlen(id), SESSION_ID_LEN);
            cr_assert(session_id_is_valid(id, SESSION_ID_LEN));
            cr_assert_eq(memcmp(id, partition_tag(partition_of(families[i])), 2), 0);
        }
    }
}

Test(session, makes_ids_whose_every_bit_is_random)
{
    uint8_t always_set[15], ever_set[15] = {0};

    memset(always_set, 0xff, sizeof always_set);
    for (int round = 0; round < 200; round++) {
        char id[SESSION_ID_LEN + 1];
        uint8_t bytes[15];
        size_t size;

        session_id_make("f1", id);
        cr_assert_eq(sodium_base642bin(bytes, sizeof bytes, id + PARTITION_TAG_LEN, 20, NULL, &size,
                                       NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
        cr_assert_eq(size, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++) {
            always_set[i] &= bytes[i];
            ever_set[i] |= bytes[i];
        }
    }
    for (size_t i = 0; i < sizeof ever_set; i++) {
        cr_assert_eq(always_set[i], 0);
        cr_assert_eq(ever_set[i], 0xff);
    }
}

Test(session, takes_22_characters_of_base64url_for_an_id_and_nothing_else)
{
    const char good[] = "AZaz09-_AZaz09-_AZaz09";

    cr_assert(session_id_is_valid(good, 22));
    cr_assert_not(session_id_is_valid(good, 21));
    cr_assert_not(session_id_is_valid(good, 23)); /* its NUL */
    cr_assert_not(session_id_is_valid(good, 0));

    for (int c = 0; c < 256; c++) {
        char id[SESSION_ID_LEN];
        bool in_alphabet =
            c != '\0' &&
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c) != NULL;

        memcpy(id, good, sizeof id);
        id[c % SESSION_ID_LEN] = (char)c;
        cr_assert_eq(session_id_is_valid(id, sizeof id), in_alphabet, "character %d", c);
    }
}

Test(session, has_a_word_for_each_reason_and_finds_it_again)
{
    for (int reason = 0; reason < END_REASON_COUNT; reason++) {
        const char *word = end_reason_word((enum end_reason)reason);

        cr_assert_eq(end_reason_from_word(word, strlen(word)), reason);
    }
    cr_assert_str_eq(end_reason_word(END_STOPPED), "stopped");
    cr_assert_str_eq(end_reason_word(END_TERMINATED), "terminated");
}

Test(session, finds_no_reason_in_other_words)
{
    cr_assert_eq(end_reason_from_word("", 0), -1);
    cr_assert_eq(end_reason_from_word("stop", 4), -1);
    cr_assert_eq(end_reason_from_word("stopped ", 8), -1);
    cr_assert_eq(end_reason_from_word("Stopped", 7), -1);
    cr_assert_eq(end_reason_from_word("stopped!", 7), END_STOPPED, "reads no further than len");
}
