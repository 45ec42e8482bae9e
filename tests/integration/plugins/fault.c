/* SPDX-License-Identifier: Apache-2.0
 * A tool that does what a tool must not do, by the name in its parameter "do": for test_faults.py,
 * which compiles it with maker.py. LOADING is code for a constructor, OPENING for open, CLOSING for
 * close. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

/* ---- ends ---- */

static json_t *do_segv(const struct arguments *arguments)
{
    *(volatile int *)(uintptr_t)(arguments->n) = 1;
    return NULL;
}

static json_t *do_abort(const struct arguments *arguments)
{
    (void)arguments;
    abort();
}

static json_t *do_exit(const struct arguments *arguments)
{
    exit((int)arguments->n);
}

static json_t *do_exit_at_once(const struct arguments *arguments)
{
    _exit((int)arguments->n);
}

static int deeper(volatile int *above)
{
    if (*above < 0)
        return 0;
    volatile char room[65536];
    volatile int here = *above + 1;
    room[here % 65536] = 1;
    return deeper(&here) + room[0] + 1;
}

static json_t *do_stack(const struct arguments *arguments)
{
    volatile int start = (int)arguments->n;
    return json_integer(deeper(&start));
}

static json_t *do_raise(const struct arguments *arguments)
{
    raise((int)arguments->n);
    return json_object();
}

/* ---- time ---- */

json_t *do_loop(const struct arguments *arguments)
{
    (void)arguments;
    for (volatile unsigned long i = 0;; i++)
        ;
}

json_t *do_sleep(const struct arguments *arguments)
{
    struct timespec left = {.tv_sec = arguments->n};
    while (nanosleep(&left, &left) != 0)
        ;
    return json_object();
}

static json_t *do_wait(const struct arguments *arguments) /* well-behaved */
{
    while ((*arguments->code = llmspell_cancelled(arguments->call)) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return NULL;
}

/* ---- memory ---- */

__attribute__((noreturn)) static json_t *do_hog(const struct arguments *arguments)
{
    (void)arguments;
    for (;;)
        memset(malloc(1 << 20), 1, 1 << 20);
}

static json_t *do_no_memory(const struct arguments *arguments)
{
    void *pieces[4096];
    unsigned count = 0;
    while (count < 4096 && (pieces[count] = malloc(1 << 20)))
        memset(pieces[count++], 1, 1 << 20);
    while (count > 0)
        free(pieces[--count]);
    *arguments->code = llmspell_fail(arguments->call, LLMSPELL_ENOMEM, "no memory");
    return NULL;
}

/* ---- what it says ---- */

static json_t *do_log(const struct arguments *arguments)
{
    for (json_int_t i = 0; i < arguments->n; i++)
        arguments->call->host->log(arguments->call->ctx, LLMSPELL_LOG_ERROR, "flooded");
    return json_object();
}

static json_t *do_log_raw(const struct arguments *arguments)
{
    arguments->call->host->log(arguments->call->ctx, LLMSPELL_LOG_ERROR, "log \xff\xfe\x1b[1m end");
    return json_object();
}

static json_t *do_progress(const struct arguments *arguments)
{
    for (json_int_t i = 0; i < arguments->n; i++)
        arguments->call->host->progress(arguments->call, (double)i, (double)arguments->n, "\xff");
    return json_object();
}

static json_t *do_raw_error(const struct arguments *arguments)
{
    *arguments->code =
        llmspell_fail_at(arguments->call, LLMSPELL_EINVAL, "/\xfe", "bytes \xff\xfe and %c", 1);
    return NULL;
}

static json_t *do_nothing(const struct arguments *arguments)
{
    *arguments->code = 0;
    return NULL;
}

static json_t *do_large(const struct arguments *arguments)
{
    size_t size = (size_t)arguments->n;
    char *text = malloc(size + 1);
    if (!text)
        return NULL;
    memset(text, 'x', size);
    json_t *value = json_stringn_nocheck(text, size);
    free(text);
    return json_pack("{s:o}", "data", value);
}

static json_t *do_number(const struct arguments *arguments)
{
    return json_pack("{s:f}", "value", arguments->n ? INFINITY : NAN);
}

static json_t *do_deep(const struct arguments *arguments)
{
    json_t *value = json_array();
    for (json_int_t i = 0; i < arguments->n; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    return json_pack("{s:o}", "deep", value);
}

static json_t *do_echo(const struct arguments *arguments)
{
    return json_pack("{s:I, s:i}", "bytes",
                     (json_int_t)llmspell_string_length(arguments->params, "text"), "pid",
                     (int)getpid());
}

/* ---- the table ---- */

#define FAULT(name)                                                                                \
    {                                                                                              \
#name, do_##name                                                                           \
    }
static const struct {
    const char *name;
    fault_fn *run;
} faults[] = {FAULT(segv),
              FAULT(abort),
              FAULT(exit),
              FAULT(exit_at_once),
              FAULT(stack),
              FAULT(raise),
              FAULT(loop),
              FAULT(sleep),
              FAULT(wait),
              FAULT(hog),
              FAULT(no_memory),
              FAULT(print),
              FAULT(print_raw),
              FAULT(close),
              FAULT(print_for_ever),
              FAULT(close_three),
              FAULT(take_channel),
              FAULT(open_many),
              FAULT(close_and_loop),
              FAULT(garbage),
              FAULT(bad_json),
              FAULT(huge_frame),
              FAULT(frames_for_ever),
              FAULT(nested),
              FAULT(half_frame),
              FAULT(log),
              FAULT(log_raw),
              FAULT(progress),
              FAULT(raw_error),
              FAULT(nothing),
              FAULT(large),
              FAULT(number),
              FAULT(deep),
              FAULT(echo),
              FAULT(chdir),
              FAULT(umask),
              FAULT(locale),
              FAULT(handler),
              FAULT(mask),
              FAULT(thread),
              FAULT(fork),
              FAULT(kill_parent),
              FAULT(ptrace),
              FAULT(read),
              FAULT(connect),
              FAULT(exec)};

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    int32_t code = LLMSPELL_EFAILED;
    const struct arguments arguments = {call, params, llmspell_integer(params, "n", 0), &code};
    (void)self;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (!llmspell_is(params, "do", faults[i].name))
            continue;
        *ret_result = faults[i].run(&arguments);
        return *ret_result ? 0 : code;
    }
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/do", "no such fault");
}

#ifdef LOADING
__attribute__((constructor)) static void loading(void)
{
    LOADING;
}
#endif

static int32_t open_tool(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    (void)config, (void)call, (void)ret_self;
#ifdef OPENING
    OPENING;
#endif
    return 0;
}

static void close_tool(void *self)
{
    (void)self;
#ifdef CLOSING
    CLOSING;
#endif
}

LLMSPELL_TOOL(.open = open_tool, .invoke = invoke, .close = close_tool)
