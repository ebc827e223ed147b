/* The gateway over the embedded store, kept in a file: stops, kills, full disks and broken files. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <pthread.h>

#include "api_fixture.h"
#include "temp_dir.h"

static char *dir;

static void start(void)
{
    dir = temp_dir_make();
}

static void stop(void)
{
    temp_dir_remove(dir);
}

TestSuite(process_snapshot, .init = start, .fini = stop, .timeout = 120);

/* A gateway that is kept in this test's file; called again, the same one started anew. */
static struct api_fixture start_kept_with(const char *further, const char *level)
{
    const char *env[] = {api_text("GATEWAY_STATE_DIR=%s/state", dir),
                         api_text("GATEWAY_MEMORY_SNAPSHOT=%s/snapshot", dir),
                         "GATEWAY_MEMORY_SNAPSHOT_INTERVAL=1",
                         "GATEWAY_LIMITS_FAMILY=3",
                         "GATEWAY_LIMITS_DEVICE=0",
                         "GATEWAY_RATE_LIMIT_CREATE=0",
                         level,
                         further,
                         NULL};

    return api_fixture_start(API_EMBEDDED, env);
}

static struct api_fixture start_kept(void)
{
    return start_kept_with(NULL, "GATEWAY_LOG_LEVEL=debug");
}

/* The same under load: what it logs of itself would be too much. */
static struct api_fixture start_loaded(void)
{
    return start_kept_with("GATEWAY_LIMITS_EVICT_COOLDOWN=0", "GATEWAY_LOG_LEVEL=info");
}

/* As a machine does whose power is cut. */
static void cut_off(struct api_fixture *api)
{
    gateway_process_signal(api->gateway, SIGKILL);
    gateway_process_wait(api->gateway);
    gateway_process_free(api->gateway);
    http_client_free(api->client);
}

/* Begins to watch the test's directory for files that are made, or get a name (inotify). */
static int watch_dir(void)
{
    int watch = inotify_init1(IN_CLOEXEC);

    cr_assert_geq(inotify_add_watch(watch, dir, IN_CREATE | IN_MOVED_TO), 0);
    return watch;
}

/* Waits until that has happened so many times to this one. */
static void wait_for(int watch, const char *name, int times)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    while (times > 0) {
        ssize_t len = read(watch, events, sizeof events);

        cr_assert_gt(len, 0);
        for (char *at = events; at < events + len;) {
            const struct inotify_event *event = (const struct inotify_event *)at;

            times -= event->len > 0 && strcmp(event->name, name) == 0;
            at += sizeof *event + event->len;
        }
    }
}

static int count_in(const char *text, const char *word)
{
    int count = 0;

    while ((text = strstr(text, word)) != NULL) {
        count++;
        text += strlen(word);
    }
    return count;
}

Test(process_snapshot, a_stop_loses_nothing)
{
    struct api_fixture api = start_kept();
    struct api_session kept = api_admit(api.client, "f1", "d1", NULL);
    struct api_session stopped = api_admit(api.client, "f1", "d2", NULL);

    api_admit(api.client, "f1", "d3", NULL);
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &stopped, "")), 204);
    api_admit(api.client, "f1", "d4", NULL);
    api_fixture_stop(&api);

    api = start_kept();
    cr_expect_eq(api_status(api_call(api.client, "GET", &kept, "")), 200);
    api_expect_refused(api_create(api.client, "f1", "d5", NULL), 409, "family_limit");
    struct http_answer answer = api_call(api.client, "POST", &stopped, "/heartbeat");
    cr_expect_eq(answer.status, 410);
    cr_expect_str_eq(http_answer_text(&answer, "reason"), "stopped");
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(process_snapshot, a_kill_loses_what_came_after_the_last_snapshot_alone)
{
    struct api_fixture api = start_kept();
    struct api_session kept = api_admit(api.client, "f1", "d1", NULL);

    gateway_process_wait_log(api.gateway, "sessions=1 ");
    cut_off(&api);

    api = start_kept();
    cr_expect_eq(api_status(api_call(api.client, "GET", &kept, "")), 200);
    api_admit(api.client, "f1", "d2", NULL);
    gateway_process_wait_log(api.gateway, "sessions=2 ");
    cut_off(&api);

    api = start_kept();
    api_admit(api.client, "f1", "d3", NULL);
    api_expect_refused(api_create(api.client, "f1", "d4", NULL), 409, "family_limit");
    api_fixture_stop(&api);
}

