/* SPDX-License-Identifier: Apache-2.0
 * What fault.c and fault_process.c share. */
#ifndef FAULT_H
#define FAULT_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include <llmspell/tool.h>

struct arguments {
    struct llmspell_call *call;
    const json_t *params;
    json_int_t n;
    int32_t *code; /* to return without a result */
};

typedef json_t *fault_fn(const struct arguments *arguments);

fault_fn do_print;
fault_fn do_print_raw;
__attribute__((noreturn)) fault_fn do_print_for_ever;
fault_fn do_close;
fault_fn do_close_three;
fault_fn do_close_and_loop;
fault_fn do_take_channel;
fault_fn do_open_many;
__attribute__((noreturn)) fault_fn do_garbage;
fault_fn do_bad_json;
__attribute__((noreturn)) fault_fn do_frames_for_ever;
fault_fn do_nested;
fault_fn do_huge_frame;
fault_fn do_half_frame;
fault_fn do_chdir;
fault_fn do_umask;
fault_fn do_locale;
fault_fn do_handler;
fault_fn do_mask;
fault_fn do_thread;
fault_fn do_fork;
fault_fn do_kill_parent;
fault_fn do_ptrace;
fault_fn do_read;
fault_fn do_connect;
fault_fn do_exec;

/* In fault.c. */
__attribute__((noreturn)) fault_fn do_loop;
fault_fn do_sleep;

#endif
