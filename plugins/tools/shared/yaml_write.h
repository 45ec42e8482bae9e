/* SPDX-License-Identifier: Apache-2.0
 * JSON values as YAML 1.2: block style, plain scalars wherever they read back the same. Compiled
 * into each tool that uses it. */
#ifndef TOOLS_SHARED_YAML_WRITE_H
#define TOOLS_SHARED_YAML_WRITE_H

#include <stdbool.h>

#include "bounded_text.h"
#include "yaml_read.h"

struct yaml_style {
    size_t indent; /* columns a level, 2 to 8 */
    bool sort_keys;
    bool flow;                            /* [a, b] and {a: b} all along */
    size_t width;                         /* columns after which long text is folded; 0 = never */
    const struct yaml_specials *specials; /* strings that are written as .inf and so on; or NULL */
};

/* Appends one document without ---, with a line feed at its end. */
void yaml_write(struct bounded_text *out, const json_t *value, const struct yaml_style *style);

#endif
