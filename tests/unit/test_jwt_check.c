/* JWTs of callers: which are believed, and what is read from them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "api_fixture.h"
#include "buf.h"
#include "jwt_check.h"
#include "jwt_issuer.h"
#include "jwt_trust.h"

#define NOW_S  1800000000LL
#define NOW_MS (NOW_S * 1000)

static struct jwt_issuer *issuer;
static struct jwt_trust *trust;
static struct jwt_caller caller;
static char detail[JWT_DETAIL_MAX + 1];

static struct jwt_trust_options options = {
    .algorithm = -1,
    .claims = {[JWT_CLAIM_USER] = "sub", [JWT_CLAIM_FAMILY] = "family"},
};

static void add_key(const char *kid, const char *text)
{
    struct buf reason = BUF_EMPTY, warnings = BUF_EMPTY;

    cr_assert_eq(jwt_trust_add(trust, kid, text, strlen(text), &reason, &warnings), 0, "%s",
                 buf_text(&reason));
    buf_done(&reason);
    buf_done(&warnings);
}

static void set_up(void)
{
    issuer = jwt_issuer_new(JWT_HS256, NULL);
    trust = jwt_trust_new(&options);
    add_key(NULL, jwt_issuer_key(issuer));
}

static void tear_down(void)
{
    jwt_trust_free(trust);
    jwt_issuer_free(issuer);
}

TestSuite(jwt_check, .init = set_up, .fini = tear_down, .timeout = 60);

/* A trust with other options, which the test has changed. */
static void trust_anew(void)
{
    jwt_trust_free(trust);
    trust = jwt_trust_new(&options);
    add_key(NULL, jwt_issuer_key(issuer));
}

static enum err check_at(const char *token, int64_t now_ms)
{
    return jwt_check(trust, token, now_ms, &caller, detail);
}

/* A payload with what every one needs, and more members, with ' for ". */
static const char *payload(const char *more)
{
    return api_json("{'sub':'ada','family':'lovelace','exp':%lld%s%s}", NOW_S + 100,
                    more[0] != '\0' ? "," : "", more);
}

static void believes(const char *token)
{
    cr_expect_eq(check_at(token, NOW_MS), ERR_OK, "refused: %s", detail);
}

static void refuses(const char *token, const char *why)
{
    cr_expect_eq(check_at(token, NOW_MS), ERR_UNAUTHORIZED, "not refused, which should say %s",
                 why);
    cr_expect_not_null(strstr(detail, why), "\"%s\" doesn't say \"%s\"", detail, why);
}

static void refuses_payload(const char *text, const char *why)
{
    refuses(jwt_issuer_sign(issuer, api_json("%s", text)), why);
}

Test(jwt_check, believes_every_algorithm_of_this_libjwt_by_pem_or_secret_and_by_jwks)
{
    for (enum jwt_algorithm i = 0; i < JWT_ALGORITHM_COUNT; i++) {
        if (!jwt_algorithm_is_there(i))
            continue;
        struct jwt_issuer *other = jwt_issuer_new(i, NULL);
        const char *token = jwt_issuer_sign(other, payload(""));

        for (int by_jwks = 0; by_jwks < 2; by_jwks++) {
            jwt_trust_free(trust);
            trust = jwt_trust_new(&options);
            add_key(NULL, by_jwks ? api_text("{\"keys\":[%s]}", jwt_issuer_jwk(other, NULL))
                                  : jwt_issuer_key(other));
            cr_expect_eq(check_at(token, NOW_MS), ERR_OK, "%s: %s", jwt_algorithm_name(i), detail);
            cr_expect_str_eq(caller.user_id, "ada");
            cr_expect_str_eq(caller.family_id, "lovelace");
            cr_expect_str_eq(caller.device_id, "");
            cr_expect_eq(caller.family_limit, -1);
        }
        jwt_issuer_free(other);
    }
}

/* The same characters, with one that stands for other bits; never the last of a part, of which some don't count. */
static const char *with_changed(const char *token, size_t at)
{
    char *changed = (char *)api_text("%s", token);

    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    return changed;
}

