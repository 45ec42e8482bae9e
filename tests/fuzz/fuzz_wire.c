/* SPDX-License-Identifier: Apache-2.0
 * Frames of a Jupyter message, one behind each newline; decoded without a key, so that the bytes
 * reach the parser. */
#include <stdint.h>
#include <string.h>

#include "scan.h"
#include "wire.h"

#define FRAMES 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span frames[FRAMES];
    struct wire_message message;
    const char *why = NULL, *at = (const char *)data, *end = at + size;
    size_t count = 0;
    while (at < end && count < FRAMES) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((line ? line : end) - at);
        frames[count++] = (struct span){at, n};
        at += n + 1;
    }
    struct signer *signer = NULL;
    if (signer_new((struct span){"", 0}, &signer) < 0)
        return 0;
    if (wire_decode(signer, NULL, frames, count, &message, &why) == 0)
        json_decref(scan_json(message.content, &why));
    signer_free(signer);
    return 0;
}
