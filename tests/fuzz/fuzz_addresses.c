/* Addresses as settings may have them: to listen on, of Redis, of its nodes and their redirections. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fuzz_text.h"
#include "listen_address.h"
#include "redis_address.h"
#include "redis_slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is read again as the same from how it is written. */
static void read_listen(const char *text)
{
    struct listen_address address, again;
    char reason[128] = "", written[LISTEN_ADDRESS_TEXT];

    if (listen_address_parse(text, &address, reason, sizeof reason) != 0) {
        assert(reason[0] != '\0');
        return;
    }
    listen_address_text(&address, written);
    int rc = listen_address_parse(written, &again, reason, sizeof reason);
    assert(rc == 0 && again.len == address.len && again.kind == address.kind);
    assert(listen_address_port(&again) == listen_address_port(&address));
    assert(listen_address_is_loopback(&again) == listen_address_is_loopback(&address));
}

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void read_redis(const char *text)
{
    struct redis_address address, again;
    struct buf written = BUF_EMPTY;
    char reason[128] = "";

    if (redis_address_parse(text, &address, reason, sizeof reason) != 0) {
        assert(reason[0] != '\0');
        return;
    }
    redis_address_format(&address, &written);
    int rc = redis_address_parse(buf_text(&written), &again, reason, sizeof reason);
    assert(rc == 0 && same(again.host, address.host) && same(again.path, address.path));
    assert(same(again.user, address.user) && same(again.password, address.password));
    assert(again.port == address.port && again.db == address.db && again.tls == address.tls);
    redis_address_free(&again);
    redis_address_free(&address);
    buf_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct redis_node_address node;
    unsigned slot;

    read_listen(text);
    read_redis(text);
    if (redis_node_address_parse(text, &node) == 0)
        assert(node.host[0] != '\0' && node.port >= 1 && node.port <= 65535);
    if (redis_slots_parse_redirect(text, "MOVED", "asked", &slot, &node) == 0)
        assert(node.host[0] != '\0' && node.port >= 1 && node.port <= 65535 && slot < REDIS_SLOTS);
    assert(redis_slot_of_key(text, size) < REDIS_SLOTS);
    free(text);
    return 0;
}
