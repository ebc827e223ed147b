/* Which keys callers' JWTs may be signed with: what is taken from files, and what isn't. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "api_fixture.h"
#include "buf.h"
#include "certificates.h"
#include "file.h"
#include "jwt_issuer.h"
#include "jwt_trust.h"
#include "temp_dir.h"

static struct jwt_trust_options options = {.algorithm = -1};
static struct jwt_trust *trust;
static struct buf reason, warnings;

static void set_up(void)
{
    trust = jwt_trust_new(&options);
}

static void tear_down(void)
{
    jwt_trust_free(trust);
    buf_done(&reason);
    buf_done(&warnings);
}

TestSuite(jwt_trust, .init = set_up, .fini = tear_down, .timeout = 60);

static void accepts(const char *kid, const char *text)
{
    buf_clear(&reason);
    cr_expect_eq(jwt_trust_add(trust, kid, text, strlen(text), &reason, &warnings), 0, "%s",
                 buf_text(&reason));
}

static void refuses(const char *kid, const char *text, const char *why)
{
    buf_clear(&reason);
    cr_expect_eq(jwt_trust_add(trust, kid, text, strlen(text), &reason, &warnings), -1,
                 "accepted, which should say %s", why);
    cr_expect_not_null(strstr(buf_text(&reason), why), "\"%s\" doesn't say \"%s\"",
                       buf_text(&reason), why);
}

static void trust_only(int algorithm)
{
    options.algorithm = algorithm;
    jwt_trust_free(trust);
    trust = jwt_trust_new(&options);
}

static const char *set_of(const char *first, const char *second)
{
    return api_text("{\"keys\":[%s%s%s]}", first, second != NULL ? "," : "",
                    second != NULL ? second : "");
}

Test(jwt_trust, a_secret_has_at_least_32_bytes_and_one_newline_is_cut)
{
    refuses(NULL, "", "secret of 0 bytes");
    refuses(NULL, "0123456789abcdef0123456789abcde", "secret of 31 bytes: HS256 needs 32");
    refuses(NULL, "0123456789abcdef0123456789abcde\n", "secret of 31 bytes");
    accepts(NULL, "0123456789abcdef0123456789abcdef\n");
    cr_expect_eq(jwt_key_algorithm(jwt_trust_find(trust, JWT_HS256, NULL)), JWT_HS256);
    cr_expect_null(jwt_trust_find(trust, JWT_RS256, NULL));
}

Test(jwt_trust, a_private_key_is_refused_and_not_quoted)
{
    for (enum jwt_algorithm i = JWT_RS256; i < JWT_ALGORITHM_COUNT; i++) {
        struct jwt_issuer *issuer = jwt_issuer_new(i, NULL);

        refuses(NULL, jwt_issuer_private_key(issuer), "private key");
        cr_expect_lt(reason.len, 150);
        jwt_issuer_free(issuer);
    }
}

Test(jwt_trust, weak_and_foreign_keys_are_refused)
{
    struct jwt_issuer *rsa = jwt_issuer_new_rsa(1024);
    struct jwt_issuer *ec = jwt_issuer_new_ec("P-384");

    refuses(NULL, jwt_issuer_key(rsa), "RSA key of 1024 bits: RS256 needs 2048");
    refuses(NULL, set_of(jwt_issuer_jwk(rsa, NULL), NULL), "RSA key of 1024 bits");
    refuses(NULL, jwt_issuer_key(ec), "P-256");
    jwt_issuer_free(rsa);
    jwt_issuer_free(ec);
}

Test(jwt_trust, pem_that_holds_no_public_key_is_refused)
{
    refuses(NULL, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is PEM, but");
    refuses(NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is PEM, but");
    refuses(NULL, "-----BEGIN NOTHING-----\n", "is PEM, but");
}

Test(jwt_trust, a_certificate_is_taken_for_its_key)
{
    char *dir = temp_dir_make();
    struct buf text = BUF_EMPTY;

    certificates_make_ca(dir, "ca");
    char *path = temp_dir_path(dir, "ca.pem");
    cr_assert_eq(file_read(path, &text, &reason), 0);
    accepts("ca", text.data);
    cr_expect_not_null(jwt_trust_find(trust, JWT_ES256, "ca"));
    buf_done(&text);
    free(path);
    temp_dir_remove(dir);
}

Test(jwt_trust, what_libjwt_lacks_is_named)
{
    struct jwt_issuer *issuer = jwt_issuer_new(JWT_EDDSA, NULL);

    if (jwt_algorithm_is_there(JWT_EDDSA)) {
        accepts(NULL, jwt_issuer_key(issuer));
    } else {
        refuses(NULL, jwt_issuer_key(issuer), "is a key for EdDSA, which libjwt ");
        refuses(NULL, set_of(jwt_issuer_jwk(issuer, NULL), NULL), "no key that can be used");
        cr_expect_not_null(strstr(buf_text(&warnings), "key 1 is for EdDSA, which libjwt "), "%s",
                           buf_text(&warnings));
    }
    jwt_issuer_free(issuer);
}

Test(jwt_trust, only_keys_of_the_configured_algorithm_are_taken)
{
    struct jwt_issuer *rsa = jwt_issuer_new(JWT_RS256, "r"), *ec = jwt_issuer_new(JWT_ES256, "e");

    trust_only(JWT_ES256);
    refuses(NULL, jwt_issuer_key(rsa), "is a key for RS256, and auth.jwt.algorithm is ES256");
    refuses(NULL, "0123456789abcdef0123456789abcdef", "is a key for HS256, and");
    refuses(NULL, set_of(jwt_issuer_jwk(rsa, NULL), NULL), "no key that can be used");
    accepts(NULL, set_of(jwt_issuer_jwk(rsa, NULL), jwt_issuer_jwk(ec, NULL)));
    cr_expect_not_null(strstr(buf_text(&warnings), "key 1 is for RS256, and auth.jwt.algorithm is "
                                                   "ES256: left out\n"));
    cr_expect_eq(trust->key_count, 1);
    jwt_issuer_free(rsa);
    jwt_issuer_free(ec);
}

Test(jwt_trust, of_a_set_what_is_for_something_else_is_left_out_and_told)
{
    struct jwt_issuer *good = jwt_issuer_new(JWT_RS256, "good"),
                      *other = jwt_issuer_new(JWT_RS256, "o");
    static const struct {
        const char *more, *why;
    } cases[] = {
        {"\"use\":\"enc\"", "isn't for verifying"},
        {"\"key_ops\":[\"encrypt\"]", "isn't for verifying"},
        {"\"key_ops\":7", "isn't for verifying"},
        {"\"alg\":\"RS512\"", "alg is none of"},
        {"\"alg\":\"RSA-OAEP\"", "alg is none of"},
        {"\"alg\":\"none\"", "alg is none of"},
        {"\"alg\":7", "alg is none of"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        trust_only(-1);
        buf_clear(&warnings);
        accepts(NULL, set_of(jwt_issuer_jwk(other, cases[i].more),
                             jwt_issuer_jwk(good, "\"use\":\"sig\",\"alg\":\"RS256\","
                                                  "\"key_ops\":[\"verify\"]")));
        cr_expect_eq(trust->key_count, 1, "%s", cases[i].more);
        cr_expect_not_null(strstr(buf_text(&warnings), cases[i].why), "%s", buf_text(&warnings));
    }
    jwt_issuer_free(good);
    jwt_issuer_free(other);
}

Test(jwt_trust, a_jwk_that_is_not_what_it_says_is_refused)
{
    struct jwt_issuer *ec = jwt_issuer_new(JWT_ES256, NULL), *rsa = jwt_issuer_new(JWT_RS256, NULL);

    refuses(NULL, set_of(jwt_issuer_jwk(ec, "\"alg\":\"RS256\""), NULL), "key 1: alg RS256 isn't");
    refuses(NULL, set_of(jwt_issuer_jwk(rsa, "\"alg\":\"HS256\""), NULL), "key 1: alg HS256 isn't");
    refuses(NULL, set_of(jwt_issuer_jwk(rsa, "\"d\":\"AQAB\""), NULL), "private key (d)");
    refuses(NULL, set_of(jwt_issuer_jwk(ec, "\"kid\":7"), NULL), "kid must be");
    refuses(NULL, set_of(jwt_issuer_jwk(ec, "\"kid\":\"\""), NULL), "kid must be");
    refuses(NULL, api_json("{'kty':'RSA','n':'AQ','e':'AQAB'}"), "RSA key of 1 bits");
    refuses(NULL, api_json("{'kty':'RSA','n':'AQAB'}"), "e must be");
    refuses(NULL, api_json("{'kty':'RSA','n':'A+/=','e':'AQAB'}"), "n must be");
    refuses(NULL, api_json("{'kty':'EC','crv':'P-256','x':'AQAB','y':'AQAB'}"), "no point");
    refuses(NULL, api_json("{'kty':'EC','crv':'P-256','x':'%043d','y':'%043d'}", 0, 0), "no point");
    refuses(NULL, api_json("{'kty':'oct','k':'c2hvcnQ'}"), "secret of 5 bytes");
    refuses(NULL, api_json("{'kty':'oct','k':7}"), "k must be");
    refuses(NULL, api_json("{'kty':'EC','crv':'P-521'}"), "no key that can be used");
    refuses(NULL, api_json("{'kty':'none'}"), "no key that can be used");
    refuses(NULL, api_json("{'keys':[7]}"), "no key that can be used");
    refuses(NULL, api_json("{'keys':[]}"), "no key that can be used");
    refuses(NULL, api_json("{'keys':{}}"), "must be an array");
    refuses(NULL, "{\"keys\":[", "begins like JSON and isn't: line 1");
    refuses(NULL, "{\"keys\":[],\"keys\":[]}", "begins like JSON");
    cr_expect_eq(trust->key_count, 0);
    jwt_issuer_free(ec);
    jwt_issuer_free(rsa);
}

Test(jwt_trust, of_several_keys_of_an_algorithm_each_has_a_name_of_its_own)
{
    struct jwt_issuer *a = jwt_issuer_new(JWT_ES256, NULL), *b = jwt_issuer_new(JWT_ES256, NULL);
    struct jwt_issuer *named = jwt_issuer_new(JWT_ES256, "b"),
                      *rsa = jwt_issuer_new(JWT_RS256, "b");

    accepts(NULL, jwt_issuer_key(a));
    refuses(NULL, jwt_issuer_key(b), "second ES256 key without a kid");
    accepts("b", jwt_issuer_key(b));
    refuses("b", jwt_issuer_key(a), "second ES256 key of the kid b");
    refuses(NULL, set_of(jwt_issuer_jwk(named, NULL), NULL), "second ES256 key of the kid b");
    accepts(NULL, set_of(jwt_issuer_jwk(rsa, NULL), NULL));
    cr_expect_eq(trust->key_count, 3);
    refuses("b", set_of(jwt_issuer_jwk(named, NULL), NULL), "has its kids inside");
    jwt_issuer_free(a);
    jwt_issuer_free(b);
    jwt_issuer_free(named);
    jwt_issuer_free(rsa);
}

Test(jwt_trust, holds_64_keys_and_no_more)
{
    for (int i = 0; i < JWT_KEYS_MAX; i++)
        accepts(api_text("k%d", i), "0123456789abcdef0123456789abcdef");
    refuses("one-more", "0123456789abcdef0123456789abcdef", "more keys than the 64");
}
