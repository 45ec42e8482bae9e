/* SPDX-License-Identifier: Apache-2.0
 * decode: the QR codes of an image, found by zbar. Its guess of character sets is switched off: the
 * bytes are looked at here. */
#include "qr_code.h"

#include <zbar.h>

#include <llmspell/fs.h>

#include "../shared/file_values.h"

#define FILE_MAX (50ull << 20)
#define SMALL 4000000u /* pixels up to which an image is tried again enlarged */
#define LARGE 1000000u /* pixels from which on it is tried again at half its size */

/* A scan of the picture, enlarged or reduced: its size times up, divided by down. */
struct scan {
    const struct job *job;
    zbar_image_scanner_t *scanner;
    zbar_image_t *image;
    size_t up, down;
    json_t *found; /* borrowed: {symbol, top, left} are added */
};

static void scan_clear(struct scan *scan)
{
    if (scan->image)
        zbar_image_destroy(scan->image);
    if (scan->scanner)
        zbar_image_scanner_destroy(scan->scanner);
}

static bool make_scanner(struct scan *scan)
{
    scan->scanner = zbar_image_scanner_create();
    scan->image = zbar_image_create();
    if (!scan->scanner || !scan->image)
        return false;
    zbar_image_scanner_set_config(scan->scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    zbar_image_scanner_set_config(scan->scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
    zbar_image_scanner_set_config(scan->scanner, ZBAR_QRCODE, ZBAR_CFG_BINARY, 1);
    zbar_image_scanner_set_config(scan->scanner, ZBAR_NONE, ZBAR_CFG_POSITION, 1);
    zbar_image_scanner_set_config(scan->scanner, ZBAR_NONE, ZBAR_CFG_TEST_INVERTED, 1);
    return true;
}

/* ---- what was found ---- */

static json_t *points_json(const struct scan *scan, const zbar_symbol_t *symbol, long *ret_top,
                           long *ret_left)
{
    json_t *points = json_array();
    for (unsigned i = 0; points && i < zbar_symbol_get_loc_size(symbol); i++) {
        long x = zbar_symbol_get_loc_x(symbol, i) * (long)scan->down / (long)scan->up;
        long y = zbar_symbol_get_loc_y(symbol, i) * (long)scan->down / (long)scan->up;
        *ret_left = i == 0 || x < *ret_left ? x : *ret_left;
        *ret_top = i == 0 || y < *ret_top ? y : *ret_top;
        json_array_append_new(points,
                              json_pack("{s:I,s:I}", "x", (json_int_t)x, "y", (json_int_t)y));
    }
    return points;
}

static json_t *symbol_json(const zbar_symbol_t *symbol)
{
    const char *data = zbar_symbol_get_data(symbol);
    size_t size = zbar_symbol_get_data_length(symbol);
    json_t *result =
        json_pack("{s:s,s:o}", "type", "qr", "data", clean_text(data ? data : "", size, false));
    if (result && utf8_valid_size(data ? data : "", size) < size)
        json_object_set_new(result, "data_base64", base64_json(data, size));
    return result;
}

static int32_t add_symbols(const struct scan *scan)
{
    for (const zbar_symbol_t *symbol = zbar_image_first_symbol(scan->image); symbol;
         symbol = zbar_symbol_next(symbol)) {
        if (zbar_symbol_get_type(symbol) != ZBAR_QRCODE)
            continue;
        long top = 0, left = 0;
        json_t *points = points_json(scan, symbol, &top, &left);
        json_t *entry = json_pack("{s:o,s:I,s:I}", "symbol", symbol_json(symbol), "top",
                                  (json_int_t)top, "left", (json_int_t)left);
        if (json_object_set_new(json_object_get(entry, "symbol"), "points", points) != 0 ||
            json_array_append_new(scan->found, entry) != 0)
            return job_no_memory(scan->job);
    }
    return 0;
}

/* ---- scanning ---- */

static unsigned char pixel_at(const struct picture *picture, const struct scan *scan, size_t x,
                              size_t y)
{
    const unsigned char *at =
        picture->grey + y * scan->down / scan->up * picture->width + x * scan->down / scan->up;
    if (scan->down == 1)
        return *at;
    return (unsigned char)((at[0] + at[1] + at[picture->width] + at[picture->width + 1]) / 4);
}

/* up is 1, or down is 1; down is 1 or 2. */
static int32_t resize(const struct picture *picture, const struct scan *scan,
                      struct picture *ret_copy)
{
    size_t width = picture->width * scan->up / scan->down;
    size_t height = picture->height * scan->up / scan->down;
    *ret_copy = (struct picture){.grey = malloc(width * height), .width = width, .height = height};
    if (!ret_copy->grey)
        return job_no_memory(scan->job);
    for (size_t y = 0; y < height; y++) {
        int32_t stop = llmspell_cancelled(scan->job->call);
        if (stop < 0)
            return stop;
        for (size_t x = 0; x < width; x++)
            ret_copy->grey[y * width + x] = pixel_at(picture, scan, x, y);
    }
    return 0;
}

static int32_t scan_once(const struct job *job, const struct picture *picture, size_t up,
                         size_t down, json_t *found)
{
    __attribute__((cleanup(scan_clear))) struct scan scan = {
        .job = job, .up = up, .down = down, .found = found};
    CLEANUP_PICTURE struct picture copy = {0};
    const struct picture *shown = up == 1 && down == 1 ? picture : &copy;
    job->call->host->progress(job->call, 0, 0,
                              up > 1     ? "scanning, enlarged"
                              : down > 1 ? "scanning, at half the size"
                                         : "scanning");
    int32_t rc = shown == &copy ? resize(picture, &scan, &copy) : 0;
    if (rc < 0)
        return rc;
    if (!make_scanner(&scan))
        return job_no_memory(job);
    zbar_image_set_format(scan.image, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(scan.image, (unsigned)shown->width, (unsigned)shown->height);
    zbar_image_set_data(scan.image, shown->grey, shown->width * shown->height, NULL);
    if (zbar_scan_image(scan.scanner, scan.image) < 0)
        return llmspell_fail(job->call, LLMSPELL_EFAILED, "zbar cannot scan the image");
    return add_symbols(&scan);
}

/* zbar wants modules of two pixels or more, and gets lost in those of hundreds. */
static int32_t scan_all(const struct job *job, const struct picture *picture, json_t *found)
{
    size_t pixels = picture->width * picture->height;
    int32_t rc = scan_once(job, picture, 1, 1, found);
    if (rc == 0 && json_array_size(found) == 0 && pixels <= SMALL)
        rc = scan_once(job, picture, 3, 1, found);
    if (rc == 0 && json_array_size(found) == 0 && pixels >= LARGE)
        rc = scan_once(job, picture, 1, 2, found);
    return rc < 0 ? rc : llmspell_cancelled(job->call);
}

/* ---- the call ---- */

static json_int_t number_of(const json_t *entry, const char *key)
{
    return json_integer_value(json_object_get(entry, key));
}

static bool is_before(const json_t *a, const json_t *b)
{
    json_int_t tops = number_of(a, "top") - number_of(b, "top");
    return tops < 0 || (tops == 0 && number_of(a, "left") < number_of(b, "left"));
}

/* Takes the first of what is left, time and again: an image has few. */
static json_t *in_reading_order(json_t *found)
{
    json_t *symbols = json_array();
    while (json_array_size(found) > 0) {
        size_t first = 0;
        for (size_t i = 1; i < json_array_size(found); i++)
            if (is_before(json_array_get(found, i), json_array_get(found, first)))
                first = i;
        json_array_append(symbols, json_object_get(json_array_get(found, first), "symbol"));
        json_array_remove(found, first);
    }
    return symbols;
}

static int32_t load(const struct job *job, struct byte_buffer *file, const char **ret_pointer)
{
    const char *text = llmspell_string(job->params, "input_base64");
    const char *path = llmspell_string(job->params, "path");
    *ret_pointer = path ? "/path" : "/input_base64";
    if (!path)
        return base64_read(job, text, llmspell_string_length(job->params, "input_base64"),
                           *ret_pointer, file);
    return llmspell_fs_read(job->call, path, "/path", FILE_MAX, &file->data, &file->size);
}

int32_t decode_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_BUFFER struct byte_buffer file = {0};
    CLEANUP_PICTURE struct picture picture = {0};
    LLMSPELL_CLEANUP_JSON json_t *found = json_array();
    const char *pointer = NULL;
    int32_t rc = load(job, &file, &pointer);
    if (rc == 0)
        rc = picture_read(job, &file, pointer, &picture);
    if (rc == 0)
        rc = scan_all(job, &picture, found);
    if (rc < 0)
        return rc;
    size_t count = json_array_size(found);
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:I,s:o}", "count", (json_int_t)count, "symbols", in_reading_order(found)));
}
