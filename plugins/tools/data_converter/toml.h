/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the TOML reader share: toml_read.c has lines, keys and tables, toml_value.c
 * values, toml_string.c strings, toml_number.c numbers and dates. */
#ifndef DATA_CONVERTER_TOML_H
#define DATA_CONVERTER_TOML_H

#include "converter.h"

#define TOML_DEPTH_MAX 200 /* brackets and parts of a key */

/* What is known of a table beside its members. */
enum table_kind {
    TABLE_IMPLICIT, /* by a header of a table within it */
    TABLE_HEADER,   /* by its own header */
    TABLE_DOTTED,   /* by a dotted key, in one section */
    TABLE_CLOSED,   /* inline: nothing can be added */
    TABLE_ARRAY     /* of tables: [[name]] */
};

struct toml {
    struct reading *reading;
    const char *at, *end;
    size_t depth;
    json_int_t section; /* the number of the last header */
    struct bounded_text text;
};

/* A key: the parts between its dots. */
struct toml_key {
    json_t *parts; /* strings */
    const char *place;
};

__attribute__((format(printf, 2, 3))) int32_t toml_fail(struct toml *toml, const char *format, ...);
void toml_skip_spaces(struct toml *toml);
/* Comments and line ends, too. */
int32_t toml_skip_blank(struct toml *toml);

/* ---- toml_read.c ---- */

int32_t toml_read_key(struct toml *toml, json_t **ret_parts);
/* Sets the value (taken over) of a key beneath a table; shadow: what is known of it. */
int32_t toml_assign(struct toml *toml, json_t *table, json_t *shadow, const json_t *parts,
                    const char *place, json_t *value, json_t *value_shadow);
json_t *toml_shadow(enum table_kind kind, json_int_t section);

/* ---- toml_value.c ---- */

/* *ret_shadow: of an inline table; else NULL. */
int32_t toml_read_value(struct toml *toml, json_t **ret_value, json_t **ret_shadow);

/* ---- toml_string.c ---- */

int32_t toml_read_string(struct toml *toml, bool multiline_allowed, json_t **ret_value);

/* ---- toml_number.c ---- */

/* A number or a date of `size` characters at the place. */
int32_t toml_read_number(struct toml *toml, size_t size, json_t **ret_value);

#endif
