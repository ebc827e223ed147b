/*
 * Error replies, as recorded from Redis 7.0.15 and Valkey 8, and, for 6.2, which no package has, as its
 * sources put them together.
 */
#include <criterion/criterion.h>

#include <hiredis/hiredis.h>
#include <string.h>

#include "redis_reply.h"

#define SHA     "0a9f75e991483d02789696e4c90d26c10395863e"
#define PLACE_7 " script: " SHA ", on @user_script:12."
/* 6.2: a command's own error; and one that the script's host raised before the command ran. */
#define WRAP_6      "ERR Error running script (call to f_" SHA "): @user_script:12: "
#define WRAP_6_HOST WRAP_6 "@user_script: 12: "

struct recorded {
    const char *error; /* as hiredis gives it: without the leading minus */
    enum redis_error_kind kind;
};

static void expect(const struct recorded *recorded, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[512];
        strcpy(text, recorded[i].error);
        redisReply reply = {.type = REDIS_REPLY_ERROR, .str = text, .len = strlen(text)};

        cr_expect_eq(redis_reply_error_kind(&reply), recorded[i].kind, "%s: kind %d", text,
                     redis_reply_error_kind(&reply));
    }
}

#define EXPECT(table) expect(table, sizeof(table) / sizeof(table)[0])

Test(redis_error, a_plain_command_s_error_is_known_by_its_word)
{
    static const struct recorded table[] = {
        {"NOSCRIPT No matching script. Please use EVAL.", REDIS_ERROR_NOSCRIPT},
        {"NOSCRIPT No matching script.", REDIS_ERROR_NOSCRIPT},
        {"MOVED 3999 127.0.0.1:6381", REDIS_ERROR_MOVED},
        {"ASK 3999 127.0.0.1:6381", REDIS_ERROR_ASK},
        {"TRYAGAIN Multiple keys request during rehashing of slot", REDIS_ERROR_TRYAGAIN},
        {"LOADING Redis is loading the dataset in memory", REDIS_ERROR_OUTAGE},
        {"LOADING Valkey is loading the dataset in memory", REDIS_ERROR_OUTAGE},
        {"READONLY You can't write against a read only replica.", REDIS_ERROR_OUTAGE},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
         REDIS_ERROR_OUTAGE},
        {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
         "to "
         "disk.",
         REDIS_ERROR_OUTAGE},
        {"NOREPLICAS Not enough good replicas to write.", REDIS_ERROR_OUTAGE},
        {"CLUSTERDOWN The cluster is down", REDIS_ERROR_OUTAGE},
        {"CLUSTERDOWN The cluster is down and only accepts read commands", REDIS_ERROR_OUTAGE},
        {"CLUSTERDOWN Hash slot not served", REDIS_ERROR_OUTAGE},
        {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
         REDIS_ERROR_OUTAGE},
        {"OOM command not allowed when used memory > 'maxmemory'.", REDIS_ERROR_OUTAGE},
        {"NOAUTH Authentication required.", REDIS_ERROR_OPERATOR},
        {"WRONGPASS invalid username-password pair or user is disabled.", REDIS_ERROR_OPERATOR},
        {"NOPERM this user has no permissions to run the 'set' command", REDIS_ERROR_OPERATOR},
        {"NOPERM User u has no permissions to run the 'set' command", REDIS_ERROR_OPERATOR},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", REDIS_ERROR_DATA},
        {"OOM", REDIS_ERROR_OUTAGE},
    };

    EXPECT(table);
}

Test(redis_error, a_script_s_error_of_7_0_and_later_begins_with_the_same_word)
{
    static const struct recorded table[] = {
        {"LOADING Redis is loading the dataset in memory" PLACE_7, REDIS_ERROR_OUTAGE},
        {"READONLY You can't write against a read only replica." PLACE_7, REDIS_ERROR_OUTAGE},
        {"OOM command not allowed when used memory > 'maxmemory'." PLACE_7, REDIS_ERROR_OUTAGE},
        {"NOREPLICAS Not enough good replicas to write." PLACE_7, REDIS_ERROR_OUTAGE},
        {"WRONGTYPE Operation against a key holding the wrong kind of value" PLACE_7,
         REDIS_ERROR_DATA},
        {"WRONGTYPE family_streams:f1 is a list, not a set" PLACE_7, REDIS_ERROR_DATA},
    };

    EXPECT(table);
}

Test(redis_error, a_script_s_error_of_6_2_is_known_inside_its_wrapping)
{
    static const struct recorded table[] = {
        {WRAP_6 "LOADING Redis is loading the dataset in memory", REDIS_ERROR_OUTAGE},
        {WRAP_6 "-LOADING Redis is loading the dataset in memory", REDIS_ERROR_OUTAGE},
        {WRAP_6_HOST "-READONLY You can't write against a read only replica.", REDIS_ERROR_OUTAGE},
        {WRAP_6_HOST "-OOM command not allowed when used memory > 'maxmemory'.",
         REDIS_ERROR_OUTAGE},
        {WRAP_6_HOST
         "-MISCONF Redis is configured to save RDB snapshots, but it is currently not able to "
         "persist on disk.",
         REDIS_ERROR_OUTAGE},
        {WRAP_6_HOST "-NOREPLICAS Not enough good replicas to write.", REDIS_ERROR_OUTAGE},
        {WRAP_6 "WRONGTYPE Operation against a key holding the wrong kind of value",
         REDIS_ERROR_DATA},
        {WRAP_6 "WRONGTYPE family_streams:f1 is a list, not a set", REDIS_ERROR_DATA},
    };

    EXPECT(table);
}

