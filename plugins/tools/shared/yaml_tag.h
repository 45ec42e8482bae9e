/* SPDX-License-Identifier: Apache-2.0
 * Explicit tags of YAML nodes: those of the core schema and a few of the old type repository.
 * Called by yaml_read.c. */
#ifndef TOOLS_SHARED_YAML_TAG_H
#define TOOLS_SHARED_YAML_TAG_H

#include "yaml_scalar.h"

/* What a scalar with that tag is. False with a message if the tag is unknown or does not fit. */
bool yaml_tag_scalar(const char *tag, const char *text, size_t size, enum yaml_kind *ret_kind,
                     long long *ret_integer, double *ret_real, char ret_problem[160]);

/* Whether a list (else a mapping) may have that tag, or none. */
bool yaml_tag_collection(const char *tag, bool list, char ret_problem[160]);

#endif
