/* SPDX-License-Identifier: Apache-2.0
 * An INI file as the configuration reads it. */
#include <stdint.h>
#include <stdio.h>

#include "config/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ini_file file = {0};
    FILE *stream = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (!stream)
        return 0;
    ini_read(stream, "fuzz.ini", &file, NULL);
    ini_clear(&file);
    fclose(stream);
    return 0;
}
