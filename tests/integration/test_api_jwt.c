/* Callers who present a JWT: auth.mode jwt. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_life.h"
#include "jwt_issuer.h"
#include "temp_dir.h"

static char *dir, *key_file;
static struct jwt_issuer *issuer;

static void set_up(void)
{
    dir = temp_dir_make();
    issuer = jwt_issuer_new(JWT_ES256, "2026-11");
    key_file = temp_dir_write(dir, "issuer.pem", jwt_issuer_key(issuer));
}

static void tear_down(void)
{
    jwt_issuer_free(issuer);
    free(key_file);
    temp_dir_remove(dir);
}

TestSuite(embedded, .init = set_up, .fini = tear_down, .timeout = 60);
TestSuite(redis, .init = set_up, .fini = tear_down, .timeout = 60);
TestSuite(jwt, .init = set_up, .fini = tear_down, .timeout = 60);

/* A gateway that believes the issuer; more is a further setting, or NULL. */
static struct api_fixture start(enum api_store store, const char *more)
{
    const char *env[] = {"GATEWAY_AUTH_MODE=jwt",
                         api_text("GATEWAY_AUTH_JWT_KEYS=2026-11:%s", key_file),
                         "GATEWAY_AUTH_JWT_AUDIENCE=tv",
                         "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=app.family",
                         "GATEWAY_AUTH_JWT_CLAIMS_FAMILY_LIMIT=app.plan.family",
                         "GATEWAY_AUTH_JWT_CLAIMS_DEVICE_LIMIT=app.plan.device",
                         more,
                         NULL};

    return api_fixture_start(store, env);
}

/* A payload for this user of this family; more stands beside the family, or is "". */
static const char *payload(const char *user, const char *family, const char *more)
{
    return api_json("{'sub':'%s','aud':['tv'],'exp':%lld,'app':{'family':'%s'%s%s}}", user,
                    (long long)time(NULL) + 600, family, more[0] != '\0' ? "," : "", more);
}

static const char *bearer(const char *token)
{
    return api_text("Authorization: Bearer %s\r\n", token);
}

/* Header lines of somebody of this name, in a family. */
static const char *as(const char *user, const char *family)
{
    return bearer(jwt_issuer_sign(issuer, payload(user, family, "")));
}

static struct http_answer create(struct http_client *client, const char *headers, const char *body)
{
    return http_client_ask(client, "POST", "/v1/sessions", headers, api_json("%s", body));
}

static struct api_session admit(struct http_client *client, const char *headers)
{
    struct http_answer answer = create(client, headers, "{'deviceId':'d1','mediaId':'m1'}");

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    struct api_session session = api_session_of(&answer);
    http_answer_done(&answer);
    return session;
}

ON_BOTH_STORES(what_the_jwt_says_need_not_stand_in_the_body)
{
    struct api_fixture api = start(store, NULL);
    struct http_answer answer =
        create(api.client, as("ada", "lovelace"), "{'deviceId':'d1','mediaId':'m1'}");

    cr_assert_eq(answer.status, 201, "%s", answer.body);
    cr_expect_str_eq(http_answer_text(&answer, "userId"), "ada");
    cr_expect_str_eq(http_answer_text(&answer, "familyId"), "lovelace");
    cr_expect_str_eq(http_answer_text(&answer, "deviceId"), "d1");
    struct api_session session = api_session_of(&answer);
    http_answer_done(&answer);
    cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
    api_expect_allowed(api_watch(api.client, &session), &session, "m1");
    cr_expect_eq(api_status(api_call(api.client, "DELETE", &session, "")), 204);
    api_fixture_stop(&api);
}

