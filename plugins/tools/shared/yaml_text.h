/* SPDX-License-Identifier: Apache-2.0
 * How a string can stand in YAML. Called by yaml_write.c. */
#ifndef TOOLS_SHARED_YAML_TEXT_H
#define TOOLS_SHARED_YAML_TEXT_H

#include <stdbool.h>

#include "bounded_text.h"

/* Whether the text reads back as the same string without quotes; in_flow: within [] or {}. */
bool yaml_text_is_plain(const char *text, size_t size, bool in_flow);

/* Whether the text has several lines and nothing that a block scalar cannot hold. */
bool yaml_text_is_literal(const char *text, size_t size);

/* Whether the text is one long line that can be folded at single spaces. */
bool yaml_text_is_foldable(const char *text, size_t size);

/* Appends the text in double quotes, on one line. */
void yaml_text_put_quoted(struct bounded_text *out, const char *text, size_t size);

#endif
