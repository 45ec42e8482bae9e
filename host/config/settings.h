/* SPDX-License-Identifier: Apache-2.0
 * Looking things up in the table of settings and turning text into their values. Used by store.c
 * and template.c; the table itself is declared in config.h. */
#ifndef HOST_SETTINGS_H
#define HOST_SETTINGS_H

#include "config/config.h"

#define SETTING_DESCRIPTION_MAX 256

/* A row by its names; NULL if there is none. [any-thread] */
const struct setting *setting_find(const char *section, const char *key);

/* Does the table have this section? [any-thread] */
bool setting_has_section(const char *section);

/* Rows in the table. [any-thread] */
size_t setting_count(void);

/* Turns text into a value of the row's type. base: the folder that relative paths start from, NULL
 * = the working directory. '\n' in raw (continuation lines) separates list items, elsewhere it is a
 * blank. *ret_text: what `config show` prints, NULL = unset; the caller frees it. *ret_number: for
 * integers, bools, durations (ms), sizes (bytes). EINVAL: not acceptable (setting_describe tells
 * what is), EIO, ENOMEM. [any-thread] */
int setting_parse(const struct setting *setting, const char *raw, const char *base, char **ret_text,
                  int64_t *ret_number);

/* "an integer from 1 to 64", "one of off, error, warn" … [any-thread] */
void setting_describe(const struct setting *setting, char description[SETTING_DESCRIPTION_MAX]);

/* The item separator of a list: ',' or ':'. [any-thread] */
char setting_separator(const struct setting *setting);

#endif
