/* Who may stay when a new stream asks for a place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "admission.h"

#define AFTER_MS 90000

/*
 * The streams of a test, named "a", "b"…; each begins a second after the one before and was heard
 * of just now. The ask is one of family "f" on device "d", of no limits until a test sets some.
 */
enum { STREAMS_MAX = 16 };

static struct admission_stream streams[STREAMS_MAX];
static char ids[STREAMS_MAX][2];
static char replace[SESSION_REPLACE_MAX][SESSION_ID_LEN + 1];
static size_t count;
static struct admission_ask ask;
static struct admission_answer answer;

static void set_up(void)
{
    count = 0;
    ask =
        (struct admission_ask){.displace_after_ms = AFTER_MS, .player_id = "", .replace = replace};
}

TestSuite(admission, .init = set_up);

/* What a stream is to the one that asks. */
enum place { HERE, ELSEWHERE, STRANGER };

static struct admission_stream *add(enum place place, int64_t silent_ms)
{
    struct admission_stream *stream = &streams[count];

    ids[count][0] = (char)('a' + count);
    *stream = (struct admission_stream){
        .id = ids[count],
        .player_id = "",
        .started_ms = (int64_t)count * 1000,
        .silent_ms = silent_ms,
        .in_family = place != STRANGER,
        .on_device = place != ELSEWHERE,
        .fate = ADMISSION_EVICTED, /* to be overwritten */
    };
    count++;
    return stream;
}

static void give_up(const char *id)
{
    snprintf(replace[ask.replace_count++], sizeof replace[0], "%s", id);
}

static void set_limits(uint32_t family, uint32_t device)
{
    ask.family_limit = family;
    ask.device_limit = device;
}

/*
 * Decides, and compares: fates as one letter for each stream: - stays, R replaced, D displaced, E
 * evicted; the outcome; the counts.
 */
static void assert_decides(const char *fates, enum err err, uint32_t family, uint32_t device)
{
    static const char letters[] = "-RDE";
    char is[STREAMS_MAX + 1] = "";

    admission_decide(&ask, streams, count, &answer);
    for (size_t i = 0; i < count; i++)
        is[i] = letters[streams[i].fate];
    cr_assert_str_eq(is, fates);
    cr_assert_eq(answer.err, err, "%s", err_word(answer.err));
    cr_assert(answer.family_active == family && answer.device_active == device, "%u and %u",
              answer.family_active, answer.device_active);
}

/* ---- Room ---- */

Test(admission, lets_the_first_one_in)
{
    set_limits(1, 1);
    assert_decides("", ERR_OK, 1, 1);
    cr_assert_eq(answer.would_deny, ERR_OK);
}

Test(admission, counts_family_and_device_apart)
{
    add(HERE, 0);
    add(ELSEWHERE, 0);
    add(STRANGER, 0);
    assert_decides("---", ERR_OK, 3, 3);
}

Test(admission, fills_to_the_limit_and_not_past_it)
{
    set_limits(2, 0);
    add(ELSEWHERE, 0);
    assert_decides("-", ERR_OK, 2, 1);
    add(ELSEWHERE, 0);
    assert_decides("--", ERR_FAMILY_LIMIT, 2, 0);
    set_limits(0, 1);
    assert_decides("--", ERR_OK, 3, 1);
    add(STRANGER, 0);
    assert_decides("---", ERR_DEVICE_LIMIT, 2, 1);
}

Test(admission, knows_no_limit_of_0)
{
    for (int i = 0; i < STREAMS_MAX; i++)
        add(HERE, 0);
    assert_decides("----------------", ERR_OK, STREAMS_MAX + 1, STREAMS_MAX + 1);
}

Test(admission, reports_the_device_where_both_are_full)
{
    set_limits(1, 1);
    add(HERE, 0);
    assert_decides("-", ERR_DEVICE_LIMIT, 1, 1);
}

Test(admission, refuses_where_a_lowered_limit_is_exceeded)
{
    set_limits(2, 0);
    for (int i = 0; i < 4; i++)
        add(ELSEWHERE, 0);
    assert_decides("----", ERR_FAMILY_LIMIT, 4, 0);
}

/* ---- Steps 4 and 5 ---- */

Test(admission, ends_what_is_given_up_though_there_is_room)
{
    add(HERE, 0);
    add(ELSEWHERE, 0);
    give_up("b");
    assert_decides("-R", ERR_OK, 2, 2);
}

Test(admission, passes_over_strangers_and_those_it_does_not_know)
{
    add(STRANGER, 0);
    add(HERE, 0);
    give_up("a");
    give_up("z");
    give_up("");
    assert_decides("--", ERR_OK, 2, 3);
}

Test(admission, counts_one_named_twice_once)
{
    set_limits(2, 0);
    add(HERE, 0);
    add(ELSEWHERE, 0);
    give_up("a");
    give_up("a");
    assert_decides("R-", ERR_OK, 2, 1);
}