Test(redis_error, a_script_that_may_not_is_the_operator_s)
{
    static const struct recorded table[] = {
        {WRAP_6_HOST "The user executing the script can't run this command or subcommand",
         REDIS_ERROR_OPERATOR},
        {"ERR The user executing the script can't run this command or subcommand" PLACE_7,
         REDIS_ERROR_OPERATOR},
        {"ERR The user executing the script can't access at least one of the keys mentioned in the "
         "command arguments" PLACE_7,
         REDIS_ERROR_OPERATOR},
        {"ERR ACL failure in script: No permissions to access a key" PLACE_7, REDIS_ERROR_OPERATOR},
        {"ERR ACL failure in script: User u has no permissions to run the 'set' command" PLACE_7,
         REDIS_ERROR_OPERATOR},
    };

    EXPECT(table);
}

Test(redis_error, a_script_whose_slot_is_on_its_way_is_to_be_repeated)
{
    static const struct recorded table[] = {
        {WRAP_6_HOST "Script attempted to access a non local key in a cluster node",
         REDIS_ERROR_TRYAGAIN},
        {"ERR Script attempted to access a non local key in a cluster node" PLACE_7,
         REDIS_ERROR_TRYAGAIN},
        {"Script attempted to access a non local key in a cluster node", REDIS_ERROR_TRYAGAIN},
        {"ERR Unable to execute command 'mget' in script because undeclared keys were accessed "
         "during rehashing of the slot" PLACE_7,
         REDIS_ERROR_TRYAGAIN},
    };

    EXPECT(table);
}

Test(redis_error, a_script_whose_cluster_is_down_met_an_outage)
{
    static const struct recorded table[] = {
        {WRAP_6_HOST "Script attempted to execute a command while the cluster is down",
         REDIS_ERROR_OUTAGE},
        {"ERR Script attempted to execute a command while the cluster is down" PLACE_7,
         REDIS_ERROR_OUTAGE},
        {"ERR Script attempted to execute a write command while the cluster is down and "
         "readonly" PLACE_7,
         REDIS_ERROR_OUTAGE},
        {"ERR Script attempted to access a slot not served" PLACE_7, REDIS_ERROR_OUTAGE},
    };

    EXPECT(table);
}

Test(redis_error, a_word_inside_a_name_or_a_longer_word_is_none)
{
    static const struct recorded table[] = {
        {"WRONGTYPE session:OOM is a list, not a string" PLACE_7, REDIS_ERROR_DATA},
        {WRAP_6 "WRONGTYPE session:): -OOM is a list, not a string", REDIS_ERROR_DATA},
        {WRAP_6 "WRONGTYPE @user_script: 12: -LOADING is a list, not a set", REDIS_ERROR_DATA},
        {"WRONGTYPE ERR Script attempted to access a non local key in a cluster node is a list",
         REDIS_ERROR_DATA},
        {"ERR value is not an integer: NOAUTH", REDIS_ERROR_OTHER},
        {"ERR unknown command 'OOM', with args beginning with: 'LOADING' ", REDIS_ERROR_OTHER},
        {WRAP_6 "user_script:12: attempt to index a nil value: OOM", REDIS_ERROR_OTHER},
        {"BUSYGROUP Consumer Group name already exists", REDIS_ERROR_OTHER},
        {"BUSYKEY Target key name already exists.", REDIS_ERROR_OTHER},
        {"ASKING", REDIS_ERROR_OTHER},
        {"CROSSSLOT Keys in request don't hash to the same slot", REDIS_ERROR_OTHER},
        {"loading", REDIS_ERROR_OTHER},
    };

    EXPECT(table);
}

Test(redis_error, what_breaks_off_is_of_no_kind)
{
    static const struct recorded table[] = {
        {"", REDIS_ERROR_OTHER},
        {"-", REDIS_ERROR_OTHER},
        {"ERR", REDIS_ERROR_OTHER},
        {"ERR ", REDIS_ERROR_OTHER},
        {"ERR Error running script (call to f_", REDIS_ERROR_OTHER},
        {"ERR Error running script (call to f_" SHA "): ", REDIS_ERROR_OTHER},
        {"ERR Error running script (call to f_" SHA "): @user_script:", REDIS_ERROR_OTHER},
        {WRAP_6, REDIS_ERROR_OTHER},
        {WRAP_6_HOST "-", REDIS_ERROR_OTHER},
    };

    EXPECT(table);
}
