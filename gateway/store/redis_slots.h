/*
 * Slots of Redis Cluster: which slot a key is in, and which node serves a slot.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
#ifndef REDIS_SLOTS_H
#define REDIS_SLOTS_H

#include <stddef.h>

struct redisReply;

#define REDIS_SLOTS     16384
#define REDIS_NODE_HOST 256

/* Where a node of a cluster is. */
struct redis_node_address {
    char host[REDIS_NODE_HOST]; /* a name, or an address without brackets */
    int port;                   /* 1 to 65535 */
};

/* Consecutive slots that one master serves. */
struct redis_slot_range {
    unsigned first, last;             /* both included */
    struct redis_node_address master; /* who serves them */
};

/* The slot of a key: CRC16 (XMODEM) of its hash tag, where it has one, else of all of it. */
unsigned redis_slot_of_key(const char *key, size_t len);

/*
 * Reads the reply of CLUSTER SLOTS: *ret_ranges (to be freed) and their number. An unknown host (nil, "" or
 * "?") is that of the node that was asked. Returns 0; -1 where the reply isn't of that shape, has no range at
 * all, or memory runs out.
 */
int redis_slots_parse(const struct redisReply *reply, const char *asked_host,
                      struct redis_slot_range **ret_ranges, size_t *ret_count);

/*
 * Reads an error "MOVED <slot> <host>:<port>" or "ASK …" (the word given): host may be an IPv6 address
 * without brackets, or empty: that of the node that was asked. Returns 0; -1 where it is something else.
 */
int redis_slots_parse_redirect(const char *error, const char *word, const char *asked_host,
                               unsigned *ret_slot, struct redis_node_address *ret_node);

/* Reads "host:port", "[v6]:port"; a port is needed. Returns 0, or -1. */
int redis_node_address_parse(const char *text, struct redis_node_address *ret_node);

#endif
