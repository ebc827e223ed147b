/* The admin listener over a Redis Cluster, where each of 256 partitions is asked for itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"
#include "partition.h"
#include "redis_nodes.h"
#include "redis_server.h"

enum { FAMILIES = 300 };

static struct redis_nodes *nodes;
static struct gateway_process *gateway;
static struct http_client *player, *admin;

static void start(void)
{
    nodes = redis_nodes_start((struct redis_nodes_options){.masters = 3, .partial = true});
    const char *env[] = {ADMIN_TOKEN,
                         "GATEWAY_REDIS_CLUSTER=true",
                         "GATEWAY_REDIS_TIMEOUT_MS=5000",
                         "GATEWAY_AUTHORIZE_TIMEOUT_MS=5000",
                         "GATEWAY_RATE_LIMIT_CREATE=0",
                         "GATEWAY_LIMITS_DEVICE=0",
                         api_text("REDIS_URL=redis://127.0.0.1:%d", redis_nodes_port(nodes, 0)),
                         NULL};
    gateway = gateway_process_start(env);
    player = http_client_new(gateway_process_player(gateway));
    admin = http_client_new(gateway_process_admin(gateway));
    while (api_status(http_client_ask(admin, "GET", "/readyz", NULL, NULL)) != 200)
        ;
}

static void stop(void)
{
    http_client_free(player);
    http_client_free(admin);
    gateway_process_stop(gateway);
    redis_nodes_stop(nodes);
}

TestSuite(admin_cluster, .init = start, .fini = stop, .timeout = 100);

/* A family of this number, wherever it is. */
static const char *family_of(int number)
{
    return api_text("family-%d", number);
}

/* How many sessions all pages show, each marked by its family's number. */
static size_t see_all(const char *query, bool *ret_seen)
{
    char cursor[2048] = "";
    size_t count = 0;

    for (;;) {
        struct http_answer answer =
            admin_get(admin, api_text("/admin/v1/sessions?%s%s%s", query,
                                      cursor[0] != '\0' ? "&cursor=" : "", cursor));
        const json_t *session;
        size_t i;

        json_array_foreach (http_answer_member(&answer, "sessions"), i, session) {
            const char *family = json_string_value(json_object_get(session, "familyId"));
            int number = atoi(family + strlen("family-"));

            count += !ret_seen[number];
            ret_seen[number] = true;
        }
        snprintf(cursor, sizeof cursor, "%s", http_answer_text(&answer, "cursor"));
        http_answer_done(&answer);
        if (cursor[0] == '\0')
            return count;
    }
}

Test(admin_cluster, pages_go_through_all_partitions)
{
    static const char *const queries[] = {"limit=1", "limit=13", "limit=1000", "device=tv&limit=50",
                                          "user=u1"};

    for (int i = 0; i < FAMILIES; i++)
        api_admit(player, family_of(i), i % 2 == 0 ? "tv" : api_text("phone-%d", i), NULL);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        bool seen[FAMILIES] = {false};
        size_t wanted = strncmp(queries[i], "device", 6) == 0 ? FAMILIES / 2 : FAMILIES;

        cr_expect_eq(see_all(queries[i], seen), wanted, "%s", queries[i]);
    }
    bool seen[FAMILIES] = {false};
    cr_expect_eq(see_all("family=family-7", seen), 1);
    cr_expect(seen[7]);

    /* a cursor of one partition is none of another's */
    struct http_answer answer = admin_get(admin, "/admin/v1/sessions?limit=1");
    admin_expect_refused_for(admin_ask(admin, "GET",
                                       api_text("/admin/v1/sessions?family=%s&cursor=%s",
                                                family_of(7), http_answer_text(&answer, "cursor")),
                                       NULL),
                             "cursor: ");
    http_answer_done(&answer);
    answer = admin_get(admin, "/admin/v1/stats");
    cr_expect_eq(http_answer_number(&answer, "sessions.active"), FAMILIES, "%s", answer.body);
    http_answer_done(&answer);
}

/* How many of the events that an answer shows are of this type. */
static size_t count_events(const struct http_answer *answer, const char *type)
{
    const json_t *event;
    size_t i, count = 0;

    json_array_foreach (http_answer_member(answer, "events"), i, event)
        count += strcmp(json_string_value(json_object_get(event, "type")), type) == 0;
    return count;
}

