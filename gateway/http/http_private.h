/* What the files of this folder share, and nobody else includes. */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "buf.h"
#include "http_deadline.h"
#include "http_linger.h"
#include "http_request.h"
#include "http_router.h"
#include "http_server.h"
#include "listening.h"
#include "loop.h"

enum {
    HTTP_ID_MAX = 64,      /* characters of a request's id */
    HTTP_SESSION_MAX = 31, /* characters of a session's id in the access log */
    HTTP_CALLER_MAX = 63,  /* bytes of a caller's name there */
    HTTP_NAME_MAX = 31,    /* characters of the longest name of a header that is looked for */
    HTTP_DATE_LEN = 29,    /* characters of a Date */
    HTTP_ADDED_MAX = 12,   /* headers of one answer alone */
    HTTP_SPARE_KINDS = 16  /* lists of answers to be used again, by what they are */
};

/* Headers for one answer alone. */
struct http_added {
    struct buf values; /* with a NUL behind each */
    size_t count;      /* of fields */
    bool failed;       /* one didn't fit: the answer must not be sent */
    struct {
        const char *name; /* a literal */
        size_t at, len;   /* of its value, in values */
    } fields[HTTP_ADDED_MAX];
};

/* Who has connected. */
struct http_peer {
    struct net_address client;   /* its address, as clients are counted; none: a unix socket's */
    char name[HTTP_CLIENT_SIZE]; /* the same, as http_request_client writes it */
    bool is_trusted;             /* it may name the client */
    bool is_counted;             /* in the server's options.addresses */
};

struct http_server {
    struct loop *loop;                 /* turns it */
    struct http_options options;       /* as given */
    struct http_router *router;        /* options.routes */
    struct MHD_Daemon *daemon;         /* libmicrohttpd's part */
    struct http_tls *tls;              /* what it shows in handshakes; NULL: without TLS */
    struct listening listening;        /* where options.listen_fd is one */
    atomic_uint own_connections;       /* where the limit is this server's alone */
    uv_poll_t poll;                    /* watches the daemon's epoll descriptor */
    uv_idle_t again;                   /* active while the daemon wants to run without waiting */
    struct loop_task turn;             /* runs the daemon, after answers to sleeping connections */
    struct http_deadlines deadlines;   /* of all connections */
    struct http_lingers lingers;       /* what is left of closed connections */
    TAILQ_HEAD(, http_stream) streams; /* answers that go on */
    struct http_request *spare;        /* requests to be used again */
    unsigned spare_count;              /* of them */
    struct http_response *spare_answers[HTTP_SPARE_KINDS]; /* answers to be used again */
    unsigned spare_answer_count;                           /* of them */
    size_t body_bytes;                 /* of all bodies that are kept at the moment */
    struct http_response *no_memory;   /* the answer where there is no memory for another one */
    uint32_t named[HTTP_NAME_MAX + 1]; /* by length of a name: bits of headers with such a one */
    uint64_t next_id;                  /* of the next request that brings none */
    uint64_t turn_ns;                  /* when the daemon's last run began, by uv_hrtime */
    time_t date_s;                     /* the same, by the wall clock */
    char date[HTTP_DATE_LEN + 1];      /* date_s as a Date header has it */
    size_t busy;                       /* requests between their head and the end of their answer */
    size_t waiting;          /* of these, requests that sleep until their handler answers */
    struct http_peer coming; /* whose connection libmicrohttpd is just given */
    bool placed;             /* libmicrohttpd has told of the connection that it was just given */
    bool expects_complaint;  /* libmicrohttpd's next complaint is about what was meant */
    bool quiesced;           /* the listening socket is closed */
    bool is_over;            /* handlers may not be called any more: what they use is gone */
    unsigned closing;        /* handles of the loop whose end is still to come */
    void (*on_stopped)(void *arg); /* http_server_stop's */
    void *on_stopped_arg;          /* the same */
};

/* A connection, from its accept to its end. */
struct http_connection {
    struct http_deadline deadline; /* by when it must get on */
    struct http_peer peer;         /* who */
    struct http_request *request;  /* under way, or NULL */
    bool unread;                   /* the body of its last request was not read */
};

enum http_phase {
    HTTP_PHASE_HEAD,     /* its request line is here */
    HTTP_PHASE_BODY,     /* its head is here and was checked */
    HTTP_PHASE_HANDLING, /* its handler runs */
    HTTP_PHASE_WAITING,  /* its handler will answer later: the connection is suspended */
    HTTP_PHASE_ANSWERED, /* its answer is being sent */
    HTTP_PHASE_CUT       /* it was answered in mid-body: what comes is thrown away */
};

