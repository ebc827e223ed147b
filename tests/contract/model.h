/*
 * A store so plain that it is obviously right: arrays, looked through from one end to the other. It
 * answers requests as the contract and DESIGN.md section 3 say, for the property test to compare
 * with.
 *
 * It has no clock. What a store's clock has given to a session is learnt from the store's answers;
 * silence is told by steps of ageing that are far longer than the whole test.
 */
#ifndef MODEL_H
#define MODEL_H

#include "store.h"
#include "store_query.h"

enum {
    MODEL_FAMILIES = 5,
    MODEL_DEVICES = 8,
    MODEL_USERS = 3,
    MODEL_SESSIONS = 2000 /* that one model can remember */
};

/* What becomes of a stream when another asks for a place. */
enum model_fate { MODEL_STAYS, MODEL_GIVEN_UP, MODEL_DISPLACED, MODEL_EVICTED };

struct model_session {
    struct session session; /* as it stands, with its times */
    int family, device;     /* their numbers */
    bool lives;             /* has neither ended nor expired */
    bool counted[2];        /* in its family's set, in its device's: a ghost may be, too */
    bool has_end;           /* end is known */
    struct store_end end;   /* why it ended */
    unsigned born;          /* number of the request that began it */
    enum model_fate fate;   /* while a create is decided */
};

/* What an operator has said of a family or a device. */
struct model_word {
    bool blocked;      /* keeps new ones out */
    unsigned revoked;  /* number of the request that terminated all; 0: none */
    char message[257]; /* for the viewer */
};

struct model {
    struct store_options options;                  /* of the store */
    bool counts_ghosts;                            /* its counts may hold who has expired */
    struct model_session sessions[MODEL_SESSIONS]; /* all that ever were */
    size_t count;                                  /* of them */
    unsigned now;                                  /* number of the request */
    int64_t now_ms;                                /* about the store's wall clock */
    struct model_word families[MODEL_FAMILIES];
    struct model_word devices[MODEL_DEVICES];
    int32_t limits[MODEL_FAMILIES][2]; /* overrides for family and device; -1: none */
    unsigned creates[MODEL_USERS];     /* in this minute, which lasts as long as the model */
    bool evicted[MODEL_DEVICES];       /* cools down, as long as the model lives */
};

/* What a store must answer; as in struct store_req. */
struct model_answer {
    enum err err;
    struct store_usage usage;
    struct store_end end;
    bool ended;
    uint32_t ended_count;
    enum err would_deny;
    const struct model_session *streams[MODEL_SESSIONS];
    size_t stream_count;
    struct store_description description; /* whose times are 0 or not */
    uint64_t sessions;                    /* that live */
};

/* A model of an empty store. */
void model_init(struct model *model, const struct store_options *options, bool counts_ghosts);

/* The number of a name, which must be "f0", "d0", "u0" and so on; 0 where it is "". */
int model_number(const char *name);

/* The session of this id; NULL where there never was one. */
struct model_session *model_find(struct model *model, const char *id);

/* Plays a request and says what the answer must be. */
void model_play(struct model *model, const struct store_req *req, struct model_answer *ret_answer);

/* Takes over what a store's clock has given to a session, from an answer that was as expected. */
void model_learn(struct model *model, const struct store_req *answer);

/* Makes a live session older; past its TTL it is gone. */
void model_age(struct model *model, struct model_session *session, int64_t ms);

#endif
