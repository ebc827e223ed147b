/* Listeners that speak TLS. */
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "gateway_process.h"
#include "http_client.h"
#include "temp_dir.h"
#include "tls_client.h"

#define NAME "gateway.test"

static char *dir;
static char *ca, *certificate, *key, *other_key; /* their files */
static char env_certificate[512], env_key[512];  /* the settings that name them */

static void set_up(void)
{
    dir = temp_dir_make();
    certificates_make_ca(dir, "ca");
    certificates_make(dir, "gateway",
                      (struct certificate_options){.ca = "ca", .names = "DNS:" NAME});
    certificates_make(dir, "other", (struct certificate_options){.ca = "ca", .names = "DNS:" NAME});
    ca = temp_dir_path(dir, "ca.pem");
    certificate = temp_dir_path(dir, "gateway.pem");
    key = temp_dir_path(dir, "gateway.key");
    other_key = temp_dir_path(dir, "other.key");
    snprintf(env_certificate, sizeof env_certificate, "GATEWAY_PLAYER_TLS_CERT=%s", certificate);
    snprintf(env_key, sizeof env_key, "GATEWAY_PLAYER_TLS_KEY=%s", key);
}

static void tear_down(void)
{
    temp_dir_remove(dir);
    free(ca);
    free(certificate);
    free(key);
    free(other_key);
}

TestSuite(tls, .init = set_up, .fini = tear_down, .timeout = 120);

/* A gateway whose player listener has the certificate. */
static struct gateway_process *start(void)
{
    const char *const env[] = {env_certificate, env_key, NULL};
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);

    gateway_process_wait_listening(gateway);
    return gateway;
}

static struct tls_client *open_with(struct gateway_process *gateway, int least, int most)
{
    return tls_client_open(&(struct tls_client_options){.address = gateway_process_player(gateway),
                                                        .ca = ca,
                                                        .name = NAME,
                                                        .least = least,
                                                        .most = most});
}

static struct tls_client *open_client(struct gateway_process *gateway)
{
    struct tls_client *client = open_with(gateway, 0, 0);

    cr_assert_not_null(client, "no handshake");
    return client;
}

/* Asks /healthz over a connection that is there. */
static void expect_served(struct tls_client *client)
{
    cr_assert_eq(tls_client_send(client, "GET /healthz HTTP/1.1\r\nHost: " NAME "\r\n\r\n"), 0);
    cr_assert_not_null(strstr(tls_client_read(client, "}}"), "HTTP/1.1 200 "));
}

