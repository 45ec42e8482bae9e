/* SPDX-License-Identifier: Apache-2.0
 * The reader of JSON text (RFC 8259): megabytes in one string cost a scan and one copy. Foreign
 * bytes come in here, after their signature was found right. */
#ifndef JUPYTER_SCAN_H
#define JUPYTER_SCAN_H

#include <jansson.h>

#include "../shared/span.h"

/* Reads one JSON value that fills text but for white space. Returns a new reference; or NULL, and
 * *ret_why is a static phrase. Of double keys the last wins; integers beyond 64 bits become reals.
 * [any-thread] */
json_t *scan_json(struct span text, const char **ret_why);

/* One string member that scan_members looks for at the top of an object. */
struct scan_member {
    const char *name;
    char *value; /* out: decoded and terminated; "" if absent, no string, too long as it stands, or
                    with a NUL */
    size_t capacity; /* bytes of value, more than 0 */
};

/* Checks that text is one JSON object, wholly, and fetches members of it, building nothing. 0; or
 * LLMSPELL_EPARSE, and *ret_why is a static phrase. [any-thread] */
int scan_members(struct span text, struct scan_member *members, size_t count, const char **ret_why);

#endif