/* ---- Under load ---- */

enum { ADMITTED_MAX = 50000 };

struct load {
    const char *address;          /* of the gateway */
    const char *more;             /* members of each create */
    unsigned families;            /* that sessions are spread over */
    struct api_session *admitted; /* those that were */
    atomic_size_t count;          /* of them */
};

/* Creates until nobody answers any more. */
static void *create_on(void *arg)
{
    struct load *load = arg;
    struct http_client *client = http_client_new(load->address);
    int status = 201;
    char body[256];

    for (unsigned i = 0; status == 201 && i < ADMITTED_MAX; i++) {
        snprintf(body, sizeof body,
                 "{\"userId\":\"u\",\"familyId\":\"f%u\",\"deviceId\":\"d\",\"mediaId\":\"m\"%s}",
                 i % load->families, load->more);
        struct http_answer answer = http_client_ask(client, "POST", "/v1/sessions", NULL, body);
        status = answer.status;
        if (status == 201) {
            struct api_session *session = &load->admitted[i];
            snprintf(session->id, sizeof session->id, "%s", http_answer_text(&answer, "sessionId"));
            snprintf(session->token, sizeof session->token, "%s",
                     http_answer_text(&answer, "token"));
            atomic_store(&load->count, i + 1);
        }
        http_answer_done(&answer);
    }
    http_client_free(client);
    return NULL;
}

/* Lets a client create until a snapshot has been written meanwhile, then sends this signal. */
static size_t create_until(struct api_fixture *api, struct load *load, int signal)
{
    pthread_t thread;
    int watch = watch_dir();

    load->address = gateway_process_player(api->gateway);
    load->admitted = calloc(ADMITTED_MAX, sizeof *load->admitted);
    cr_assert_eq(pthread_create(&thread, NULL, create_on, load), 0);
    wait_for(watch, "snapshot", 1);
    close(watch);
    gateway_process_signal(api->gateway, signal);
    gateway_process_wait(api->gateway);
    pthread_join(thread, NULL);
    gateway_process_free(api->gateway);
    http_client_free(api->client);
    return atomic_load(&load->count);
}

Test(process_snapshot, a_stop_under_load_keeps_all_who_were_admitted)
{
    struct load load = {.families = ADMITTED_MAX, .more = ""};
    struct api_fixture api = start_loaded();
    size_t count = create_until(&api, &load, SIGTERM), lost = 0;

    api = start_loaded();
    for (size_t i = 0; i < count; i++)
        lost += api_status(api_call(api.client, "GET", &load.admitted[i], "")) != 200;
    cr_expect_eq(lost, 0, "%zu of %zu", lost, count);
    printf("a stop under load: %zu sessions admitted, %zu lost\n", count, lost);
    free(load.admitted);
    api_fixture_stop(&api);
}

Test(process_snapshot, after_a_kill_under_load_limits_hold)
{
    struct load load = {.families = 7, .more = ",\"onLimit\":\"evict_oldest\""};
    struct api_fixture api = start_loaded();
    size_t count = create_until(&api, &load, SIGKILL), alive = 0;

    api = start_loaded();
    /* Whoever was admitted last asks first: those who are back by the snapshot leave them no room. */
    for (size_t i = count; i-- > 0;)
        api_status(api_call(api.client, "POST", &load.admitted[i], "/heartbeat"));
    for (size_t i = 0; i < count; i++)
        alive += api_status(api_call(api.client, "GET", &load.admitted[i], "")) == 200;
    cr_expect_leq(alive, 7 * 3, "%zu of %zu", alive, count);
    cr_expect_gt(alive, 0);
    printf("a kill under load: %zu sessions admitted, %zu live after it, of %d\n", count, alive,
           7 * 3);
    free(load.admitted);
    api_fixture_stop(&api);
}

