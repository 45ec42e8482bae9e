/* SPDX-License-Identifier: Apache-2.0
 * Bytes that grow: what conversions write to. */
#include "file_converter.h"

bool bytes_reserve(struct bytes *bytes, size_t more)
{
    if (bytes->failed || bytes->room - bytes->size >= more)
        return !bytes->failed;
    size_t room = bytes->room + bytes->room / 2;
    if (room < bytes->size + more + 64)
        room = bytes->size + more + 64;
    char *data = realloc(bytes->data, room);
    if (!data) {
        bytes->failed = true;
        return false;
    }
    bytes->data = data;
    bytes->room = room;
    return true;
}

void bytes_add(struct bytes *bytes, const char *data, size_t size)
{
    if (size == 0 || !bytes_reserve(bytes, size))
        return;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_fill(struct bytes *bytes, char c, size_t count)
{
    if (count == 0 || !bytes_reserve(bytes, count))
        return;
    memset(bytes->data + bytes->size, c, count);
    bytes->size += count;
}

void bytes_clear(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}
