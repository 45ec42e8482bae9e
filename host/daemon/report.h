/* SPDX-License-Identifier: Apache-2.0
 * Text for signal handlers: no stdio, no heap, no lock, nothing but async-signal-safe calls. Used
 * by the crash report (crash.c). */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line under way, and where it goes. Zero is a good beginning but for fds. */
struct report {
    int fds[2]; /* -1: none */
    size_t used;
    char text[1024]; /* what is beyond is cut */
};

void report_put(struct report *report, const char *text);

/* At least width digits. */
void report_put_number(struct report *report, uint64_t value, unsigned base, int width);
void report_put_signed(struct report *report, int value);
void report_put_address(struct report *report, uintptr_t address);

/* Now, in UTC: 2026-11-22T17:43:13Z. */
void report_put_time(struct report *report);

/* Writes the line to both files and begins the next one. */
void report_put_line(struct report *report);

/* A whole line "#2 0x7f… /usr/lib/x.so+0x1234". False: the address is in no file or mapping. */
bool report_put_frame(struct report *report, unsigned number, uintptr_t address);

/* All of data, or as much as fd takes without an error; fd may be -1. */
void report_write(int fd, const char *data, size_t size);

#endif