Test(jwt_check, refuses_what_was_changed_anywhere)
{
    for (enum jwt_algorithm i = 0; i < JWT_ALGORITHM_COUNT; i++) {
        if (!jwt_algorithm_is_there(i))
            continue;
        struct jwt_issuer *other = jwt_issuer_new(i, "k");
        const char *token = jwt_issuer_sign(other, payload(""));
        size_t len = strlen(token);

        jwt_trust_free(trust);
        trust = jwt_trust_new(&options);
        add_key("k", jwt_issuer_key(other));
        believes(token);
        for (size_t at = 0; at < len; at += i == JWT_HS256 ? 1 : 7)
            if (token[at] != '.')
                cr_expect_eq(check_at(with_changed(token, at), NOW_MS), ERR_UNAUTHORIZED,
                             "%s with character %zu changed", jwt_algorithm_name(i), at);
        for (size_t cut = 1; cut < len; cut += 11)
            cr_expect_eq(check_at(api_text("%.*s", (int)(len - cut), token), NOW_MS),
                         ERR_UNAUTHORIZED, "%s cut by %zu", jwt_algorithm_name(i), cut);
        jwt_issuer_free(other);
    }
}

Test(jwt_check, refuses_what_another_has_signed)
{
    struct jwt_issuer *other = jwt_issuer_new(JWT_HS256, NULL);

    refuses(jwt_issuer_sign(other, payload("")), "signature");
    jwt_issuer_free(other);
}

Test(jwt_check, refuses_alg_none_in_every_spelling)
{
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "hs256", "HS256 "};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *header = api_json("{'alg':'%s'}", names[i]);
        const char *good = jwt_issuer_sign(issuer, payload(""));

        refuses(jwt_unsigned(header, payload(""), "AAAA"), "alg");
        refuses(jwt_unsigned(header, payload(""), strrchr(good, '.') + 1), "alg");
        refuses(jwt_issuer_sign_as(issuer, header, payload("")), "alg");
        refuses(jwt_unsigned(header, payload(""), ""), "no JWT");
    }
    refuses(jwt_issuer_sign_as(issuer, "{}", payload("")), "alg");
    refuses(jwt_issuer_sign_as(issuer, "{\"alg\":null}", payload("")), "alg");
    refuses(jwt_issuer_sign_as(issuer, "{\"alg\":[\"HS256\"]}", payload("")), "alg");
}

Test(jwt_check, refuses_a_public_key_that_was_used_as_a_secret)
{
    struct jwt_issuer *rsa = jwt_issuer_new(JWT_RS256, "k");
    const char *pem = jwt_issuer_key(rsa);
    struct jwt_issuer *hmac = jwt_issuer_new_secret(pem);

    jwt_trust_free(trust);
    trust = jwt_trust_new(&options);
    add_key("k", pem);
    believes(jwt_issuer_sign(rsa, payload("")));

    /* signed by HMAC with the PEM, as whoever has the public key can */
    refuses(jwt_issuer_sign_as(hmac, "{\"alg\":\"HS256\",\"kid\":\"k\"}", payload("")), "no key");
    refuses(jwt_issuer_sign_as(hmac, "{\"alg\":\"HS256\"}", payload("")), "no key");
    /* and what says RS256 but is no RSA signature */
    refuses(jwt_issuer_sign_as(hmac, "{\"alg\":\"RS256\",\"kid\":\"k\"}", payload("")),
            "signature");
    jwt_issuer_free(hmac);
    jwt_issuer_free(rsa);
}

