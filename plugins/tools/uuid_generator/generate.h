/* SPDX-License-Identifier: Apache-2.0
 * Making UUIDs and ULIDs. Used by uuid_generator.c. Functions return 0 or a negative code. */
#ifndef UUID_GENERATOR_GENERATE_H
#define UUID_GENERATOR_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llmspell/clock.h>

#include "text.h"

#define GREGORIAN_TICKS 0x01B21DD213814000ll /* steps of 100 ns from 1582-10-15 to 1970-01-01 */

/* What v1 needs beyond one call: its node and the last time it gave out. [any-thread] */
struct v1_source;

int32_t v1_source_new(struct v1_source **ret_source);
void v1_source_free(struct v1_source *source);
int32_t generate_v1(struct v1_source *source, const struct llmspell_call *call, struct id *ret_id);

int32_t generate_v4(struct id *ret_id);

/* One strictly increasing run of v7 UUIDs or ULIDs; begin with {.call = …, .ulid = …}.
 * [one thread] */
struct run {
    const struct llmspell_call *call;
    bool ulid;
    bool started;
    uint64_t ms;
    unsigned __int128 tail; /* the bits behind the time */
};

int32_t run_next(struct run *run, struct id *ret_id);

#endif
