/* SPDX-License-Identifier: Apache-2.0
 * Recognises images by their first bytes and reads their size. The bytes may come from anywhere:
 * nothing is believed that lies beyond them. Called by mime.c and displaylib.c. */
#include <ctype.h>
#include <string.h>

#include "display.h"

struct kind {
    const char *type, *name;
    const char *magic;
    size_t magic_size;
    const char *base64; /* what the magic becomes */
};

static const struct kind KINDS[] = {
    {"image/png", "png", "\x89PNG\r\n\x1a\n", 8, "iVBORw0KGgo"},
    {"image/jpeg", "jpeg", "\xff\xd8\xff", 3, "/9j/"},
    {"image/gif", "gif", "GIF8", 4, "R0lGOD"},
    {"image/webp", "webp", "RIFF", 4, "UklGR"},
};

static const struct kind *find(const char *type)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(KINDS[i].type, type) == 0)
            return &KINDS[i];
    return NULL;
}

static unsigned big_endian(const unsigned char *bytes, int count)
{
    unsigned value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The frame header (SOF) holds the size; the segments before it are skipped. */
static void read_jpeg(const unsigned char *data, size_t size, struct image *image)
{
    for (size_t at = 2; size - at >= 9 && data[at] == 0xff;) {
        unsigned marker = data[at + 1];
        if (marker == 0xff) { /* fill */
            at++;
            continue;
        }
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            image->height = big_endian(data + at + 5, 2);
            image->width = big_endian(data + at + 7, 2);
            return;
        }
        size_t length = big_endian(data + at + 2, 2);
        if (length < 2 || length + 2 > size - at)
            return;
        at += 2 + length;
    }
}

const char *image_name(const char *type)
{
    const struct kind *kind = find(type);
    return kind ? kind->name : strcmp(type, "image/svg+xml") == 0 ? "svg" : NULL;
}

int image_look(const char *type, const char *data, size_t size, struct image *ret_image)
{
    const struct kind *kind = find(type);
    const unsigned char *bytes = (const unsigned char *)data;
    if (!kind || size < kind->magic_size || memcmp(data, kind->magic, kind->magic_size) != 0)
        return -1;
    *ret_image = (struct image){.name = kind->name};
    if (strcmp(kind->name, "png") == 0 && size >= 24) {
        ret_image->width = big_endian(bytes + 16, 4);
        ret_image->height = big_endian(bytes + 20, 4);
    } else if (strcmp(kind->name, "gif") == 0 && size >= 10) {
        ret_image->width = bytes[6] | (unsigned)bytes[7] << 8;
        ret_image->height = bytes[8] | (unsigned)bytes[9] << 8;
    } else if (strcmp(kind->name, "jpeg") == 0) {
        read_jpeg(bytes, size, ret_image);
    }
    return 0;
}

int image_is_base64(const char *type, const char *data, size_t size)
{
    const struct kind *kind = find(type);
    if (!kind || size < strlen(kind->base64) ||
        memcmp(data, kind->base64, strlen(kind->base64)) != 0)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)data[i]) && !(data[i] && strchr("+/=\r\n", data[i])))
            return 0;
    return 1;
}
