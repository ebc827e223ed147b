/* JWTs as anybody may send them, and claims as an issuer may make them; with the files that keys are read from. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "jwt_check.h"
#include "jwt_path.h"
#include "jwt_trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct jwt_trust_options options = {
    .algorithm = -1,
    .claims = {[JWT_CLAIM_USER] = "sub", [JWT_CLAIM_FAMILY] = "app.family"},
};

/* Nobody signs without the key: whatever is believed has been forged. */
static void check_token(const char *text)
{
    static struct jwt_trust *trust;
    struct jwt_caller caller;
    char detail[JWT_DETAIL_MAX + 1];
    struct buf reason = BUF_EMPTY, warnings = BUF_EMPTY;

    if (trust == NULL) {
        static const char secret[] = "0123456789abcdef0123456789abcdef";

        trust = jwt_trust_new(&options);
        assert(trust != NULL);
        int rc = jwt_trust_add(trust, "k", secret, strlen(secret), &reason, &warnings);
        assert(rc == 0);
        buf_done(&reason);
        buf_done(&warnings);
    }
    enum err err = jwt_check(trust, text, 0, &caller, detail);
    assert(err == ERR_UNAUTHORIZED && detail[0] != '\0');
}

static void read_keys(const char *text, size_t len)
{
    struct jwt_trust *trust = jwt_trust_new(&options);
    struct buf reason = BUF_EMPTY, warnings = BUF_EMPTY;

    assert(trust != NULL);
    if (jwt_trust_add(trust, NULL, text, len, &reason, &warnings) != 0)
        assert(reason.len > 0);
    else
        assert(trust->key_count > 0);
    buf_done(&reason);
    buf_done(&warnings);
    jwt_trust_free(trust);
}

/* The first line is a path, the rest what it is looked for in. */
static void find(char *text, size_t len)
{
    char *end = memchr(text, '\n', len);

    if (end == NULL)
        return;
    *end = '\0';
    json_t *claims =
        json_loadb(end + 1, len - (size_t)(end + 1 - text), JSON_REJECT_DUPLICATES, NULL);
    if (jwt_path_fault(text) == NULL && json_is_object(claims))
        jwt_path_find(claims, text);
    json_decref(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_token(text);
    read_keys(text, size);
    find(text, size);
    free(text);
    return 0;
}
