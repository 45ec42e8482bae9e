/* SPDX-License-Identifier: Apache-2.0
 * Numbers, times and addresses as text, and modules out of /proc/self/maps, with plain system calls
 * and memory on the stack only. */
#include "daemon/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void report_put(struct report *report, const char *text)
{
    while (*text && report->used < sizeof report->text - 1)
        report->text[report->used++] = *text++;
}

void report_put_number(struct report *report, uint64_t value, unsigned base, int width)
{
    char digits[24], *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (--width > 0 || value > 0);
    report_put(report, at);
}

void report_put_address(struct report *report, uintptr_t address)
{
    report_put(report, "0x");
    report_put_number(report, address, 16, 1);
}

void report_put_signed(struct report *report, int value)
{
    if (value < 0)
        report_put(report, "-");
    report_put_number(report, value < 0 ? (uint64_t) - (int64_t)value : (uint64_t)value, 10, 1);
}

void report_write(int fd, const char *data, size_t size)
{
    while (fd >= 0 && size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno != EINTR)
            return;
        size_t step = written > 0 ? (size_t)written : 0;
        data += step;
        size -= step;
    }
}

void report_put_line(struct report *report)
{
    report->text[report->used++] = '\n';
    for (int i = 0; i < 2; i++)
        report_write(report->fds[i], report->text, report->used);
    report->used = 0;
}

/* UTC. gmtime is not for signal handlers; the rule is that of a year that begins in March. */
void report_put_time(struct report *report)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seconds = (uint64_t)now.tv_sec, days = seconds / 86400 + 719468;
    uint64_t era = days / 146097, day = days % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    uint64_t month = (5 * day + 2) / 153;
    report_put_number(report, year + era * 400 + (month >= 10), 10, 4);
    report_put(report, "-");
    report_put_number(report, month < 10 ? month + 3 : month - 9, 10, 2);
    report_put(report, "-");
    report_put_number(report, day - (153 * month + 2) / 5 + 1, 10, 2);
    const uint64_t parts[] = {seconds / 3600 % 24, seconds / 60 % 60, seconds % 60};
    for (int i = 0; i < 3; i++) {
        report_put(report, i == 0 ? "T" : ":");
        report_put_number(report, parts[i], 10, 2);
    }
    report_put(report, "Z");
}

/* ---- which module an address belongs to ---- */

struct module {
    uintptr_t base; /* where its first page is; 0: none */
    char path[256];
};

struct lines {
    int fd;
    size_t at, end;
    char data[2048];
};

/* The next line without its end, cut at size - 1 bytes; false at the end. */
static bool next_line(struct lines *lines, char *line, size_t size)
{
    size_t used = 0;
    for (;;) {
        if (lines->at == lines->end) {
            ssize_t got = read(lines->fd, lines->data, sizeof lines->data);
            if (got <= 0)
                return false;
            lines->at = 0;
            lines->end = (size_t)got;
        }
        char c = lines->data[lines->at++];
        if (c == '\n')
            break;
        if (used < size - 1)
            line[used++] = c;
    }
    line[used] = '\0';
    return true;
}

/* A hexadecimal number and the one character behind it. */
static uintptr_t take_hex(const char **at)
{
    uintptr_t value = 0;
    for (; **at && !strchr(" -", **at); (*at)++)
        value = value * 16 + (uintptr_t)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
    *at += **at != '\0';
    return value;
}

static void find_module(uintptr_t address, struct module *module)
{
    struct lines lines = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    char line[512];
    uintptr_t base = 0;
    module->base = 0;
    while (lines.fd >= 0 && next_line(&lines, line, sizeof line)) {
        const char *at = line;
        uintptr_t start = take_hex(&at), end = take_hex(&at);
        at += strcspn(at, " ") + (*at != '\0'); /* permissions */
        base = take_hex(&at) == 0 ? start : base;
        if (address < start || address >= end)
            continue;
        at += strcspn(at, "/[");
        module->base = *at ? base : 0;
        strncpy(module->path, at, sizeof module->path - 1);
        module->path[sizeof module->path - 1] = '\0';
        break;
    }
    if (lines.fd >= 0)
        close(lines.fd);
}

bool report_put_frame(struct report *report, unsigned number, uintptr_t address)
{
    struct module module;
    find_module(address, &module);
    report_put(report, "#");
    report_put_number(report, number, 10, 1);
    report_put(report, " ");
    report_put_address(report, address);
    report_put(report, " ");
    if (module.base) {
        report_put(report, module.path);
        report_put(report, "+");
        report_put_address(report, address - module.base);
    } else {
        report_put(report, "in no module");
    }
    report_put_line(report);
    return module.base != 0;
}
