/* SPDX-License-Identifier: Apache-2.0
 * An image file as grey values, by gdk-pixbuf. The format is told from the first bytes, so that no
 * loader but those of the named formats ever sees a foreign byte; how large the image is, is
 * checked before there is memory for its pixels. */
#include "qr_code.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#define PIXELS_MAX 50000000u
#define TURN 65536u /* bytes, or pixels, between two looks at the cancel flag */

static const struct format {
    const char *name;
    size_t offset, size;
    const char *magic;
} formats[] = {
    {"png", 0, 8, "\x89PNG\r\n\x1a\n"},
    {"jpeg", 0, 3, "\xFF\xD8\xFF"},
    {"gif", 0, 4, "GIF8"},
    {"bmp", 0, 2, "BM"},
    {"tiff", 0, 4, "II*\0"},
    {"tiff", 0, 4, "MM\0*"},
    {"webp", 8, 4, "WEBP"},
};

static const char *format_name(const struct byte_buffer *file)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (file->size >= formats[i].offset + formats[i].size &&
            memcmp(file->data + formats[i].offset, formats[i].magic, formats[i].size) == 0)
            return formats[i].name;
    return NULL;
}

struct loading {
    const struct job *job;
    const char *pointer;
    GdkPixbufLoader *loader;
    int width, height;
    int rows; /* the last one that was filled, plus 1 */
    bool too_large, by_rows;
};

static void clear_loader(GdkPixbufLoader **loader)
{
    if (*loader)
        g_object_unref(*loader);
}

static void on_size(GdkPixbufLoader *loader, int width, int height, void *context)
{
    struct loading *loading = context;
    loading->width = width;
    loading->height = height;
    if (width <= 0 || height <= 0 || (uint64_t)width * (uint64_t)height <= PIXELS_MAX)
        return;
    loading->too_large = true;
    gdk_pixbuf_loader_set_size(loader, 0, 0); /* the loaders take it as an error and stop */
}

static void on_rows(GdkPixbufLoader *loader, int x, int y, int width, int height, void *context)
{
    struct loading *loading = context;
    (void)loader, (void)x, (void)width;
    loading->rows = y + height > loading->rows ? y + height : loading->rows;
}

static int32_t fail_load(const struct loading *loading, GError *error)
{
    struct llmspell_call *call = loading->job->call;
    int32_t rc;
    if (loading->too_large)
        rc = llmspell_fail_at(call, LLMSPELL_ELIMIT, loading->pointer,
                              "the image has %d × %d pixels, more than the limit of %u",
                              loading->width, loading->height, PIXELS_MAX);
    else if (error &&
             g_error_matches(error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY))
        rc = job_no_memory(loading->job);
    else
        rc = llmspell_fail_at(call, LLMSPELL_EPARSE, loading->pointer,
                              "the image cannot be read: %.200s",
                              error && error->message ? error->message : "it has no pixels");
    g_clear_error(&error);
    return rc;
}

static int32_t feed(struct loading *loading, const struct byte_buffer *file)
{
    GError *error = NULL;
    int32_t stop = 0;
    bool good = true;
    for (size_t at = 0; good && stop == 0 && at < file->size; at += TURN) {
        size_t size = file->size - at < TURN ? file->size - at : TURN;
        good = gdk_pixbuf_loader_write(loading->loader, (const guchar *)file->data + at, size,
                                       &error) &&
               !loading->too_large;
        stop = llmspell_cancelled(loading->job->call);
    }
    int rows = loading->rows; /* closing, the loader of JPEG makes up those that are missing */
    bool closed = gdk_pixbuf_loader_close(loading->loader, good && stop == 0 ? &error : NULL);
    loading->rows = rows;
    if (stop == 0 && good && closed && !loading->too_large)
        return 0;
    if (stop == 0)
        return fail_load(loading, error);
    g_clear_error(&error);
    return stop;
}

static unsigned char grey_of(const guchar *pixel, bool alpha)
{
    unsigned grey = (77u * pixel[0] + 150u * pixel[1] + 29u * pixel[2]) >> 8;
    return (unsigned char)(alpha ? (grey * pixel[3] + 255u * (255u - pixel[3])) / 255u : grey);
}

static int32_t take_pixels(const struct loading *loading, const GdkPixbuf *pixbuf,
                           struct picture *picture)
{
    bool alpha = gdk_pixbuf_get_has_alpha(pixbuf);
    size_t step = (size_t)gdk_pixbuf_get_n_channels(pixbuf);
    size_t stride = (size_t)gdk_pixbuf_get_rowstride(pixbuf);
    const guchar *pixels = gdk_pixbuf_read_pixels(pixbuf);
    picture->width = (size_t)gdk_pixbuf_get_width(pixbuf);
    picture->height = (size_t)gdk_pixbuf_get_height(pixbuf);
    picture->grey = malloc(picture->width * picture->height);
    if (!picture->grey)
        return job_no_memory(loading->job);
    for (size_t y = 0; y < picture->height; y++) {
        int32_t stop = llmspell_cancelled(loading->job->call);
        if (stop < 0)
            return stop;
        for (size_t x = 0; x < picture->width; x++)
            picture->grey[y * picture->width + x] = grey_of(pixels + y * stride + x * step, alpha);
    }
    return 0;
}

static int32_t make_loader(struct loading *loading, const struct byte_buffer *file)
{
    GError *error = NULL;
    const char *name = format_name(file);
    if (!name)
        return llmspell_fail_at(
            loading->job->call, LLMSPELL_EPARSE, loading->pointer,
            "this is not an image: PNG, JPEG, GIF, BMP, TIFF and WebP are read");
    loading->by_rows = strcmp(name, "png") == 0 || strcmp(name, "jpeg") == 0;
    loading->loader = gdk_pixbuf_loader_new_with_type(name, &error);
    if (loading->loader)
        return 0;
    g_clear_error(&error);
    return llmspell_fail_at(loading->job->call, LLMSPELL_EUNAVAILABLE, loading->pointer,
                            "gdk-pixbuf has no loader for %s here; it is in the package %s", name,
                            strcmp(name, "webp") == 0 ? "webp-pixbuf-loader"
                                                      : "libgdk-pixbuf-2.0-0");
}

int32_t picture_read(const struct job *job, const struct byte_buffer *file, const char *pointer,
                     struct picture *ret_picture)
{
    struct loading loading = {.job = job, .pointer = pointer};
    int32_t rc = make_loader(&loading, file);
    __attribute__((cleanup(clear_loader))) GdkPixbufLoader *loader = loading.loader;
    if (rc < 0)
        return rc;
    g_signal_connect(loader, "size-prepared", G_CALLBACK(on_size), &loading);
    g_signal_connect(loader, "area-updated", G_CALLBACK(on_rows), &loading);
    rc = feed(&loading, file);
    if (rc < 0)
        return rc;
    if (loading.by_rows && loading.rows < loading.height) /* the loaders say nothing of it */
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, pointer,
                                "the image is cut off: it has %d of %d rows", loading.rows,
                                loading.height);
    const GdkPixbuf *pixbuf = gdk_pixbuf_loader_get_pixbuf(loader);
    return pixbuf ? take_pixels(&loading, pixbuf, ret_picture) : fail_load(&loading, NULL);
}
