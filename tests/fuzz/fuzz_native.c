/* SPDX-License-Identifier: Apache-2.0
 * Descriptions of C functions: the text is a manifest, or else the "native" object of one. What is
 * found good must give schemas that compile and that fit it again. */
#include <stdint.h>
#include <stdlib.h>

#include "schema/schema.h"
#include "tool/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_schema(const json_t *manifest, const char *key)
{
    struct schema *schema = NULL;
    if (schema_compile(json_object_get(manifest, key), SCHEMA_CHECK_FORMATS, &schema, NULL) < 0)
        abort();
    schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *manifest =
        json_object_get(json, "native") ? json_incref(json) : json_pack("{s:O*}", "native", json);
    if (json && native_check(manifest, "fuzz.json", &error) == 0) {
        json_object_del(manifest, "parameters");
        json_object_del(manifest, "result");
        if (native_derive(manifest, &error) < 0)
            abort();
        check_schema(manifest, "parameters");
        check_schema(manifest, "result");
        if (native_check(manifest, "fuzz.json", &error) < 0)
            abort();
    }
    json_decref(manifest);
    json_decref(json);
    return 0;
}
