/* SPDX-License-Identifier: Apache-2.0
 * A file as UTF-8: checked if it is that already, else converted by iconv from the encoding that
 * the caller names or uchardet guesses. Called by source.c. */
#include <errno.h>
#include <iconv.h>
#include <uchardet.h>

#include "analyzer.h"

#define SAMPLE (1u << 20) /* bytes that a guess looks at */
#define LEFT_MAX 64       /* bytes that the longest sequence of any encoding is shorter than */

/* The bytes of the sequence at p, or 0 (RFC 3629, 4). */
static size_t sequence(const unsigned char *p, size_t left)
{
    size_t size = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || size > left)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

/* How many bytes from the start on are UTF-8; eight ASCII characters at a time. */
static size_t valid_bytes(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        if (size - at >= 8) {
            memcpy(&word, text + at, 8);
            if (!(word & UINT64_C(0x8080808080808080))) {
                at += 8;
                continue;
            }
        }
        const unsigned char *p = (const unsigned char *)text + at;
        size_t length = *p < 0x80 ? 1 : sequence(p, size - at);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

static int32_t read_block(struct decoder *d, char *data, size_t size, uint64_t offset,
                          size_t *ret_size)
{
    ssize_t n;
    do
        n = pread(d->fd, data, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return llmspell_fail_at(d->call, LLMSPELL_EIO, d->pointer, "cannot read %s: %s", d->path,
                                strerror(errno));
    *ret_size = (size_t)n;
    return llmspell_cancelled(d->call);
}

/* *ret_offset: of the first byte that is not UTF-8, or UINT64_MAX. */
static int32_t find_invalid(struct decoder *d, uint64_t *ret_offset)
{
    uint64_t at = 0;
    *ret_offset = UINT64_MAX;
    for (;;) {
        size_t size = 0;
        int32_t rc = read_block(d, d->raw, DECODER_BLOCK, at, &size);
        if (rc < 0 || size == 0)
            return rc;
        size_t valid = valid_bytes(d->raw, size);
        /* a sequence that the end of the block cuts is read again with the next one */
        if (valid < size && (size - valid >= 4 || size < DECODER_BLOCK)) {
            *ret_offset = at + valid;
            return 0;
        }
        at += valid;
    }
}

/* By the beginning of the file, and what is around the first byte that is not UTF-8. */
static int32_t guess(struct decoder *d, uint64_t offset)
{
    uint64_t starts[] = {0, offset > SAMPLE ? offset - 4096 : SAMPLE};
    uchardet_t detector = uchardet_new();
    if (!detector)
        return no_memory(d->call);
    for (size_t i = 0; i < 2; i++) {
        size_t size = 0;
        int32_t rc = read_block(d, d->raw, SAMPLE, starts[i], &size);
        if (rc < 0) {
            uchardet_delete(detector);
            return rc;
        }
        if (size)
            uchardet_handle_data(detector, d->raw, size);
    }
    uchardet_data_end(detector);
    const char *name = uchardet_get_charset(detector);
    snprintf(d->name, sizeof d->name, "%s", *name && strcmp(name, "ASCII") ? name : "WINDOWS-1252");
    uchardet_delete(detector);
    return 0;
}

static bool is_utf8(const char *name)
{
    return strcasecmp(name, "UTF-8") == 0 || strcasecmp(name, "UTF8") == 0 ||
           strcasecmp(name, "ASCII") == 0 || strcasecmp(name, "US-ASCII") == 0;
}

static int32_t open_iconv(struct decoder *d)
{
    iconv_t converter = iconv_open("UTF-8", d->name);
    if (converter == (iconv_t)-1)
        return llmspell_fail_at(d->call, LLMSPELL_EINVAL, "/encoding",
                                "\"%s\" is no encoding that iconv knows", d->name);
    d->iconv = converter;
    return 0;
}

int32_t decoder_open(struct decoder *d, const char *wanted)
{
    d->raw = malloc(DECODER_BLOCK + LEFT_MAX);
    if (!d->raw)
        return no_memory(d->call);
    snprintf(d->name, sizeof d->name, "UTF-8");
    if (is_utf8(wanted))
        return 0;
    if (strcmp(wanted, "auto") != 0) {
        snprintf(d->name, sizeof d->name, "%s", wanted);
        return open_iconv(d);
    }
    uint64_t invalid = UINT64_MAX;
    int32_t rc = find_invalid(d, &invalid);
    if (rc < 0 || invalid == UINT64_MAX)
        return rc;
    rc = guess(d, invalid);
    if (rc == 0 && is_utf8(d->name)) /* wrong: it is not */
        snprintf(d->name, sizeof d->name, "WINDOWS-1252");
    return rc < 0 ? rc : open_iconv(d);
}

static int32_t fail_bytes(const struct decoder *d, uint64_t offset)
{
    return llmspell_fail_at(d->call, LLMSPELL_EPARSE, d->pointer, "%s is not %s at byte %llu%s",
                            d->path, d->name, (unsigned long long)offset,
                            d->iconv ? "" : "; encoding \"auto\" guesses");
}

/* A sequence that the end of the block cuts is read again with the next one. */
static int32_t read_plain(struct decoder *d, char *text, size_t *ret_size)
{
    size_t size = 0;
    int32_t rc = read_block(d, text, DECODER_BLOCK, d->offset, &size);
    if (rc < 0)
        return rc;
    *ret_size = valid_bytes(text, size);
    if (*ret_size == 0 && size > 0)
        return fail_bytes(d, d->offset);
    d->offset += *ret_size;
    return 0;
}

/* Converts what was read behind what was left over; at the end also what iconv held back. It takes
 * 32-bit encodings beyond Unicode for UTF-8, too: the result is looked at again. */
static int32_t convert_block(struct decoder *d, size_t size, char *text, size_t *ret_size)
{
    char *in = d->raw, *out = text;
    size_t left = d->left + size, room = DECODER_BLOCK;
    size_t done = iconv(d->iconv, &in, &left, &out, &room);
    if (done != (size_t)-1 && d->ended)
        done = iconv(d->iconv, NULL, NULL, &out, &room);
    bool goes_on = errno == E2BIG || (errno == EINVAL && !d->ended);
    *ret_size = DECODER_BLOCK - room;
    if ((done == (size_t)-1 && !goes_on) || valid_bytes(text, *ret_size) != *ret_size)
        return fail_bytes(d, d->offset - left);
    memmove(d->raw, in, left);
    d->left = left;
    return 0;
}

static int32_t read_converted(struct decoder *d, char *text, size_t *ret_size)
{
    int32_t rc = 0;
    while (rc == 0 && *ret_size == 0 && !d->ended) {
        size_t size = 0;
        if (d->left < LEFT_MAX) { /* else the last text had no room for all of it */
            rc = read_block(d, d->raw + d->left, DECODER_BLOCK / 4, d->offset, &size);
            d->offset += size;
            d->ended = size == 0;
        }
        if (rc == 0)
            rc = convert_block(d, size, text, ret_size);
    }
    return rc;
}

int32_t decoder_read(struct decoder *d, char *text, size_t *ret_size)
{
    *ret_size = 0;
    return d->iconv ? read_converted(d, text, ret_size) : read_plain(d, text, ret_size);
}

void decoder_close(struct decoder *d)
{
    if (d->iconv)
        iconv_close(d->iconv);
    if (d->fd >= 0)
        close(d->fd);
    free(d->raw);
}
