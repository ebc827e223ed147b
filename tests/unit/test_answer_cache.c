/* What a store said about sessions a moment ago: kept whole, bounded, one that was not used lately goes first. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "answer_cache.h"

enum { MOST = 3 };

static struct answer_cache *cache;

static void set_up(void)
{
    cache = answer_cache_new(MOST);
    cr_assert_not_null(cache);
}

static void tear_down(void)
{
    answer_cache_free(cache);
}

TestSuite(answer_cache, .init = set_up, .fini = tear_down);

/* The sessionId of this number; valid until the next call. */
static const char *id_of(int number)
{
    static char id[SESSION_ID_LEN + 1];

    snprintf(id, sizeof id, "AA%020d", number);
    return id;
}

static void put(int number, const char *media)
{
    answer_cache_put(cache, id_of(number),
                     &(struct answer){.err = ERR_OK, .generation = 7, .media_id = media});
}

static const char *media_of(int number)
{
    const struct answer *answer = answer_cache_find(cache, id_of(number));

    return answer != NULL ? answer->media_id : "none";
}

Test(answer_cache, has_nothing_at_first)
{
    cr_assert_null(answer_cache_find(cache, id_of(1)));
    cr_assert_eq(answer_cache_count(cache), 0);
}

Test(answer_cache, keeps_that_a_session_lives)
{
    char media[] = "media";
    const struct answer answer = {.err = ERR_OK,
                                  .generation = 1,
                                  .answered_ms = 2,
                                  .now_ms = 3,
                                  .last_heartbeat_ms = 4,
                                  .media_id = media};

    answer_cache_put(cache, id_of(1), &answer);
    media[0] = '\0'; /* its texts are the cache's own */
    const struct answer *found = answer_cache_find(cache, id_of(1));
    cr_assert_not_null(found);
    cr_assert(found->err == ERR_OK && found->generation == 1 && found->answered_ms == 2 &&
              found->now_ms == 3 && found->last_heartbeat_ms == 4);
    cr_assert_str_eq(found->media_id, "media");
}

Test(answer_cache, keeps_why_a_session_ended)
{
    char by[] = "Kitchen TV", message[257];

    memset(message, 'm', 256);
    message[256] = '\0';
    answer_cache_put(
        cache, id_of(1),
        &(struct answer){
            .err = ERR_SESSION_ENDED, .reason = END_REPLACED, .by = by, .message = message});
    by[0] = '\0';
    const struct answer *found = answer_cache_find(cache, id_of(1));
    cr_assert_not_null(found);
    cr_assert(found->err == ERR_SESSION_ENDED && found->reason == END_REPLACED);
    cr_assert_str_eq(found->by, "Kitchen TV");
    cr_assert_str_eq(found->message, message);
}

Test(answer_cache, a_newer_answer_takes_the_place_of_an_older)
{
    put(1, "old");
    put(1, "a newer one, and longer");
    cr_assert_str_eq(media_of(1), "a newer one, and longer");
    cr_assert_eq(answer_cache_count(cache), 1);
}

Test(answer_cache, what_was_put_back_from_itself_stays)
{
    put(1, "media");
    answer_cache_put(cache, id_of(1), answer_cache_find(cache, id_of(1)));
    cr_assert_str_eq(media_of(1), "media");
}

Test(answer_cache, drops_one_that_was_not_used_lately)
{
    for (int i = 1; i <= MOST; i++)
        put(i, "media");
    cr_assert_str_eq(media_of(1), "media"); /* a use */
    put(3, "again");                        /* and so is an answer */
    put(4, "new");
    cr_assert_eq(answer_cache_count(cache), MOST);
    cr_assert_str_eq(media_of(2), "none");
    cr_assert_str_eq(media_of(1), "media");
    cr_assert_str_eq(media_of(3), "again");
    cr_assert_str_eq(media_of(4), "new");
}

Test(answer_cache, never_has_more_than_it_may)
{
    for (int i = 0; i < 1000; i++) {
        put(i % 50 == 0 ? 0 : i, "media");
        cr_assert_leq(answer_cache_count(cache), MOST);
        cr_assert_str_eq(media_of(i % 50 == 0 ? 0 : i), "media");
    }
    cr_assert_eq(answer_cache_count(cache), MOST);
}

Test(answer_cache, may_be_freed_where_there_is_none)
{
    answer_cache_free(NULL);
}