/* ---- A disk that is full ---- */

/* What the disk has room for: more than the log has, less than the sessions. */
enum { FULL_BYTES = 150000, FULL_SESSIONS = 400 };

static void set_file_limit(struct api_fixture *api, rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    cr_assert_eq(prlimit(gateway_process_pid(api->gateway), RLIMIT_FSIZE, &limit, NULL), 0);
}

Test(process_snapshot, a_full_disk_is_told_of_once_and_the_service_goes_on)
{
    struct api_fixture api = start_kept();
    int watch = watch_dir();
    char *path = temp_dir_path(dir, "snapshot");
    wait_for(watch, "snapshot", 1);
    set_file_limit(&api, FULL_BYTES);
    for (int i = 0; i < FULL_SESSIONS; i++)
        api_admit(api.client, api_text("f%d", i), "d1",
                  api_json("'mediaTitle':'%0128d','platform':'%0128d'", i, i));
    gateway_process_wait_log(api.gateway, "snapshot not written");
    wait_for(watch, "snapshot.tmp", 4);
    struct api_session late = api_admit(api.client, "late", "d1", NULL);
    cr_expect_eq(access(path, F_OK), 0, "the last one that fitted is still there");
    char *log = gateway_process_log(api.gateway);
    cr_expect_eq(count_in(log, "snapshot not written"), 1, "%s", log);
    free(log);

    set_file_limit(&api, RLIM_INFINITY);
    gateway_process_wait_log(api.gateway, "snapshots are written again");
    close(watch);
    watch = watch_dir();
    wait_for(watch, "snapshot", 2); /* the second one was begun after the last create */
    cut_off(&api);
    api = start_kept();
    cr_expect_eq(api_status(api_call(api.client, "GET", &late, "")), 200);
    api_fixture_stop(&api);
    close(watch);
    free(path);
}

/* ---- What can't be used ---- */

static void expect_refusal(const char *snapshot, const char *text)
{
    const char *env[] = {api_text("GATEWAY_MEMORY_SNAPSHOT=%s", snapshot), NULL};
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    int status = gateway_process_wait(gateway);
    char *log = gateway_process_log(gateway);

    cr_expect_eq(status, 2, "it ended with %d: %s", status, log);
    cr_expect_not_null(strstr(log, text), "%s isn't in: %s", text, log);
    cr_expect_not_null(strstr(log, snapshot), "%s isn't in: %s", snapshot, log);
    free(log);
    gateway_process_free(gateway);
}

Test(process_snapshot, a_broken_file_ends_it_with_2_and_stays_as_it_is)
{
    static const char broken[] = "sgwsnap\n\1";
    char *path = temp_dir_write(dir, "snapshot", broken);
    char found[64] = "";

    expect_refusal(path, "is no snapshot of stream-gateway's");
    FILE *file = fopen(path, "r");
    cr_expect_eq(fread(found, 1, sizeof found, file), strlen(broken));
    cr_expect_str_eq(found, broken);
    fclose(file);
    free(path);
}

Test(process_snapshot, a_directory_that_is_not_there_ends_it_with_2)
{
    expect_refusal(api_text("%s/nowhere/snapshot", dir), "No such file or directory");
}

Test(process_snapshot, with_redis_the_file_is_not_used_which_is_a_warning)
{
    const char *env[] = {api_text("GATEWAY_MEMORY_SNAPSHOT=%s/snapshot", dir),
                         "REDIS_URL=redis://127.0.0.1:1", NULL};
    const char *args[] = {"--check", NULL};
    struct gateway_process *gateway = gateway_process_spawn(env, args);
    int status = gateway_process_wait(gateway);
    char *log = gateway_process_log(gateway);

    cr_expect_eq(status, 0, "%s", log);
    cr_expect_not_null(strstr(log, "MEMORY_SNAPSHOT: not used, since sessions live in Redis"), "%s",
                       log);
    free(log);
    gateway_process_free(gateway);
}
