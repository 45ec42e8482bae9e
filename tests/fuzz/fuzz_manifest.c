/* SPDX-License-Identifier: Apache-2.0
 * The text of a manifest: scanned, and parsed whole. What the whole parser takes, the scanner must
 * take, too, with the same name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest_head head;
    json_t *manifest = NULL;
    char *warning = NULL;
    const char *text = (const char *)data;
    int scanned = manifest_scan(text, size, "fuzz.so", &head, NULL);
    int parsed = manifest_parse(text, size, "fuzz.so", &manifest, &warning, NULL);
    if (parsed == 0 &&
        (scanned != 0 ||
         strcmp(head.name, json_string_value(json_object_get(manifest, "name"))) != 0))
        abort();
    json_decref(manifest);
    free(warning);
    return 0;
}
