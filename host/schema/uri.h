/* SPDX-License-Identifier: Apache-2.0
 * URI references of RFC 3986: splitting and resolving. Called for $id, $ref and the uri formats.
 * Private to host/schema. */
#ifndef SCHEMA_URI_H
#define SCHEMA_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/arena.h"

/* A part of a URI; at is NULL if the part is absent (an empty part is not absent). */
struct schema_uri_part {
    const char *at;
    size_t length;
};

struct schema_uri {
    struct schema_uri_part scheme, authority, path, query, fragment;
};

/* Splits by the expression of appendix B; every text can be split. */
struct schema_uri schema_uri_split(const char *text, size_t length);

/* Resolves a split reference against the absolute URI base (section 5.2). The fragment is left
 * out. Returns a text of the arena, or NULL if out of memory. */
char *schema_uri_resolve(struct schema_arena *arena, const char *base,
                         const struct schema_uri *reference);

/* Decodes %XX of a part into arena text; *ret_length counts its bytes. NULL if out of memory or if
 * an escape is broken (then *ret_length is SIZE_MAX). */
char *schema_uri_decode(struct schema_arena *arena, struct schema_uri_part part,
                        size_t *ret_length);

#endif
