/* SPDX-License-Identifier: Apache-2.0
 * Frames of a Jupyter message, one behind each newline; decoded without a key, so that the bytes
 * reach the parser. The same frames as an acknowledgement of a registration, and each as the
 * content of a connection or registration file. */
#include <stdint.h>
#include <string.h>

#include "connection.h"
#include "register.h"
#include "scan.h"
#include "wire.h"

#define FRAMES 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_file(struct span text)
{
    struct connection connection;
    struct registration registration;
    char message[256];
    const char *why, *path;
    json_t *object = scan_json(text, &why);
    connection_init(&connection);
    if (json_is_object(object)) {
        registration_read(&registration, object, message, sizeof message, &path);
        if (connection_read(&connection, object, message, sizeof message, &path) == 0 &&
            curve_check_pair(&connection.curve, message, sizeof message, &path) == 0)
            json_decref(connection_write(&connection));
    }
    json_decref(object);
}

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
    registration_check(signer, frames, count, (struct span){"x", 1}, &why);
    for (size_t i = 0; i < count; i++)
        read_file(frames[i]);
    signer_free(signer);
    return 0;
}