Test(admission, ends_nobody_where_what_is_given_up_is_not_enough)
{
    set_limits(2, 0);
    for (int i = 0; i < 4; i++)
        add(ELSEWHERE, 0);
    give_up("a");
    give_up("b");
    assert_decides("----", ERR_FAMILY_LIMIT, 4, 0);
    give_up("c");
    assert_decides("RRR-", ERR_OK, 2, 1);
}

Test(admission, takes_the_place_of_the_same_player_of_the_family_on_the_device)
{
    ask.player_id = "tab";
    add(HERE, 0)->player_id = "tab";
    add(HERE, 0)->player_id = "other";
    add(HERE, 0);
    add(ELSEWHERE, 0)->player_id = "tab";
    add(STRANGER, 0)->player_id = "tab";
    assert_decides("R----", ERR_OK, 4, 4);
}

Test(admission, takes_nobodys_place_for_a_player_without_a_name)
{
    add(HERE, 0);
    add(HERE, 0)->player_id = "tab";
    assert_decides("--", ERR_OK, 3, 3);
}

Test(admission, counts_the_same_player_given_up_by_name_once)
{
    set_limits(1, 1);
    ask.player_id = "tab";
    add(HERE, 0)->player_id = "tab";
    give_up("a");
    assert_decides("R", ERR_OK, 1, 1);
}

/* ---- Step 6 ---- */

Test(admission, displaces_after_more_silence_than_the_setting_and_not_after_as_much)
{
    set_limits(1, 0);
    add(ELSEWHERE, AFTER_MS);
    assert_decides("-", ERR_FAMILY_LIMIT, 1, 0);
    streams[0].silent_ms = AFTER_MS + 1;
    assert_decides("D", ERR_OK, 1, 1);
    ask.displace_after_ms = 0;
    assert_decides("-", ERR_FAMILY_LIMIT, 1, 0);
}

Test(admission, displaces_nobody_while_there_is_room)
{
    set_limits(2, 2);
    add(HERE, AFTER_MS * 2);
    assert_decides("-", ERR_OK, 2, 2);
}

Test(admission, displaces_the_longest_silent_as_many_as_are_needed)
{
    set_limits(3, 0);
    add(ELSEWHERE, AFTER_MS + 2);
    add(ELSEWHERE, AFTER_MS + 4);
    add(ELSEWHERE, 0);
    add(ELSEWHERE, AFTER_MS + 3);
    add(ELSEWHERE, AFTER_MS + 1);
    assert_decides("DD-D-", ERR_OK, 3, 1);
}

Test(admission, displaces_the_smaller_id_of_two_equally_silent)
{
    set_limits(2, 0);
    add(ELSEWHERE, AFTER_MS + 1)->id = "y";
    add(ELSEWHERE, AFTER_MS + 1)->id = "x";
    assert_decides("-D", ERR_OK, 2, 1);
}

Test(admission, displaces_on_the_device_before_it_does_in_the_family)
{
    set_limits(2, 1);
    add(ELSEWHERE, AFTER_MS * 3);
    add(HERE, AFTER_MS * 2);
    assert_decides("-D", ERR_OK, 2, 1);
}

Test(admission, displaces_in_the_family_too_where_the_devices_was_a_strangers)
{
    set_limits(1, 1);
    add(ELSEWHERE, AFTER_MS * 3);
    add(STRANGER, AFTER_MS * 2);
    assert_decides("DD", ERR_OK, 1, 1);
}

Test(admission, displaces_for_each_limit_only_who_is_in_its_way)
{
    set_limits(0, 1);
    add(ELSEWHERE, AFTER_MS * 3);
    add(HERE, 0);
    assert_decides("--", ERR_DEVICE_LIMIT, 2, 1);
    set_limits(2, 0);
    streams[1].in_family = false;
    streams[1].silent_ms = AFTER_MS * 3;
    add(ELSEWHERE, 0);
    streams[0].silent_ms = 0;
    assert_decides("---", ERR_FAMILY_LIMIT, 2, 1);
}

Test(admission, displaces_after_what_is_given_up)
{
    set_limits(2, 0);
    add(ELSEWHERE, AFTER_MS * 2);
    add(ELSEWHERE, AFTER_MS * 3);
    give_up("a");
    assert_decides("R-", ERR_OK, 2, 1);
}

Test(admission, ends_nobody_where_too_few_are_silent)
{
    set_limits(1, 0);
    add(ELSEWHERE, AFTER_MS * 2);
    add(ELSEWHERE, 0);
    assert_decides("--", ERR_FAMILY_LIMIT, 2, 0);
}

Test(admission, spares_the_devices_silent_one_where_the_family_stays_full)
{
    set_limits(1, 1);
    add(STRANGER, AFTER_MS * 2);
    add(ELSEWHERE, 0);
    assert_decides("--", ERR_FAMILY_LIMIT, 1, 1);
}

