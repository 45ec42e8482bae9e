/* SPDX-License-Identifier: Apache-2.0
 * One INI file as a list of its keys with their line numbers: inih behind a reader that refuses
 * what inih would cut or misread silently. Used by config.c, layer by layer. */
#ifndef HOST_INI_H
#define HOST_INI_H

#include <stddef.h>
#include <stdio.h>

#include "util/error.h"

#define INI_NAME_MAX 49         /* bytes of a section or key that inih keeps */
#define INI_ENTRIES_MAX 4096    /* keys and headings in one file */
#define INI_FILE_MAX (1u << 20) /* bytes of one file */

struct ini_entry {
    char *section; /* as in [section] */
    char *key;     /* NULL: this entry is the heading itself */
    char *value;   /* blanks around it and the comment behind it are gone; continuation lines follow
                      after '\n' each */
    int line;      /* where the key stands */
};

struct ini_file {
    struct ini_entry *entries;
    size_t count;
};

/* Reads a stream to its end; name is for messages. Rules: `[section]`, `key = value` (or `key:
 * value`), whole-line comments with ; or #, comments behind a value with " ;"; a line that is
 * indented deeper than the key above continues its value; a byte order mark and CRLF are fine.
 * Errors: EPARSE, ELIMIT, EIO, ENOMEM, with name:line and the cure; *ret_file then is empty. */
int ini_read(FILE *stream, const char *name, struct ini_file *ret_file, struct error *ret_error);

/* Frees the entries, not the struct. */
void ini_clear(struct ini_file *file);

#endif
