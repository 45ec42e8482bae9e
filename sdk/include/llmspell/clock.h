/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.clock/1": the time of day as tools shall see it. It is the system's, unless
 * [tools] clock fixes it, so that what depends on the time can be tested. For deadlines and waits
 * take CLOCK_MONOTONIC from the system. */
#ifndef LLMSPELL_CLOCK_H
#define LLMSPELL_CLOCK_H

#include <time.h>

#include <llmspell/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_CLOCK "llmspell.clock/1"

struct llmspell_clock {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* The time since 1970-01-01T00:00:00Z. Never fails. [the thread of the call] */
    void (*now)(const struct llmspell_call *call, struct timespec *ret_now);
};

#ifdef __cplusplus
}
#endif

/* The same; of a host without this extension the system's clock. */
static inline struct timespec llmspell_now(const struct llmspell_call *call)
{
    struct timespec now = {0, 0};
    const struct llmspell_clock *clock =
        (const struct llmspell_clock *)call->host->extension(call->ctx, LLMSPELL_CLOCK);
    if (clock)
        clock->now(call, &now);
    else
        timespec_get(&now, TIME_UTC);
    return now;
}

#endif