Test(jwt_check, refuses_algorithms_that_are_none_of_ours)
{
    static const char *const names[] = {"HS384", "HS512", "RS384",  "RS512", "ES384",
                                        "ES512", "PS256", "ES256K", "dir",   "A128KW"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        refuses(jwt_issuer_sign_as(issuer, api_json("{'alg':'%s'}", names[i]), payload("")), "alg");
}

Test(jwt_check, takes_the_key_that_kid_names_and_no_other)
{
    struct jwt_issuer *old = jwt_issuer_new(JWT_ES256, "old"),
                      *new = jwt_issuer_new(JWT_ES256, "new");
    struct jwt_issuer *unknown = jwt_issuer_new(JWT_ES256, "unknown");

    jwt_trust_free(trust);
    trust = jwt_trust_new(&options);
    add_key("old", jwt_issuer_key(old));
    add_key("new", jwt_issuer_key(new));
    believes(jwt_issuer_sign(old, payload("")));
    cr_expect_str_eq(caller.key, "old");
    believes(jwt_issuer_sign(new, payload("")));
    cr_expect_str_eq(caller.key, "new");
    refuses(jwt_issuer_sign(unknown, payload("")), "no key");
    refuses(jwt_issuer_sign_as(old, "{\"alg\":\"ES256\",\"kid\":\"new\"}", payload("")),
            "signature");
    refuses(jwt_issuer_sign_as(old, "{\"alg\":\"ES256\"}", payload("")), "no key");
    refuses(jwt_issuer_sign_as(old, "{\"alg\":\"ES256\",\"kid\":1}", payload("")), "kid");
    refuses(jwt_issuer_sign_as(old, "{\"alg\":\"ES256\",\"kid\":\"\"}", payload("")), "no key");
    jwt_issuer_free(unknown);
    jwt_issuer_free(old);
    jwt_issuer_free(new);
}

Test(jwt_check, a_key_without_a_name_is_for_any_kid)
{
    believes(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\",\"kid\":\"2026-11\"}", payload("")));
    cr_expect_str_eq(caller.key, "");
}

Test(jwt_check, a_token_without_kid_is_for_the_only_key)
{
    jwt_trust_free(trust);
    trust = jwt_trust_new(&options);
    add_key("named", jwt_issuer_key(issuer));
    believes(jwt_issuer_sign(issuer, payload("")));
    cr_expect_str_eq(caller.key, "named");
}

Test(jwt_check, typ_is_jwt_where_it_stands)
{
    believes(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\"}", payload("")));
    believes(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\",\"typ\":\"jwt\"}", payload("")));
    refuses(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", payload("")),
            "typ");
}

Test(jwt_check, refuses_critical_extensions)
{
    refuses(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
                               payload("")),
            "crit");
}

/* ---- Times ---- */

static enum err check_times(const char *times, int64_t now_ms)
{
    return check_at(
        jwt_issuer_sign(issuer, api_json("{'sub':'ada','family':'lovelace',%s}", times)), now_ms);
}

Test(jwt_check, exp_passes_with_a_minutes_leeway_and_no_more)
{
    const char *exp = api_text("'exp':%lld", NOW_S);

    cr_expect_eq(check_times(exp, NOW_MS - 1), ERR_OK);
    cr_expect_eq(check_times(exp, NOW_MS + 59999), ERR_OK);
    cr_expect_eq(check_times(exp, NOW_MS + 60000), ERR_UNAUTHORIZED);
    cr_expect_not_null(strstr(detail, "expired"), "%s", detail);
}

Test(jwt_check, nbf_passes_with_a_minutes_leeway_and_no_more)
{
    const char *times = api_text("'exp':%lld,'nbf':%lld", NOW_S + 1000, NOW_S);

    cr_expect_eq(check_times(times, NOW_MS - 60000), ERR_OK);
    cr_expect_eq(check_times(times, NOW_MS - 60001), ERR_UNAUTHORIZED);
    cr_expect_not_null(strstr(detail, "nbf"), "%s", detail);
}

Test(jwt_check, times_may_have_fractions)
{
    const char *exp = api_text("'exp':%lld.5", NOW_S);

    cr_expect_eq(check_times(exp, NOW_MS + 60499), ERR_OK);
    cr_expect_eq(check_times(exp, NOW_MS + 60500), ERR_UNAUTHORIZED);
}