/* ---- Step 7 ---- */

Test(admission, evicts_the_familys_oldest)
{
    set_limits(3, 0);
    add(ELSEWHERE, 0)->started_ms = 5000;
    add(ELSEWHERE, 0)->started_ms = 3000;
    add(ELSEWHERE, 50000)->started_ms = 4000;
    assert_decides("---", ERR_FAMILY_LIMIT, 3, 0);
    ask.evict = true;
    assert_decides("-E-", ERR_OK, 3, 1);
}

Test(admission, evicts_the_smaller_id_of_two_equally_old)
{
    set_limits(2, 0);
    ask.evict = true;
    add(ELSEWHERE, 0)->started_ms = 0;
    add(ELSEWHERE, 0)->started_ms = 0;
    streams[0].id = "y";
    streams[1].id = "x";
    assert_decides("-E", ERR_OK, 2, 1);
}

Test(admission, evicts_nobody_while_there_is_room)
{
    set_limits(2, 2);
    ask.evict = true;
    add(HERE, 0);
    assert_decides("-", ERR_OK, 2, 2);
}

Test(admission, evicts_no_stranger)
{
    set_limits(0, 1);
    ask.evict = true;
    add(STRANGER, 0);
    assert_decides("-", ERR_DEVICE_LIMIT, 0, 1);
    set_limits(0, 2);
    add(HERE, 0);
    assert_decides("-E", ERR_OK, 1, 2);
}

Test(admission, evicts_one_for_both_limits_where_it_stands_in_both)
{
    set_limits(2, 1);
    ask.evict = true;
    add(ELSEWHERE, 0);
    add(HERE, 0);
    assert_decides("-E", ERR_OK, 2, 1);
}

Test(admission, evicts_one_for_each_limit_where_both_need_one)
{
    set_limits(2, 1);
    ask.evict = true;
    add(ELSEWHERE, 0);
    add(ELSEWHERE, 0);
    add(HERE, 0);
    assert_decides("E-E", ERR_OK, 2, 1);
}

Test(admission, evicts_nobody_where_one_for_each_limit_is_not_enough)
{
    set_limits(2, 0);
    ask.evict = true;
    for (int i = 0; i < 3; i++)
        add(ELSEWHERE, 0);
    assert_decides("---", ERR_FAMILY_LIMIT, 3, 0);
    set_limits(0, 1);
    add(HERE, 0);
    add(HERE, 0);
    assert_decides("-----", ERR_DEVICE_LIMIT, 5, 2);
}

Test(admission, evicts_after_the_given_up_and_the_silent)
{
    set_limits(2, 0);
    ask.evict = true;
    add(ELSEWHERE, 0);
    add(ELSEWHERE, AFTER_MS * 2);
    add(ELSEWHERE, 0);
    add(ELSEWHERE, 0);
    give_up("c");
    assert_decides("EDR-", ERR_OK, 2, 1);
    set_limits(3, 0);
    assert_decides("-DR-", ERR_OK, 3, 1);
    set_limits(4, 0);
    assert_decides("--R-", ERR_OK, 4, 1);
}

/* ---- Only counted ---- */

Test(admission, a_dry_run_lets_in_and_says_what_would_have_refused)
{
    ask.dry_run = true;
    set_limits(1, 0);
    add(ELSEWHERE, 0);
    assert_decides("-", ERR_OK, 2, 1);
    cr_assert_eq(answer.would_deny, ERR_FAMILY_LIMIT);
    set_limits(1, 1);
    add(HERE, 0);
    assert_decides("--", ERR_OK, 3, 2);
    cr_assert_eq(answer.would_deny, ERR_DEVICE_LIMIT);
}

Test(admission, a_dry_run_ends_nobody_on_the_limits_account)
{
    ask.dry_run = ask.evict = true;
    set_limits(2, 1);
    add(ELSEWHERE, AFTER_MS * 2);
    add(HERE, 0);
    assert_decides("--", ERR_OK, 3, 2);
    cr_assert_eq(answer.would_deny, ERR_OK, "room would have been made");
}

Test(admission, a_dry_run_ends_what_the_viewer_and_the_player_give_up)
{
    ask.dry_run = true;
    ask.player_id = "tab";
    set_limits(1, 1);
    add(HERE, 0)->player_id = "tab";
    add(ELSEWHERE, 0);
    add(ELSEWHERE, 0);
    give_up("b");
    assert_decides("RR-", ERR_OK, 2, 1);
    cr_assert_eq(answer.would_deny, ERR_FAMILY_LIMIT);
}

Test(admission, forgets_the_fates_of_an_earlier_decision)
{
    set_limits(1, 0);
    add(ELSEWHERE, AFTER_MS * 2);
    assert_decides("D", ERR_OK, 1, 1);
    set_limits(2, 0);
    assert_decides("-", ERR_OK, 2, 1);
}
