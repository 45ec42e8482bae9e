/* SPDX-License-Identifier: Apache-2.0
 * A symbol as PNG (RFC 2083): one bit a pixel, two colours in a palette. A row of modules is packed
 * once and compressed as often as a module is high. */
#include "qr_code.h"

#include <zlib.h>

#define CHUNK 16384

static void put_number(struct byte_buffer *out, unsigned long number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_char(out, (char)(number >> shift & 0xFF));
}

static void put_chunk(struct byte_buffer *out, const char type[4], const void *data, size_t size)
{
    unsigned long crc = crc32(0, (const Bytef *)type, 4);
    put_number(out, size);
    buffer_add(out, type, 4);
    if (size > 0) {
        buffer_add(out, data, size);
        crc = crc32(crc, data, (uInt)size);
    }
    put_number(out, crc);
}

/* All that input and flush make of the stream goes out in IDAT chunks. */
static bool compress_some(z_stream *stream, int flush, struct byte_buffer *out)
{
    unsigned char chunk[CHUNK];
    int rc = Z_OK;
    do {
        stream->next_out = chunk;
        stream->avail_out = CHUNK;
        rc = deflate(stream, flush);
        if (rc == Z_STREAM_ERROR)
            return false;
        if (stream->avail_out < CHUNK)
            put_chunk(out, "IDAT", chunk, CHUNK - stream->avail_out);
    } while (stream->avail_out == 0);
    return flush != Z_FINISH || rc == Z_STREAM_END;
}

/* row: the filter byte (0, none) and a bit for each pixel. */
static void pack_row(const struct drawing *drawing, size_t y, unsigned char *row, size_t bytes)
{
    size_t width = drawing_side(drawing) * drawing->scale;
    memset(row, 0, bytes);
    for (size_t x = 0; x < width; x++)
        if (drawing_dark(drawing, x / drawing->scale, y))
            row[1 + x / 8] |= (unsigned char)(0x80u >> x % 8);
}

static int32_t put_rows(const struct job *job, const struct drawing *drawing, z_stream *stream,
                        struct byte_buffer *out)
{
    size_t side = drawing_side(drawing), bytes = 1 + (side * drawing->scale + 7) / 8;
    LLMSPELL_CLEANUP_FREE unsigned char *row = malloc(bytes);
    if (!row)
        return job_no_memory(job);
    for (size_t y = 0; y < side; y++) {
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
        pack_row(drawing, y, row, bytes);
        for (size_t i = 0; i < drawing->scale; i++) {
            stream->next_in = row;
            stream->avail_in = (uInt)bytes;
            if (!compress_some(stream, Z_NO_FLUSH, out))
                return job_no_memory(job);
        }
    }
    return compress_some(stream, Z_FINISH, out) ? 0 : job_no_memory(job);
}

int32_t draw_png(const struct job *job, const struct drawing *drawing, struct byte_buffer *out)
{
    z_stream stream = {0};
    CLEANUP_BUFFER struct byte_buffer header = {0};
    unsigned long width = drawing_side(drawing) * drawing->scale;
    const struct colour palette[] = {drawing->background, drawing->foreground};
    put_number(&header, width);
    put_number(&header, width);
    buffer_add(&header, "\1\3\0\0\0", 5); /* one bit, palette, the only methods, not interlaced */
    if (header.failed || deflateInit(&stream, Z_BEST_COMPRESSION) != Z_OK)
        return job_no_memory(job);
    buffer_add(out, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(out, "IHDR", header.data, header.size);
    put_chunk(out, "PLTE", palette, sizeof palette);
    int32_t rc = put_rows(job, drawing, &stream, out);
    deflateEnd(&stream);
    put_chunk(out, "IEND", NULL, 0);
    return rc;
}