/* The same of what Redis keeps, in all partitions. An event's first field is its type. */
static size_t kept_events(const char *type)
{
    size_t count = 0;

    for (unsigned i = 0; i < PARTITION_COUNT; i++) {
        struct redis_server *server = redis_nodes_server(nodes, redis_nodes_serving(nodes, i));
        redisReply *events = redis_server_command(server, "XRANGE {%s}:stream_events - +",
                                                  api_text("%.2s", partition_tag(i)));

        cr_assert_eq(events->type, REDIS_REPLY_ARRAY);
        for (size_t j = 0; j < events->elements; j++)
            count += strcmp(events->element[j]->element[1]->element[1]->str, type) == 0;
        freeReplyObject(events);
    }
    return count;
}

Test(admin_cluster, a_devices_streams_are_found_and_ended_in_every_partition)
{
    struct api_session sessions[20];

    for (int i = 0; i < 20; i++)
        sessions[i] = api_admit(player, family_of(i), "tv", NULL);
    struct http_answer answer = admin_get(admin, "/admin/v1/devices/tv");
    cr_expect_eq(http_answer_number(&answer, "usage.device.active"), 20, "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 20, "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "events")), 20, "%s", answer.body);
    http_answer_done(&answer);

    admin_expect_terminated(admin, "/admin/v1/devices/tv/sessions?block=60&message=Stolen", 20);
    for (int i = 0; i < 20; i++) {
        api_expect_gone(player, &sessions[i], "terminated", NULL);
        api_expect_refused(api_create(player, family_of(i), "tv", NULL), 403, "forbidden");
    }
    answer = admin_get(admin, "/admin/v1/devices/tv");
    cr_expect_str_eq(http_answer_text(&answer, "blocked.message"), "Stolen", "%s", answer.body);
    cr_expect_eq(count_events(&answer, "blocked"), 1, "%s", answer.body);
    cr_expect_eq(count_events(&answer, "terminated"), 20, "%s", answer.body);
    http_answer_done(&answer);
    cr_expect_eq(kept_events("blocked"), 1);
    for (int i = 0; i < 2; i++) /* there is nothing to lift the second time */
        admin_expect_terminated(admin, "/admin/v1/devices/tv/sessions?block=0", 0);
    cr_expect_eq(kept_events("unblocked"), 1);
    api_admit(player, family_of(3), "tv", NULL);
}

/* A name that chooses one of the first `partitions`, which this node serves. */
static void choose_name(unsigned node, unsigned partitions, char ret_name[32])
{
    unsigned partition;

    for (int i = 0;; i++) {
        snprintf(ret_name, 32, "name-%d", i);
        partition = partition_of(ret_name);
        if (partition < partitions && redis_nodes_serving(nodes, partition) == node)
            return;
    }
}

Test(admin_cluster, a_devices_streams_end_though_the_partition_that_tells_of_it_is_away)
{
    char family[32], device[32];

    choose_name(0, 16, family); /* among the first that are asked */
    choose_name(1, PARTITION_COUNT, device);
    struct api_session session = api_admit(player, family, device, NULL);

    redis_nodes_kill(nodes, 1);
    struct http_answer answer = admin_ask(
        admin, "DELETE", api_text("/admin/v1/devices/%s/sessions?block=60", device), NULL);
    cr_expect_eq(answer.status, 503, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_gone(player, &session, "terminated", NULL);
}

Test(admin_cluster, a_family_is_asked_for_where_it_is)
{
    struct api_session session = api_admit(player, family_of(1), "tv", NULL);
    struct api_session other = api_admit(player, family_of(2), "tv", NULL);
    struct http_answer answer =
        admin_ask(admin, "PUT", "/admin/v1/families/family-1/limits", "{\"family\":1}");

    cr_assert_eq(answer.status, 200, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_refused(api_create(player, family_of(1), "phone", NULL), 409, "family_limit");
    json_decref(admin_event_of(admin, "family-1", "limits_changed"));
    json_decref(admin_event_of(admin, "family-1", "denied"));

    admin_expect_terminated(admin, api_text("/admin/v1/sessions/%s?reason=x", session.id), 1);
    api_expect_gone(player, &session, "terminated", NULL);
    json_t *event = admin_event_of(admin, "family-1", "terminated");
    cr_expect_str_eq(json_string_value(json_object_get(event, "by")), ADMIN_NAME);
    json_decref(event);
    admin_expect_terminated(admin, "/admin/v1/families/family-2/sessions", 1);
    api_expect_gone(player, &other, "terminated", NULL);
}