Test(tls, a_listener_serves_over_tls_on_connections_that_are_kept)
{
    static const char body[] =
        "{\"userId\":\"u\",\"familyId\":\"f\",\"deviceId\":\"d\",\"mediaId\":\"m\"}";
    struct gateway_process *gateway = start();
    struct tls_client *client = open_client(gateway);
    char create[512];

    expect_served(client);
    snprintf(create, sizeof create,
             "POST /v1/sessions HTTP/1.1\r\nHost: " NAME "\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             sizeof body - 1, body);
    cr_assert_eq(tls_client_send(client, create), 0);
    cr_assert_not_null(strstr(tls_client_read(client, "}}}"), "HTTP/1.1 201 "));
    expect_served(client);
    tls_client_close(client);
    gateway_process_stop(gateway);
}

Test(tls, no_version_before_1_2_is_spoken)
{
    struct gateway_process *gateway = start();
    struct tls_client *old = open_with(gateway, TLS1_2_VERSION, TLS1_2_VERSION);
    struct tls_client *new = open_with(gateway, TLS1_3_VERSION, TLS1_3_VERSION);

    cr_assert_not_null(old);
    cr_assert_not_null(new);
    cr_assert_null(open_with(gateway, TLS1_VERSION, TLS1_1_VERSION));
    tls_client_close(old);
    tls_client_close(new);
    gateway_process_stop(gateway);
}

Test(tls, who_speaks_without_tls_gets_no_answer_and_keeps_nobody_from_one)
{
    struct gateway_process *gateway = start();
    struct http_client *plain = http_client_new(gateway_process_player(gateway));
    struct http_answer answer = http_client_ask(plain, "GET", "/healthz", NULL, NULL);
    struct tls_client *client = open_client(gateway);

    cr_assert_eq(answer.status, 0);
    expect_served(client);
    http_answer_done(&answer);
    http_client_free(plain);
    tls_client_close(client);
    gateway_process_stop(gateway);
}

Test(tls, a_body_that_turns_out_too_large_ends_the_connection_and_no_other)
{
    static char chunk[8192 + 16];
    struct gateway_process *gateway = start();
    struct tls_client *client = open_client(gateway), *other = open_client(gateway);
    int len = snprintf(chunk, sizeof chunk, "2000\r\n");

    memset(chunk + len, 'a', 0x2000);
    strcpy(chunk + len + 0x2000, "\r\n");
    cr_assert_eq(tls_client_send(client, "POST /v1/sessions HTTP/1.1\r\nHost: " NAME "\r\n"
                                         "Content-Type: application/json\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n"),
                 0);
    for (int i = 0; i < 4 && tls_client_send(client, chunk) == 0; i++)
        ;
    cr_assert_str_empty(tls_client_read(client, "HTTP"));
    gateway_process_wait_log(gateway, "code=payload_too_large");
    expect_served(other);
    tls_client_close(client);
    tls_client_close(other);
    gateway_process_stop(gateway);
}

Test(tls, clients_that_never_finish_the_handshake_keep_nobody_waiting)
{
    enum { SILENT = 100 };
    struct gateway_process *gateway = start();
    struct http_client *silent[SILENT];

    for (int i = 0; i < SILENT; i++) {
        silent[i] = http_client_new(gateway_process_player(gateway));
        /* Half of a client's hello: a handshake record of 512 bytes, of which four come. */
        cr_assert(http_client_send(silent[i], "\x16\x03\x01\x02", "", NULL, NULL));
    }
    struct tls_client *client = open_client(gateway);
    expect_served(client);
    tls_client_close(client);
    for (int i = 0; i < SILENT; i++)
        http_client_free(silent[i]);
    gateway_process_stop(gateway);
}

/* That a gateway with these settings doesn't start, and says this. */
static void expect_refused(const char *const *env, const char *reason)
{
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    int status = gateway_process_wait(gateway);
    char *log = gateway_process_log(gateway);

    cr_assert_eq(status, 2, "%s", log);
    cr_assert_not_null(strstr(log, reason), "%s", log);
    free(log);
    gateway_process_free(gateway);
}

Test(tls, a_gateway_does_not_start_with_files_that_are_of_no_use)
{
    static char missing[512], wrong_key[512], no_certificate[512], expired[512], expired_key[512];

    snprintf(missing, sizeof missing, "GATEWAY_PLAYER_TLS_CERT=%s/nothing.pem", dir);
    expect_refused((const char *const[]){missing, NULL}, "player.tls.cert: ");
    expect_refused((const char *const[]){missing, NULL}, "nothing.pem: No such file");

    snprintf(wrong_key, sizeof wrong_key, "GATEWAY_PLAYER_TLS_KEY=%s", other_key);
    expect_refused((const char *const[]){env_certificate, wrong_key, NULL},
                   "the key isn't the certificate's");
    expect_refused((const char *const[]){env_certificate, NULL}, "the key can't be read");
    expect_refused((const char *const[]){env_key, NULL},
                   "GATEWAY_PLAYER_TLS_KEY: is of no use without player.tls.cert");

    snprintf(no_certificate, sizeof no_certificate, "GATEWAY_ADMIN_TLS_CERT=%s", key);
    expect_refused((const char *const[]){no_certificate, NULL}, "the certificate can't be read");

    certificates_make(dir, "old",
                      (struct certificate_options){.ca = "ca", .names = "DNS:a", .expired = true});
    snprintf(expired, sizeof expired, "GATEWAY_PLAYER_TLS_CERT=%s/old.pem", dir);
    snprintf(expired_key, sizeof expired_key, "GATEWAY_PLAYER_TLS_KEY=%s/old.key", dir);
    expect_refused((const char *const[]){expired, expired_key, NULL},
                   "the certificate's time is over");
}

static void copy_file(const char *from, const char *to)
{
    char command[1024];

    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    cr_assert_eq(system(command), 0);
}

Test(tls, a_renewed_certificate_is_shown_after_a_reload_and_no_connection_is_lost)
{
    struct gateway_process *gateway = start();
    struct tls_client *before = open_client(gateway), *after;
    char *old_serial = strdup(tls_client_serial(before));

    certificates_rename(dir, "other", "gateway");
    gateway_process_signal(gateway, SIGHUP);
    do { /* each thread takes it over in its own time */
        after = open_client(gateway);
        bool renewed = strcmp(tls_client_serial(after), old_serial) != 0;
        expect_served(after);
        tls_client_close(after);
        if (renewed)
            break;
    } while (true);
    expect_served(before);
    tls_client_close(before);
    free(old_serial);
    gateway_process_stop(gateway);
}

Test(tls, a_reload_of_a_file_that_is_of_no_use_changes_nothing)
{
    struct gateway_process *gateway = start();
    struct tls_client *before = open_client(gateway), *after;

    copy_file(other_key, key);
    gateway_process_signal(gateway, SIGHUP);
    gateway_process_wait_log(gateway, "the key isn't the certificate's");
    after = open_client(gateway);
    expect_served(after);
    cr_assert_str_eq(tls_client_serial(after), tls_client_serial(before));
    tls_client_close(before);
    tls_client_close(after);
    gateway_process_stop(gateway);
}
