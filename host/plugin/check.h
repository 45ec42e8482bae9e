/* SPDX-License-Identifier: Apache-2.0
 * `plugin check`: all that can be said about a plugin without running its code. The parts are
 * check_manifest.c, check_schema.c, check_elf.c and check_libraries.c. */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "plugin/elf.h"
#include "plugin/manifest.h"

enum check_severity { CHECK_WARNING, CHECK_ERROR };

/* A report that grows. rows: {check, status: ok|warning|error, message?, file?, line?}. */
struct check {
    json_t *rows;
    int errors, warnings;
    const char *name; /* of the check that runs */
    int found;        /* of its findings */

    const char *path; /* the file that is checked */
    const char *text; /* of the manifest; NULL: there is none */
    size_t text_size;
    const char *source;     /* the file that text stands in, for messages with lines */
    const json_t *manifest; /* NULL: it is no JSON object */
};

/* Each finding belongs to the check begun last; one without findings is a row "ok". */
void check_begin(struct check *check, const char *name);
void check_end(struct check *check);
__attribute__((format(printf, 3, 4))) void
check_find(struct check *check, enum check_severity severity, const char *format, ...);

/* The same about the value at a JSON pointer of the manifest: file and line are added. */
__attribute__((format(printf, 4, 5))) void check_find_at(struct check *check,
                                                         enum check_severity severity,
                                                         const char *pointer, const char *format,
                                                         ...);

/* The manifest against sdk/manifest.schema.json; its schemas; its examples. */
void check_manifest(struct check *check);

/* What is odd in the schema at pointer ("/parameters"), though it compiles. */
void check_schema(struct check *check, const char *pointer, const json_t *schema);

/* The entry, exported and imported symbols, flags of the linker. */
void check_elf(struct check *check, const struct elf *elf, const struct manifest_head *head);

/* Needed libraries, whether they are found, what they define, whose they are. */
void check_libraries(struct check *check, const struct elf *elf);

#endif
