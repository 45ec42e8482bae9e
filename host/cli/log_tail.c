/* SPDX-License-Identifier: Apache-2.0
 * First the files are opened, newest first, until they hold enough lines; then they are printed
 * from the oldest on. A rotation in between renames files that are open already. */
#include "cli/log_tail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#define BLOCK 65536

struct part {
    struct log_source source;
    off_t start;   /* plain: where its lines begin */
    uint64_t skip; /* packed: so many lines come before */
};

struct row {
    struct part parts[LOG_SOURCES_MAX]; /* newest first */
    size_t count;
    uint64_t missing; /* lines that are still wanted */
};

/* Where the last `lines` lines of the first `size` bytes begin; *ret_found: how many they are. */
static off_t find_start(int fd, off_t size, uint64_t lines, uint64_t *ret_found)
{
    char block[BLOCK];
    uint64_t found = 0;
    off_t end = size;
    while (end > 0 && lines > 0) {
        off_t from = end > BLOCK ? end - BLOCK : 0;
        ssize_t n = pread(fd, block, (size_t)(end - from), from);
        if (n != end - from)
            break; /* truncated meanwhile */
        for (ssize_t i = n - 1; i >= 0; i--) {
            if (block[i] != '\n' || from + i == size - 1)
                continue;
            if (++found == lines) {
                *ret_found = found;
                return from + i + 1;
            }
        }
        end = from;
    }
    *ret_found = found + (size > 0 && lines > 0);
    return lines > 0 ? 0 : size;
}

/* Adds a file; one that was renamed since it was opened is there already. */
static void row_add(struct row *row, const struct log_source *source)
{
    struct part *part = &row->parts[row->count];
    uint64_t found = 0;
    *part = (struct part){.source = *source};
    for (size_t i = 0; i < row->count; i++)
        if (log_source_same(&row->parts[i].source, source)) {
            log_source_close(&part->source);
            return;
        }
    if (!source->packed) {
        part->start = find_start(source->fd, source->size, row->missing, &found);
    } else {
        log_source_unpack(source, 0, NULL, NULL, &found);
        if (found > row->missing) {
            part->skip = found - row->missing;
            found = row->missing;
        }
    }
    row->missing -= found < row->missing ? found : row->missing;
    row->count++;
}

static void row_clear(struct row *row)
{
    for (size_t i = 0; i < row->count; i++)
        log_source_close(&row->parts[i].source);
}

static int row_print(struct row *row, log_sink sink, void *data)
{
    int rc = 0;
    for (size_t i = row->count; i-- > 0 && rc == 0;) {
        struct part *part = &row->parts[i];
        rc = part->source.packed
                 ? log_source_unpack(&part->source, part->skip, sink, data, NULL)
                 : log_source_copy(&part->source, &part->start, part->source.size, sink, data);
    }
    return rc;
}

/* Opens what is needed; 0, or the reason why path itself cannot be opened. */
static int row_open(struct row *row, const char *path)
{
    int first = 0;
    for (unsigned number = 0; number < LOG_SOURCES_MAX; number++) {
        struct log_source source;
        int rc = log_source_open(path, number, &source);
        if (rc == 0)
            row_add(row, &source);
        else if (number == 0)
            first = rc;
        if (row->missing == 0 || (number == 0 && rc < 0 && rc != -ENOENT))
            break;
    }
    return first;
}

int log_tail(const char *path, uint64_t lines, log_sink sink, void *data,
             struct log_position *ret_position, struct error *ret_error)
{
    struct row row = {.missing = lines};
    int first = row_open(&row, path);
    if (first < 0 && (first != -ENOENT || row.count == 0)) {
        row_clear(&row);
        return error_set(ret_error, first == -ENOENT ? LLMSPELL_ENOTFOUND : LLMSPELL_EIO,
                         "cannot read the log %s: %s", path,
                         first == -EINVAL ? "it is no regular file" : strerror(-first));
    }
    if (row_print(&row, sink, data) < 0) {
        row_clear(&row);
        return error_set(ret_error, LLMSPELL_EIO, "cannot write the log on: %s", strerror(errno));
    }
    *ret_position = (struct log_position){.source = {.fd = -1}};
    if (first == 0) {
        ret_position->source = row.parts[0].source;
        ret_position->offset = row.parts[0].source.size;
        row.parts[0].source.fd = -1;
    }
    row_clear(&row);
    return 0;
}
