/*
 * A hundred thousand sessions, gone through page by page, while players go on. (Fewer under sanitizers, which are
 * slow.) How long a page took the gateway, and how late players' loops were, is printed and not judged.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SESSIONS = 10000 };
#else
enum { SESSIONS = 100000 };
#endif

enum { MAKERS = 8 };

TestSuite(embedded, .timeout = 280);
TestSuite(redis, .timeout = 280);

/* One of those who make sessions. */
struct maker {
    const char *address; /* of the player listener */
    int first;           /* number of its first session, every MAKERS-th is its */
    int made;            /* so far */
    pthread_t thread;    /* that runs it */
};

static void *make(void *arg)
{
    struct maker *maker = arg;
    struct http_client *client = http_client_new(maker->address);
    char body[160];

    for (int i = maker->first; i < SESSIONS; i += MAKERS) {
        snprintf(body, sizeof body,
                 "{\"userId\":\"u%d\",\"familyId\":\"f%d\",\"deviceId\":\"%d\",\"mediaId\":\"m\"}",
                 i % 1000, i / 4, i);
        struct http_answer answer = http_client_ask(client, "POST", "/v1/sessions", NULL, body);
        maker->made += answer.status == 201;
        http_answer_done(&answer);
    }
    http_client_free(client);
    return NULL;
}

static void make_all(const struct api_fixture *api)
{
    struct maker makers[MAKERS];
    int made = 0;

    for (int i = 0; i < MAKERS; i++) {
        makers[i] = (struct maker){.address = gateway_process_player(api->gateway), .first = i};
        pthread_create(&makers[i].thread, NULL, make, &makers[i]);
    }
    for (int i = 0; i < MAKERS; i++) {
        pthread_join(makers[i].thread, NULL);
        made += makers[i].made;
    }
    cr_assert_eq(made, SESSIONS, "%d", made);
}

/* Marks a page's sessions by their device; how many are new. */
static int mark(const struct http_answer *answer, char *seen)
{
    const json_t *session;
    int count = 0;
    size_t i;

    json_array_foreach (http_answer_member(answer, "sessions"), i, session) {
        int number = atoi(json_string_value(json_object_get(session, "deviceId")));

        if (number < SESSIONS && !seen[number]) {
            seen[number] = 1;
            count++;
        }
    }
    return count;
}

/* A player that shows life all the while. */
struct viewer {
    struct api_session session; /* its */
    struct http_client *client; /* the same */
    atomic_bool over;           /* it may go */
    int beats, lost;            /* answered with 200, and otherwise */
    pthread_t thread;           /* that runs it */
};

static void *watch(void *arg)
{
    struct viewer *viewer = arg;
    char headers[1500];

    snprintf(headers, sizeof headers, "X-Stream-Token: %s\r\n", viewer->session.token);
    while (!atomic_load(&viewer->over)) {
        struct http_answer answer =
            http_client_ask(viewer->client, "GET", "/v1/authorize", headers, NULL);

        viewer->beats += answer.status == 200;
        viewer->lost += answer.status != 200;
        http_answer_done(&answer);
    }
    return NULL;
}

/* Prints how long the gateway took for a page: the slowest, and the first. */
static void print_times(const struct api_fixture *api)
{
    static const char line[] = "route=/admin/v1/sessions status=200";
    char *log = gateway_process_log(api->gateway);
    long first = -1, worst = 0;

    for (const char *at = log; (at = strstr(at, line)) != NULL; at++) {
        const char *us = strstr(at, " us=");
        long took = us != NULL ? atol(us + 4) : 0;

        if (first < 0)
            first = took;
        worst = took > worst ? took : worst;
    }
    fprintf(stderr, "of %d sessions: the first page took %ld us, the slowest %ld us\n", SESSIONS,
            first, worst);
    free(log);
}

/* How often the players' loops have been looked at so far, and how often they were late by more than 16 ms. */
struct lag {
    long looks, late;
};

static struct lag read_lag(struct http_client *client)
{
    static const char *const series[] = {
        "stream_gateway_loop_lag_seconds_count{listener=\"player\"} ",
        "stream_gateway_loop_lag_seconds_bucket{listener=\"player\",le=\"0.016384\"} "};
    struct http_answer answer = admin_ask(client, "GET", "/metrics", NULL);
    long counts[2] = {0, 0};

    for (size_t i = 0; i < 2; i++) {
        const char *line = strstr(answer.body, series[i]);

        cr_assert_not_null(line, "there is no %s", series[i]);
        counts[i] = atol(line + strlen(series[i]));
    }
    http_answer_done(&answer);
    return (struct lag){.looks = counts[0], .late = counts[0] - counts[1]};
}

ON_BOTH_STORES(all_of_many_sessions_are_listed_while_players_go_on)
{
    static const char *const env[] = {"GATEWAY_RATE_LIMIT_CREATE=0", "GATEWAY_SESSION_TTL=3600",
                                      NULL};
    struct admin_fixture admin = admin_fixture_start(store, env);
    struct viewer viewer = {.client = http_client_new(gateway_process_player(admin.api.gateway))};
    char *seen = calloc(1, SESSIONS);
    char cursor[2048] = "";
    int count = 0, pages = 0;

    make_all(&admin.api);
    struct http_answer answer = admin_get(admin.client, "/admin/v1/sessions");
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 100);
    http_answer_done(&answer);

    viewer.session = api_admit(admin.api.client, "viewer", "100000000", NULL);
    struct lag before = read_lag(admin.client);
    pthread_create(&viewer.thread, NULL, watch, &viewer);
    do {
        answer = admin_get(admin.client, api_text("/admin/v1/sessions?limit=1000%s%s",
                                                  cursor[0] != '\0' ? "&cursor=" : "", cursor));
        count += mark(&answer, seen);
        snprintf(cursor, sizeof cursor, "%s", http_answer_text(&answer, "cursor"));
        http_answer_done(&answer);
        cr_assert_lt(pages++, SESSIONS / 100, "pages hold next to nothing");
    } while (cursor[0] != '\0');
    atomic_store(&viewer.over, true);
    pthread_join(viewer.thread, NULL);
    struct lag after = read_lag(admin.client);
    cr_expect_eq(count, SESSIONS, "%d on %d pages", count, pages);
    cr_expect_gt(viewer.beats, 0);
    cr_expect_eq(viewer.lost, 0, "%d of %d", viewer.lost, viewer.beats + viewer.lost);

    answer = admin_get(admin.client, api_text("/admin/v1/sessions?family=f%d", SESSIONS / 8));
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 4, "%s", answer.body);
    http_answer_done(&answer);
    answer = admin_get(admin.client, "/admin/v1/stats");
    cr_expect_eq(http_answer_number(&answer, "sessions.active"), SESSIONS + 1, "%s", answer.body);
    http_answer_done(&answer);
    print_times(&admin.api);
    fprintf(stderr, "meanwhile players' loops were late by more than 16 ms %ld times of %ld\n",
            after.late - before.late, after.looks - before.looks);
    free(seen);
    http_client_free(viewer.client);
    admin_fixture_stop(&admin);
}
