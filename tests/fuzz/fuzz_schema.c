/* SPDX-License-Identifier: Apache-2.0
 * {"schema": …, "value": …}: compiled, then validated both ways, which must agree. */
#include <stdint.h>
#include <stdlib.h>

#include "schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *data, const struct schema_violation *violation)
{
    (void)violation;
    ++*(unsigned *)data;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *schema = NULL;
    json_t *both = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (json_object_get(both, "schema") &&
        schema_compile(json_object_get(both, "schema"), SCHEMA_CHECK_FORMATS, &schema, NULL) == 0) {
        const json_t *value = json_object_get(both, "value");
        unsigned violations = 0;
        int rc = value ? schema_validate(schema, value, count, &violations, NULL) : -1;
        if ((rc == 1 && violations > 0) || (rc == 0 && violations == 0))
            abort();
    }
    schema_free(schema);
    json_decref(both);
    return 0;
}
