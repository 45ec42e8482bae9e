/* SPDX-License-Identifier: Apache-2.0
 * What the files of qr_code share: one call, the symbol that is drawn, the picture that is read. */
#ifndef QR_CODE_QR_CODE_H
#define QR_CODE_QR_CODE_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/byte_buffer.h"

struct job {
    struct llmspell_call *call;
    const json_t *params;
};

int32_t generate_run(const struct job *job, json_t **ret_result); /* generate.c */
int32_t decode_run(const struct job *job, json_t **ret_result);   /* decode.c */

int32_t job_no_memory(const struct job *job);

/* ---- drawing: png.c, text.c ---- */

struct colour {
    unsigned char red, green, blue;
};

struct drawing {
    const unsigned char *cells; /* modules × modules, bit 0 set: dark */
    size_t modules;
    size_t margin; /* modules */
    size_t scale;  /* pixels of a module */
    struct colour foreground, background;
};

/* Modules of a side with its margins. */
static inline size_t drawing_side(const struct drawing *drawing)
{
    return drawing->modules + 2 * drawing->margin;
}

/* x, y: in modules, margins included; light beyond the symbol. */
bool drawing_dark(const struct drawing *drawing, size_t x, size_t y);

/* Append the picture. 0 or a negative code with the error set; out->failed is left to the caller.
 */
int32_t draw_png(const struct job *job, const struct drawing *drawing, struct byte_buffer *out);
void draw_svg(const struct drawing *drawing, struct byte_buffer *out);
void draw_utf8(const struct drawing *drawing, struct byte_buffer *out);

/* ---- base64.c ---- */

json_t *base64_json(const char *data, size_t size); /* NULL: out of memory */

/* Strict base64 with padding; white space between is skipped. parse_error at pointer. */
int32_t base64_read(const struct job *job, const char *text, size_t length, const char *pointer,
                    struct byte_buffer *out);

/* ---- picture.c ---- */

struct picture {
    unsigned char *grey; /* a byte a pixel, rows from the top; owned */
    size_t width, height;
};

/* An image file in memory as grey values, on white where it is transparent. pointer: the parameter
 * that it came from. */
int32_t picture_read(const struct job *job, const struct byte_buffer *file, const char *pointer,
                     struct picture *ret_picture);

static inline void picture_clear(struct picture *picture)
{
    free(picture->grey);
    *picture = (struct picture){0};
}

#define CLEANUP_PICTURE __attribute__((cleanup(picture_clear)))

#endif