struct http_request {
    struct http_server *server;             /* whose it is */
    struct MHD_Connection *connection;      /* where it came */
    struct http_connection *client;         /* the same, our part */
    struct http_request *next;              /* in the list of spare ones */
    enum http_phase phase;                  /* how far it is */
    const char *method;                     /* libmicrohttpd's memory, as are the headers */
    const char *target;                     /* path and query, in raw_target */
    const char *headers[HTTP_HEADER_COUNT]; /* those that were sent; NULL for the others */
    uint32_t repeated;                      /* bits, by header: it came more than once */
    char id[HTTP_ID_MAX + 1];               /* for X-Request-Id */
    char session_id[HTTP_SESSION_MAX + 1];  /* as noted by the handler */
    char caller[HTTP_CALLER_MAX + 1];       /* the same */
    uint64_t started_ns;            /* when the daemon's run began in which its head came; or 0 */
    bool is_headless;               /* libmicrohttpd may have forgotten its head */
    bool has_body;                  /* a body follows the head */
    bool must_close;                /* the connection can't be trusted any more */
    bool counted;                   /* in the server's busy */
    bool has_slept;                 /* its connection was suspended */
    uint64_t content_length;        /* what Content-Length says; 0 where it is absent */
    uint64_t body_seen;             /* bytes of the body so far */
    enum err code;                  /* how it ended; ERR_OK where it isn't a problem */
    struct http_response *response; /* the answer, once decided */
    struct http_response *sent;     /* the answer on its way, where it is to be used again */
    struct http_stream *stream;     /* its body, where it goes on; or NULL */
    struct http_match
        match; /* its route; from here on: what has memory that is kept for the next request */
    struct buf raw_target;   /* the target as it stood in the request line */
    struct buf body;         /* the body, where its route reads one */
    struct http_added added; /* headers for this answer alone */
};

/* ---- http_request.c ---- */

/* A request that has just begun; NULL where memory runs out. */
struct http_request *http_request_new(struct http_server *server);

/* Keeps it, or frees it where it has grown large. */
void http_request_release(struct http_request *req);

/* Frees it and all that are spare. */
void http_request_free_spare(struct http_server *server);

/* Fills the server's `named`. */
void http_request_index_names(struct http_server *server);

/* Takes the method and the headers in, and gives it its id. Returns what is wrong with it, or NULL.
 */
const char *http_request_read_head(struct http_request *req, const char *method,
                                   const char *version);

/* Gives it an id of its own. */
void http_request_make_id(struct http_request *req);

/* ---- http_peer.c ---- */

/* Who is at the other end of a socket, whose accept said from; NULL: it is a unix socket. Not yet counted. */
struct http_peer http_peer_of(const struct http_server *server, int fd,
                              const struct sockaddr *from);

/* Counts its connection, where it is one that is counted. false: it has as many as it may. */
bool http_peer_enter(const struct http_server *server, struct http_peer *peer);

/* Its connection is closed. */
void http_peer_leave(const struct http_server *server, struct http_peer *peer);

/* ---- http_exchange.c: what libmicrohttpd calls ---- */

void *http_exchange_begin(void *server, const char *target, struct MHD_Connection *connection);

/* Tells the access log of a connection that there was no room for. */
void http_exchange_report_refused(struct http_server *server, const struct http_peer *peer);

enum MHD_Result http_exchange_advance(void *server, struct MHD_Connection *connection,
                                      const char *target, const char *method, const char *version,
                                      const char *data, size_t *size, void **request);

/* Lets go of a request whose connection is gone, and whose end libmicrohttpd didn't tell of. */
void http_exchange_abandon(struct http_request *req);

void http_exchange_end(void *server, struct MHD_Connection *connection, void **request,
                       enum MHD_RequestTerminationCode why);

/* ---- http_response.c ---- */

int http_response_status(const struct http_response *response);

/*
 * A guarded response with a copy of a JSON body: one that was given back, if there is one of this status and length.
 * NULL where memory runs out.
 */
struct http_response *http_response_take_json(struct http_server *server, int status,
                                              const void *body, size_t len);

/* Gives back an answer that was sent, and keeps some hundred of them; accepts NULL. */
void http_response_give_back(struct http_server *server, struct http_response *response);

/* Frees all that were given back. */
void http_response_free_spare(struct http_server *server);

/*
 * Queues a response to a request, with the headers for this once (its `added`), from within http_exchange_advance.
 * The reference is given back, or for one that is to be used again becomes the request's `sent`. Returns what libmicrohttpd
 * is to be told.
 */
enum MHD_Result http_response_queue(struct http_response *response, struct http_request *req);

/*
 * A 200 whose body is what a libmicrohttpd reader gives, and that no cache keeps. One reference belongs to the
 * caller. NULL where memory runs out.
 */
struct http_response *http_response_new_stream(const char *content_type,
                                               MHD_ContentReaderCallback reader, void *arg);

/* ---- http_stream.c ---- */

/* Lets go of a stream whose request is over. */
void http_stream_over(struct http_stream *stream);

/* Ends all of a server's streams: none sleeps after the daemon's next run. */
void http_streams_end(struct http_server *server);

/* ---- http_problem.c ---- */

/* Appends the JSON of a problem, as http_problem_response says. */
void http_problem_body(struct buf *buf, enum err code, const char *detail, const char *extra);

#endif
