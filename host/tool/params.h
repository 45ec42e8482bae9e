/* SPDX-License-Identifier: Apache-2.0
 * What happens to parameters between the caller and the schema check: aliases, enum aliases,
 * merged options, defaults (TOOLS.md 1 and 2). Used by tool.c and invoke.c. */
#ifndef HOST_PARAMS_H
#define HOST_PARAMS_H

#include <jansson.h>

#include "schema/schema.h"
#include "util/error.h"

struct params_plan; /* compiled from the `parameters` schema; immutable */

int params_plan_new(const json_t *parameters, struct params_plan **ret_plan,
                    struct error *ret_error);
void params_plan_free(struct params_plan *plan);

/* Makes the object that the schema sees: *ret_params is a new reference. params may be NULL or
 * JSON null (= {}). EINVAL with path: not an object, nested deeper than 64, alias and canonical
 * name together. [any-thread] */
int params_prepare(const struct params_plan *plan, const json_t *params, json_t **ret_params,
                   struct error *ret_error);

/* Checks prepared parameters; reports the violation that TOOLS.md 2 puts first: at the parameter
 * that selects the work, then unknown members, then document order. 0, or EINVAL with path. */
int params_check(const struct params_plan *plan, const struct schema *schema, const json_t *params,
                 struct error *ret_error);

#endif