Test(jwt_check, exp_is_required_and_times_are_numbers)
{
    static const struct {
        const char *times, *why;
    } cases[] = {
        {"'x':1", "lacks the claim exp"},
        {"'exp':'1900000000'", "exp is no time"},
        {"'exp':null", "exp is no time"},
        {"'exp':true", "exp is no time"},
        {"'exp':[1900000000]", "exp is no time"},
        {"'exp':1e308", "exp is no time"},
        {"'exp':1e400", "payload"},
        {"'exp':-1", "expired"},
        {"'exp':0", "expired"},
        {"'exp':1900000000,'nbf':'0'", "nbf is no time"},
        {"'exp':1900000000,'nbf':null", "nbf is no time"},
        {"'exp':1900000000,'nbf':1e300", "isn't valid yet"},
        {"'exp':1900000000,'exp':1900000000", "payload"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(check_times(cases[i].times, NOW_MS), ERR_UNAUTHORIZED, "%s", cases[i].times);
        cr_expect_not_null(strstr(detail, cases[i].why), "%s: %s", cases[i].times, detail);
    }
}

/* ---- Issuer and audience ---- */

Test(jwt_check, the_issuer_must_be_the_one_that_is_believed)
{
    options.issuer = "https://id.test/";
    trust_anew();
    believes(jwt_issuer_sign(issuer, payload("'iss':'https://id.test/'")));
    refuses(jwt_issuer_sign(issuer, payload("'iss':'https://id.test'")), "iss");
    refuses(jwt_issuer_sign(issuer, payload("'iss':['https://id.test/']")), "iss");
    refuses(jwt_issuer_sign(issuer, payload("")), "iss");
}

Test(jwt_check, the_audience_may_be_one_of_several_on_both_sides)
{
    static char *const audience[] = {(char *)"tv", (char *)"web"};

    options.audience = audience;
    options.audience_count = 2;
    trust_anew();
    believes(jwt_issuer_sign(issuer, payload("'aud':'web'")));
    believes(jwt_issuer_sign(issuer, payload("'aud':['other','tv']")));
    refuses(jwt_issuer_sign(issuer, payload("'aud':'we'")), "aud");
    refuses(jwt_issuer_sign(issuer, payload("'aud':['other']")), "aud");
    refuses(jwt_issuer_sign(issuer, payload("'aud':[]")), "aud");
    refuses(jwt_issuer_sign(issuer, payload("'aud':[['web']]")), "aud");
    refuses(jwt_issuer_sign(issuer, payload("'aud':{'web':'web'}")), "aud");
    refuses(jwt_issuer_sign(issuer, payload("'aud':7")), "aud");
    refuses(jwt_issuer_sign(issuer, payload("")), "aud");
}

Test(jwt_check, what_is_not_configured_is_not_looked_at)
{
    believes(jwt_issuer_sign(issuer, payload("'iss':'anybody','aud':'anything'")));
}

/* ---- Claims ---- */

static void lacks(const char *text, const char *why)
{
    cr_expect_eq(check_at(jwt_issuer_sign(issuer, api_json("%s", text)), NOW_MS), ERR_FORBIDDEN,
                 "%s", text);
    cr_expect_not_null(strstr(detail, why), "%s: %s", text, detail);
}

Test(jwt_check, finds_what_hasura_nests)
{
    options.claims[JWT_CLAIM_USER] = "https://hasura.io/jwt/claims.x-hasura-user-id";
    options.claims[JWT_CLAIM_FAMILY] = "/https:~1~1hasura.io~1jwt~1claims/x-hasura-org-id";
    options.claims[JWT_CLAIM_DEVICE] = "app.device.id";
    trust_anew();
    believes(jwt_issuer_sign(
        issuer, api_json("{'exp':1900000000,'https://hasura.io/jwt/claims':{"
                         "'x-hasura-user-id':'ada','x-hasura-org-id':'lovelace',"
                         "'x-hasura-allowed-roles':['user']},'app':{'device':{'id':'tv'}}}")));
    cr_expect_str_eq(caller.user_id, "ada");
    cr_expect_str_eq(caller.family_id, "lovelace");
    cr_expect_str_eq(caller.device_id, "tv");
}

Test(jwt_check, a_claim_that_is_missing_or_ill_typed_is_forbidden_and_named)
{
    options.claims[JWT_CLAIM_FAMILY] = "app.family";
    trust_anew();
    lacks("{'exp':1900000000,'sub':'ada'}", "lacks the claim app.family");
    lacks("{'exp':1900000000,'sub':'ada','app':{'family':null}}", "app.family must be");
    lacks("{'exp':1900000000,'sub':'ada','app':'family'}", "lacks the claim app.family");
    lacks("{'exp':1900000000,'app':{'family':'f'}}", "lacks the claim sub");
    lacks("{'exp':1900000000,'sub':'','app':{'family':'f'}}", "sub must be");
    lacks("{'exp':1900000000,'sub':['ada'],'app':{'family':'f'}}", "sub must be");
    lacks("{'exp':1900000000,'sub':1.5,'app':{'family':'f'}}", "sub must be");
    lacks("{'exp':1900000000,'sub':'a\\nb','app':{'family':'f'}}", "sub must be");
    lacks("{'exp':1900000000,'sub':'\\u202e','app':{'family':'f'}}", "sub must be");
    lacks(api_text("{'exp':1900000000,'sub':'%0129d','app':{'family':'f'}}", 0), "sub must be");
}

Test(jwt_check, a_name_may_be_an_integer)
{
    believes(jwt_issuer_sign(issuer, api_json("{'exp':1900000000,'sub':42,'family':-7}")));
    cr_expect_str_eq(caller.user_id, "42");
    cr_expect_str_eq(caller.family_id, "-7");
}

Test(jwt_check, limits_are_integers_or_their_digits_and_may_be_missing)
{
    options.claims[JWT_CLAIM_FAMILY_LIMIT] = "plan.family";
    options.claims[JWT_CLAIM_DEVICE_LIMIT] = "plan.device";
    trust_anew();
    believes(jwt_issuer_sign(issuer, payload("'plan':{'family':4,'device':'1'}")));
    cr_expect_eq(caller.family_limit, 4);
    cr_expect_eq(caller.device_limit, 1);
    believes(jwt_issuer_sign(issuer, payload("'plan':{'family':0}")));
    cr_expect_eq(caller.family_limit, 0);
    cr_expect_eq(caller.device_limit, -1);
    believes(jwt_issuer_sign(issuer, payload("'plan':{'device':100000}")));

    static const char *const wrong[] = {"-1",     "100001", "1.5",       "true", "null",
                                        "'four'", "''",     "'1000000'", "'-1'", "[1]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        lacks(api_text("{'exp':1900000000,'sub':'a','family':'f','plan':{'family':%s}}", wrong[i]),
              "plan.family must be");
}

/* ---- Hostile shapes ---- */

Test(jwt_check, refuses_what_is_no_jwt)
{
    static const char *const texts[] = {"",     ".",    "..",   "...",     "a",        "a.b",
                                        "a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c.d.e"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuses(texts[i], "no JWT");
}

Test(jwt_check, refuses_what_is_spelled_otherwise)
{
    const char *token = jwt_issuer_sign(issuer, payload(""));

    believes(token);
    refuses(api_text("%s=", token), "signature");
    refuses(api_text("%s ", token), "signature");
    refuses(api_text(" %s", token), "header");
    refuses(api_text("=%s", token), "header");
    refuses(api_text("%s\n", token), "signature");
    refuses(jwt_issuer_sign_as(issuer, "[]", payload("")), "header");
    refuses(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", payload("")),
            "header");
    refuses(jwt_issuer_sign_as(issuer, "{\"alg\":\"HS256\"}x", payload("")), "header");
}

Test(jwt_check, refuses_payloads_that_are_no_object_or_say_a_thing_twice)
{
    refuses_payload("[]", "payload");
    refuses_payload("7", "payload");
    refuses_payload("{", "payload");
    refuses_payload("{'sub':'a','sub':'b','family':'f','exp':1900000000}", "payload");
    refuses_payload("{'sub':'a\\u0000b','family':'f','exp':1900000000}", "payload");
    refuses_payload("{'sub':'\xc0\xaf','family':'f','exp':1900000000}", "payload");
}

Test(jwt_check, a_token_of_8192_characters_is_read_and_a_longer_one_is_not)
{
    char filler[JWT_MAX];
    const char *token = "";
    size_t at = 5800;

    memset(filler, 'x', sizeof filler);
    for (; strlen(token) < JWT_MAX - 2; at++)
        token = jwt_issuer_sign(issuer, payload(api_text("'x':'%.*s'", (int)at, filler)));
    cr_expect_leq(strlen(token), JWT_MAX);
    believes(token);
    refuses(jwt_issuer_sign(issuer, payload(api_text("'x':'%.*s'", (int)at + 3, filler))),
            "longer");
}

Test(jwt_check, deep_json_is_refused_without_harm)
{
    char deep[6000];

    memset(deep, '[', 5900);
    deep[5900] = '\0';
    refuses(jwt_issuer_sign(issuer, deep), "payload");
    memset(deep, '[', 2500);
    memset(deep + 2500, ']', 2500);
    deep[5000] = '\0';
    refuses(jwt_issuer_sign(issuer, api_text("{\"sub\":%s}", deep)), "payload");
    refuses(jwt_issuer_sign_as(issuer, api_text("{\"alg\":%s}", deep), payload("")), "header");
}
