/* SPDX-License-Identifier: Apache-2.0
 * What goes over the socketpair between the kernel and a runner process: frames of a kind and JSON
 * text. Used by runner.c (in the runner) and runners.c (in the kernel). */
#ifndef HOST_FRAME_H
#define HOST_FRAME_H

#include <jansson.h>
#include <stdint.h>

#include "util/error.h"

/* Descriptors of a runner. */
#define RUNNER_CHANNEL_FD 3
#define RUNNER_FLAG_FD 4 /* a page that both map: struct runner_flag */
#define RUNNER_ARGUMENT "__runner"

enum frame_kind {
    FRAME_SETUP = 'S',    /* → what to load and what it may do */
    FRAME_READY = 'Y',    /* ← loaded and open; what this machine enforces */
    FRAME_CALL = 'C',     /* → {"params", "wall_ms"} */
    FRAME_RESULT = 'R',   /* ← the result */
    FRAME_ERROR = 'E',    /* ← {"code", "message", "path"?} */
    FRAME_LOG = 'L',      /* ← {"level", "message"} */
    FRAME_PROGRESS = 'P', /* ← {"done", "total", "message"?} */
    FRAME_NESTED = 'N',   /* ← {"name", "params"}: call another tool; → a result or an error */
    FRAME_TIRED = 'T'     /* ← "why": the process is not as it was before the call; it ends */
};

/* Set by the kernel, seen by the tool in llmspell_cancelled. */
struct runner_flag {
    _Atomic int32_t cancel; /* 0, LLMSPELL_ECANCELLED or LLMSPELL_ETIMEOUT */
};

struct frame_head {
    uint32_t size; /* of the text behind it */
    uint32_t kind;
};

/* How long a writer waits for a reader that takes nothing. */
struct frame_wait {
    int64_t until_ns; /* CLOCK_MONOTONIC */
    int wake;         /* or until this descriptor is readable; -1: none */
};

/* Writes one frame. wait: NULL: as long as it takes. 0 or -errno; -EAGAIN: wait is over, with the
 * frame perhaps half written. */
int frame_write(int fd, enum frame_kind kind, const char *text, size_t size,
                const struct frame_wait *wait);

/* The same with a value; -ENOMEM. */
int frame_write_json(int fd, enum frame_kind kind, const json_t *value,
                     const struct frame_wait *wait);

/* Collects frames from a descriptor. */
struct frame_reader {
    int fd;
    int flags;      /* of recv: MSG_DONTWAIT, or 0 to wait */
    uint32_t limit; /* bytes that one frame may have */
    char *data;
    size_t used, room;
    size_t taken; /* bytes of the frame that was handed out last */
};

void frame_reader_init(struct frame_reader *reader, int fd, int flags, uint32_t limit);
void frame_reader_clear(struct frame_reader *reader);

/* 1 and the next frame (text borrowed until the next call), 0: no whole one has
 * arrived (with MSG_DONTWAIT), -EPIPE: the other side closed, -EMSGSIZE: a frame above
 * the limit, -errno. */
int frame_next(struct frame_reader *reader, enum frame_kind *ret_kind, const char **ret_text,
               size_t *ret_size);

/* FNV-1a: to see that two texts are the same. */
uint32_t frame_hash(const char *text, size_t size);

/* An error as its frame has it; returns its code. */
int frame_error(const json_t *value, struct error *ret_error);

/* json_loadb for any value; NULL if text is no JSON. */
json_t *frame_json(const char *text, size_t size);

#endif
