/* Partitions: the table of tags is what it claims to be, and families are spread over it. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "partition.h"

#define SLOTS 16384

/* CRC-16/XMODEM, bit by bit: how Redis Cluster finds a key's slot. */
static unsigned slot_of(const char *text, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)(uint8_t)text[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
    return crc % SLOTS;
}

Test(partition, the_slot_arithmetic_of_this_test_is_redis_own)
{
    cr_assert_eq(slot_of("123456789", 9),
                 0x31c3);                   /* the check value of the cluster's specification */
    cr_assert_eq(slot_of("foo", 3), 12182); /* CLUSTER KEYSLOT foo */
}

Test(partition, has_one_tag_in_each_range_of_64_slots)
{
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        unsigned slot = slot_of(partition_tag(i), PARTITION_TAG_LEN);

        cr_assert_eq(slot / 64, i, "tag %u, %.2s, lies in slot %u", i, partition_tag(i), slot);
    }
}

Test(partition, has_no_tag_twice)
{
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        for (unsigned j = i + 1; j < PARTITION_COUNT; j++)
            cr_assert_neq(memcmp(partition_tag(i), partition_tag(j), PARTITION_TAG_LEN), 0);
    }
}

Test(partition, has_tags_of_letters_alone)
{
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        for (int j = 0; j < PARTITION_TAG_LEN; j++)
            cr_assert(isalpha((unsigned char)partition_tag(i)[j]));
    }
}

/* Stored keys depend on these numbers: a change would part families from their sessions. */
Test(partition, puts_a_family_where_it_has_always_been)
{
    cr_assert_eq(partition_of("f1"), 30);
    cr_assert_eq(partition_of("family-with-a-longer-name"), 206);
    cr_assert_eq(partition_of(""), 0x0e); /* BLAKE2b-256 of nothing: 0e5751c026e5… */
}

Test(partition, spreads_families_evenly)
{
    enum { FAMILIES = 256 * 400 };
    unsigned count[PARTITION_COUNT] = {0};

    for (int i = 0; i < FAMILIES; i++) {
        char family[32];

        snprintf(family, sizeof family, "family-%d", i);
        unsigned number = partition_of(family);
        cr_assert_lt(number, PARTITION_COUNT);
        count[number]++;
    }
    for (int i = 0; i < PARTITION_COUNT; i++) /* five standard deviations of 20 */
        cr_assert(count[i] > 300 && count[i] < 500, "partition %d has %u families", i, count[i]);
}

Test(partition, is_known_by_the_tag_that_a_text_begins_with)
{
    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        char text[8];

        snprintf(text, sizeof text, "%.2sxyz", partition_tag(i));
        cr_assert_eq(partition_of_tag(text), i);
        text[PARTITION_TAG_LEN] = '\0';
        cr_assert_eq(partition_of_tag(text), i);
    }
}

Test(partition, is_not_known_by_what_is_no_tag)
{
    /* The table is one text: "ZA" stands in it, of two tags a half each. */
    static const char *const texts[] = {"", "M", "MM", "mz", "--", "{MZ}", " MZ", "ZA"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_eq(partition_of_tag(texts[i]), PARTITION_COUNT, "\"%s\"", texts[i]);
}
