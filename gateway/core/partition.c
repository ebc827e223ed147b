/* Partitions: the table of tags, and which one is a family's. */
#include "partition.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/*
 * One tag for each 64 of a cluster's 16,384 slots, in their order. Searched for rather than
 * computed: a regular naming would spread unevenly over the slots. Letters alone, so that a
 * sessionId never looks like an option on a command line. Part of every stored key: it can't change
 * any more.
 */
static const char tags[] = "MZApOoAtBSAxBWCMBJAaBNAeBBAiBFAmByAROMAVBqAZBuCoBhACBlAGMaAKBdAO"
                           "EVDLERDHGoDDEZFqEGFlECDYEODUEKDQEtDnEpDjGMDfExDbEeFNEaFJEmDwEiDs"
                           "BZAqOnAuBRAyBVCLBKCQBOAdBCAhBGAlBxASOLAWBpCjBtCnBiABBmAFBaAJBeAN"
                           "EWDMESDIGnDEGjDAEFFmEBDXENDTEJDPEuDoEqDkGLDgEyDcEdFOGQDzElDvEhDr"
                           "ArBYAvOmAzBQCOBUAcBHAgBLAkMAAoBDAPMzATOOAXBsCmBwAABjAEBnAIBbAMBf"
                           "DNETDJEPDFGmDBEXFnEEFjEADWEMDSEIDlEvDhErDdGOFQEzFLEgDyEcDuEoDqEk"
                           "AsBXAwOlCJBPCNBTAbBIAfBMAjBAAnBEAQBzAUONAYBrClBvCqBkADBoAHBcALBg"
                           "DOEUDKEQDGGlDCEYFoEDDZGqDVELDREHDmEwDiEsDeGNDaGJFMEfDxEbDtEnDpEj";

static_assert(sizeof tags - 1 == PARTITION_COUNT * PARTITION_TAG_LEN, "a tag for each partition");

unsigned partition_of(const char *family_id)
{
    uint8_t hash[32];

    crypto_generichash(hash, sizeof hash, (const uint8_t *)family_id, strlen(family_id), NULL, 0);
    return hash[0];
}

const char *partition_tag(unsigned number)
{
    assert(number < PARTITION_COUNT);
    return tags + number * PARTITION_TAG_LEN;
}

unsigned partition_of_tag(const char *text)
{
    unsigned number = 0;

    while (number < PARTITION_COUNT && strncmp(partition_tag(number), text, PARTITION_TAG_LEN) != 0)
        number++;
    return number;
}
