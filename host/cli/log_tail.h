/* SPDX-License-Identifier: Apache-2.0
 * The last lines of a log, over its rotated files; for `kernel logs`. */
#ifndef HOST_LOG_TAIL_H
#define HOST_LOG_TAIL_H

#include "cli/log_source.h"
#include "util/error.h"

/* Where reading has come to. */
struct log_position {
    struct log_source source;
    off_t offset;
};

#define LOG_TAIL_ALL UINT64_MAX

/* Hands on the last `lines` lines of path and its older files, the oldest first. No file is read
 * beyond what is printed, but for packed ones. *ret_position: the end of path (source.fd -1: there
 * is no such file, only older ones); the caller closes it. ENOTFOUND: there is no file at all. */
int log_tail(const char *path, uint64_t lines, log_sink sink, void *data,
             struct log_position *ret_position, struct error *ret_error);

#endif
