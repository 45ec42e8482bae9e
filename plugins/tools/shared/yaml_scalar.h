/* SPDX-License-Identifier: Apache-2.0
 * What a plain scalar means in the core schema of YAML 1.2. Used by the YAML reader and writer. */
#ifndef TOOLS_SHARED_YAML_SCALAR_H
#define TOOLS_SHARED_YAML_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind {
    YAML_KIND_NULL,
    YAML_KIND_TRUE,
    YAML_KIND_FALSE,
    YAML_KIND_INTEGER,
    YAML_KIND_REAL,
    YAML_KIND_INFINITY,
    YAML_KIND_MINUS_INFINITY,
    YAML_KIND_NAN,
    YAML_KIND_STRING,
    YAML_KIND_BASE64,   /* of !!binary: white space does not count */
    YAML_KIND_TOO_LARGE /* an integer beyond 64 bits */
};

/* ret_integer, ret_real: written for YAML_KIND_INTEGER, YAML_KIND_REAL. */
enum yaml_kind yaml_scalar_kind(const char *text, size_t size, long long *ret_integer,
                                double *ret_real);

#endif
