/* SPDX-License-Identifier: Apache-2.0
 * The bytes of a PT_NOTE segment. */
#include <stdint.h>
#include <stdlib.h>

#include "plugin/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t alignment = 4; alignment <= 8; alignment += 4) {
        const unsigned char *text = NULL;
        size_t length = 0;
        if (note_find(data, size, alignment, &text, &length) == 1 &&
            (text < data || length > size || (size_t)(text - data) > size - length))
            abort();
    }
    return 0;
}