Test(jwt, a_body_may_say_the_same_and_nothing_else)
{
    struct api_fixture api = start(API_EMBEDDED, "GATEWAY_AUTH_JWT_CLAIMS_DEVICE=app.device");
    static const struct {
        const char *body;
        int status;
        const char *detail;
    } cases[] = {
        {"{'mediaId':'m'}", 201, ""},
        {"{'mediaId':'m','userId':'ada','familyId':'lovelace','deviceId':'tv'}", 201, ""},
        {"{'mediaId':'m','userId':'eve'}", 403, "userId: the JWT says another"},
        {"{'mediaId':'m','familyId':'babbage'}", 403, "familyId: the JWT says another"},
        {"{'mediaId':'m','deviceId':'phone'}", 403, "deviceId: the JWT says another"},
        {"{'mediaId':'m','userId':''}", 400, "userId"},
        {"{'mediaId':'m','familyId':7}", 400, "familyId"},
        {"{'userId':'ada'}", 400, "mediaId"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *token =
            jwt_issuer_sign(issuer, payload("ada", "lovelace", "\"device\":\"tv\""));
        struct http_answer answer = create(api.client, bearer(token), cases[i].body);

        cr_expect_eq(answer.status, cases[i].status, "%s: %s", cases[i].body, answer.body);
        if (answer.status == 403)
            api_expect_problem(&answer, 403, "forbidden");
        api_expect_detail(&answer, cases[i].detail);
        http_answer_done(&answer);
    }
    api_fixture_stop(&api);
}

/* A create with these header lines is refused, and the detail has this text in it. */
static void refused(struct http_client *client, const char *headers, int status, const char *detail)
{
    struct http_answer answer = create(client, headers, "{'deviceId':'d1','mediaId':'m1'}");

    api_expect_problem(&answer, status, status == 401 ? "unauthorized" : "forbidden");
    api_expect_detail(&answer, detail);
    http_answer_done(&answer);
}

Test(jwt, a_create_needs_a_jwt_that_is_believed)
{
    struct api_fixture api = start(API_EMBEDDED, NULL);
    struct api_session session = admit(api.client, as("ada", "lovelace"));
    struct jwt_issuer *forger = jwt_issuer_new(JWT_ES256, "2026-11");

    refused(api.client, NULL, 401, "Bearer <JWT> is required");
    refused(api.client, "Authorization: Basic YTpi\r\n", 401, "is required");
    refused(api.client, bearer("secret"), 401, "no JWT");
    refused(api.client, bearer(session.token), 401, "a session's token");
    refused(api.client, api_token_header(session.token), 401, "is required");
    refused(api.client, bearer(jwt_issuer_sign(forger, payload("ada", "lovelace", ""))), 401,
            "signature");
    refused(api.client,
            bearer(jwt_unsigned("{\"alg\":\"none\"}", payload("ada", "lovelace", ""), "AAAA")), 401,
            "alg");
    refused(api.client,
            bearer(jwt_issuer_sign(issuer, api_json("{'sub':'a','aud':'tv','exp':%lld,"
                                                    "'app':{'family':'f'}}",
                                                    (long long)time(NULL) - 61))),
            401, "expired");
    refused(api.client,
            bearer(jwt_issuer_sign(issuer, api_json("{'sub':'a','exp':%lld,"
                                                    "'app':{'family':'f'}}",
                                                    (long long)time(NULL) + 600))),
            401, "audience");
    refused(api.client,
            bearer(jwt_issuer_sign(issuer, api_json("{'sub':'a','aud':'tv','exp':%lld}",
                                                    (long long)time(NULL) + 600))),
            403, "lacks the claim app.family");
    refused(api.client, bearer(api_text("%020000d", 0)), 401, "longer than 8192");
    jwt_issuer_free(forger);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(the_jwt_says_the_limits_and_the_body_does_not)
{
    struct api_fixture api = start(store, NULL);
    const char *plan = "\"plan\":{\"family\":1}";
    const char *token = bearer(jwt_issuer_sign(issuer, payload("ada", "lovelace", plan)));
    struct http_answer answer =
        create(api.client, token, "{'deviceId':'d1','mediaId':'m1','limits':{'family':7}}");

    cr_expect_eq(answer.status, 201, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.family.limit"), 1, "%s", answer.body);
    cr_expect_eq(http_answer_number(&answer, "usage.device.limit"), 2, "%s", answer.body);
    http_answer_done(&answer);
    answer = create(api.client, token, "{'deviceId':'d2','mediaId':'m1','limits':{'family':7}}");
    api_expect_problem(&answer, 409, "family_limit");
    cr_expect_eq(http_answer_number(&answer, "max"), 1, "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

Test(jwt, a_zap_needs_the_jwt_of_the_same_viewer)
{
    struct api_fixture api = start(API_EMBEDDED, NULL);
    struct api_session session = admit(api.client, as("ada", "lovelace"));
    static const struct {
        const char *user, *family;
        int status;
    } cases[] = {{"ada", "lovelace", 200}, {"eve", "lovelace", 403}, {"ada", "babbage", 403}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer answer = http_client_ask(
            api.client, "POST", api_text("/v1/sessions/%s/heartbeat", session.token),
            as(cases[i].user, cases[i].family), api_json("{'mediaId':'m%zu'}", i + 2));

        cr_expect_eq(answer.status, cases[i].status, "%s", answer.body);
        http_answer_done(&answer);
    }
    api_expect_refused(http_client_ask(api.client, "POST",
                                       api_text("/v1/sessions/%s/heartbeat", session.token), NULL,
                                       api_json("{'mediaId':'m9'}")),
                       401, "unauthorized");
    struct http_answer answer = api_call(api.client, "GET", &session, "");
    cr_expect_str_eq(http_answer_text(&answer, "mediaId"), "m2", "%s", answer.body);
    http_answer_done(&answer);
    api_fixture_stop(&api);
}

ON_BOTH_STORES(a_jwt_shows_and_stops_the_streams_of_its_own_family_alone)
{
    struct api_fixture api = start(store, NULL);
    struct api_session session = admit(api.client, as("ada", "lovelace"));
    char stop[128];

    snprintf(stop, sizeof stop, "/v1/families/lovelace/sessions/%s", session.id);
    struct http_answer answer = http_client_ask(api.client, "GET", "/v1/families/lovelace/sessions",
                                                as("byron", "lovelace"), NULL);

    cr_expect_eq(answer.status, 200, "%s", answer.body);
    cr_expect_eq(json_array_size(http_answer_member(&answer, "sessions")), 1, "%s", answer.body);
    http_answer_done(&answer);
    api_expect_refused(http_client_ask(api.client, "GET", "/v1/families/lovelace/sessions",
                                       as("eve", "babbage"), NULL),
                       403, "forbidden");
    api_expect_refused(http_client_ask(api.client, "DELETE", stop, as("eve", "babbage"), NULL), 403,
                       "forbidden");
    api_expect_refused(http_client_ask(api.client, "DELETE",
                                       api_text("/v1/families/babbage/sessions/%s", session.id),
                                       as("eve", "babbage"), NULL),
                       404, "not_found");
    api_expect_refused(
        http_client_ask(api.client, "GET", "/v1/families/lovelace/sessions", NULL, NULL), 401,
        "unauthorized");
    cr_expect_eq(api_status(api_call(api.client, "POST", &session, "/heartbeat")), 200);
    cr_expect_eq(
        api_status(http_client_ask(api.client, "DELETE", stop, as("byron", "lovelace"), NULL)),
        204);
    api_expect_ended(api_call(api.client, "POST", &session, "/heartbeat"), "stopped", NULL);
    cr_expect_eq(
        api_status(http_client_ask(api.client, "DELETE", stop, as("byron", "lovelace"), NULL)),
        204);
    api_fixture_stop(&api);
}

Test(jwt, a_players_own_jwt_does_not_shadow_the_token_of_a_segment)
{
    struct api_fixture api = start(API_EMBEDDED, NULL);
    struct api_session session = admit(api.client, as("ada", "lovelace"));

    api_expect_allowed(http_client_ask(api.client, "GET",
                                       api_text("/v1/authorize?stream_token=%s", session.token),
                                       as("ada", "lovelace"), NULL),
                       &session, "m1");
    api_fixture_stop(&api);
}

Test(jwt, the_access_log_names_the_key_and_has_nothing_of_the_jwt)
{
    struct api_fixture api = start(API_EMBEDDED, "GATEWAY_LOG_LEVEL=debug");
    const char *token = jwt_issuer_sign(issuer, payload("ada", "lovelace", ""));

    cr_expect_eq(api_status(create(api.client, bearer(token), "{'deviceId':'d','mediaId':'m'}")),
                 201);
    refused(api.client, bearer(api_text("%sx", token)), 401, "signature");
    gateway_process_wait_log(api.gateway, "caller=2026-11");
    char *log = gateway_process_log(api.gateway);
    for (size_t at = 0; at + 16 <= strlen(token); at += 16)
        cr_expect_null(memmem(log, strlen(log), token + at, 16), "%.16s is in %s", token + at, log);
    free(log);
    api_fixture_stop(&api);
}

Test(jwt, the_access_log_names_an_api_keys_caller)
{
    static const char *const env[] = {API_KEY_MODE, NULL};
    struct api_fixture api = api_fixture_start(API_EMBEDDED, env);

    api_admit_by_key(api.client, "f", "d", NULL);
    gateway_process_wait_log(api.gateway, "caller=backend");
    api_fixture_stop(&api);
}

/* ---- Starting ---- */

/* That a gateway with these settings ends with 2, and its log has both texts. */
static void ends_with_2(const char *const *env, const char *what, const char *why)
{
    struct gateway_process *gateway = gateway_process_spawn(env, NULL);
    int status = gateway_process_wait(gateway);
    char *log = gateway_process_log(gateway);

    cr_expect_eq(status, 2, "it ended with %d: %s", status, log);
    cr_expect_not_null(strstr(log, what), "%s isn't in: %s", what, log);
    cr_expect_not_null(strstr(log, why), "%s isn't in: %s", why, log);
    free(log);
    gateway_process_free(gateway);
}

Test(jwt, a_wrong_set_up_ends_with_2_and_is_named)
{
    char *private_file = temp_dir_write(dir, "private.pem", jwt_issuer_private_key(issuer));
    char *weak_file = temp_dir_write(dir, "weak", "hunter2\n");
    char *set_file = temp_dir_write(dir, "jwks.json", "{\"keys\":[{\"kty\":\"oct\"}]}");
    const char *family = "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=family";
    const char *good = api_text("GATEWAY_AUTH_JWT_KEYS=%s", key_file);
    const struct {
        const char *mode, *keys, *more, *what, *why;
    } cases[] = {
        {"GATEWAY_AUTH_MODE=jwt", "GATEWAY_AUTH_JWT_KEYS", family, "GATEWAY_AUTH_MODE",
         "at least one file in auth.jwt.keys"},
        {"GATEWAY_AUTH_MODE=jwt", good, "GATEWAY_AUTH_JWT_ISSUER=x", "GATEWAY_AUTH_MODE",
         "needs auth.jwt.claims.family"},
        {"GATEWAY_AUTH_MODE=open", good, family, "GATEWAY_AUTH_JWT_KEYS", "auth.mode must be jwt"},
        {"GATEWAY_AUTH_MODE=api_key", good, "GATEWAY_AUTH_API_KEYS=a:b", "GATEWAY_AUTH_JWT_KEYS",
         "auth.mode must be jwt"},
        {"GATEWAY_AUTH_MODE=jwt", good, "GATEWAY_AUTH_JWT_CLAIMS_FAMILY=/a~b",
         "GATEWAY_AUTH_JWT_CLAIMS_FAMILY", "JSON pointer"},
        {"GATEWAY_AUTH_MODE=jwt", "GATEWAY_AUTH_JWT_KEYS=/nowhere/key.pem", family,
         "auth.jwt.keys: /nowhere/key.pem", "No such file"},
        {"GATEWAY_AUTH_MODE=jwt", api_text("GATEWAY_AUTH_JWT_KEYS=%s", private_file), family,
         private_file, "private key"},
        {"GATEWAY_AUTH_MODE=jwt", api_text("GATEWAY_AUTH_JWT_KEYS=k:%s", weak_file), family,
         weak_file, "secret of 7 bytes: HS256 needs 32"},
        {"GATEWAY_AUTH_MODE=jwt", api_text("GATEWAY_AUTH_JWT_KEYS=%s", set_file), family, set_file,
         "key 1: k must be"},
        {"GATEWAY_AUTH_MODE=jwt", "GATEWAY_AUTH_JWT_KEYS=:/x", family, "auth.jwt.keys",
         "file or kid:file"},
        {"GATEWAY_AUTH_MODE=jwt", api_text("GATEWAY_AUTH_JWT_KEYS=%s,%s", key_file, key_file),
         family, key_file, "second ES256 key without a kid"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *env[] = {cases[i].mode, cases[i].keys, cases[i].more, NULL};

        ends_with_2(env, cases[i].what, cases[i].why);
    }
    const char *mismatch[] = {"GATEWAY_AUTH_MODE=jwt", good, family,
                              "GATEWAY_AUTH_JWT_ALGORITHM=RS256", NULL};
    ends_with_2(mismatch, key_file, "is a key for ES256, and auth.jwt.algorithm is RS256");
    free(private_file);
    free(weak_file);
    free(set_file);
}
