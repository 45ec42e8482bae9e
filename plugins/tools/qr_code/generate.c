/* SPDX-License-Identifier: Apache-2.0
 * generate: text to a symbol by libqrencode, drawn in the format asked for. */
#include "qr_code.h"

#include <errno.h>

#include <qrencode.h>

#include "../shared/save_file.h"

static void clear_code(QRcode **code)
{
    QRcode_free(*code);
}

/* The schema has checked it: #rrggbb. */
static struct colour read_colour(const struct job *job, const char *key)
{
    unsigned long value = strtoul(llmspell_string(job->params, key) + 1, NULL, 16);
    return (struct colour){.red = (unsigned char)(value >> 16),
                           .green = (unsigned char)(value >> 8),
                           .blue = (unsigned char)value};
}

static QRecLevel read_level(const struct job *job)
{
    static const char letters[] = "LMQH";
    const char *at = strchr(letters, llmspell_string(job->params, "error_correction")[0]);
    return at ? (QRecLevel)(at - letters) : QR_ECLEVEL_M;
}

static int32_t fail_size(const struct job *job, int asked, int needed)
{
    const char *level = llmspell_string(job->params, "error_correction");
    if (needed > 0)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/input",
                                "the input does not fit into version %d with error correction %s; "
                                "it needs version %d",
                                asked, level, needed);
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/input",
                            "the input does not fit into a QR code with error correction %s; "
                            "shorten it%s",
                            level, *level == 'L' ? "" : " or choose a lower error_correction");
}

/* The smaller of two: parts in the modes that suit them, which libqrencode judges without knowing
 * the version, and all of it as bytes. */
static QRcode *encode_best(const char *text, size_t size, QRecLevel level)
{
    QRcode *bytes = QRcode_encodeData((int)size, (const unsigned char *)text, 0, level);
    if (memchr(text, '\0', size))
        return bytes;
    QRcode *parts = QRcode_encodeString(text, 0, level, QR_MODE_8, 1);
    if (!parts || (bytes && bytes->version < parts->version)) {
        QRcode_free(parts);
        return bytes;
    }
    QRcode_free(bytes);
    return parts;
}

/* The same in a larger version than it needs. */
static QRcode *encode_into(const char *text, size_t size, int version, QRecLevel level)
{
    if (memchr(text, '\0', size))
        return QRcode_encodeData((int)size, (const unsigned char *)text, version, level);
    return QRcode_encodeString(text, version, level, QR_MODE_8, 1);
}

static int32_t encode(const struct job *job, QRcode **ret_code)
{
    const char *text = llmspell_string(job->params, "input");
    size_t size = llmspell_string_length(job->params, "input");
    int asked = (int)llmspell_integer(job->params, "version", 0);
    QRecLevel level = read_level(job);
    QRcode *code = encode_best(text, size, level);
    if (!code)
        return errno == ENOMEM ? job_no_memory(job) : fail_size(job, asked, 0);
    if (asked > code->version) {
        QRcode_free(code);
        code = encode_into(text, size, asked, level);
        if (!code)
            return job_no_memory(job);
    }
    int version = code->version;
    if (asked > 0 && version > asked) {
        QRcode_free(code);
        return fail_size(job, asked, version);
    }
    *ret_code = code;
    return 0;
}

static int32_t draw(const struct job *job, const struct drawing *drawing, struct byte_buffer *out)
{
    int32_t rc = 0;
    if (llmspell_is(job->params, "format", "png"))
        rc = draw_png(job, drawing, out);
    else if (llmspell_is(job->params, "format", "svg"))
        draw_svg(drawing, out);
    else
        draw_utf8(drawing, out);
    return rc == 0 && out->failed ? job_no_memory(job) : rc;
}

/* Adds the picture, or the file that has it. */
static bool put_picture(const struct job *job, json_t *result, const struct byte_buffer *picture)
{
    const char *path = llmspell_string(job->params, "target_path");
    if (path)
        return json_object_set_new(result, "path", json_string(path)) == 0 &&
               json_object_set_new(result, "bytes", json_integer((json_int_t)picture->size)) == 0;
    if (llmspell_is(job->params, "format", "png"))
        return json_object_set_new(result, "data_base64",
                                   base64_json(picture->data, picture->size)) == 0;
    return json_object_set_new(result, "data", json_stringn(picture->data, picture->size)) == 0;
}

static json_t *make_result(const struct job *job, const struct drawing *drawing, int version,
                           const struct byte_buffer *picture)
{
    bool cells = llmspell_is(job->params, "format", "utf8");
    size_t width = drawing_side(drawing) * (cells ? 1 : drawing->scale);
    json_t *result =
        json_pack("{s:s,s:i,s:I,s:s,s:I}", "format", llmspell_string(job->params, "format"),
                  "version", version, "modules", (json_int_t)drawing->modules, "error_correction",
                  llmspell_string(job->params, "error_correction"), "width", (json_int_t)width);
    if (result && !put_picture(job, result, picture)) {
        json_decref(result);
        return NULL;
    }
    return result;
}

int32_t generate_run(const struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(clear_code))) QRcode *code = NULL;
    CLEANUP_BUFFER struct byte_buffer picture = {0};
    const char *path = llmspell_string(job->params, "target_path");
    bool overwrite = llmspell_bool(job->params, "overwrite", 0);
    int32_t rc = encode(job, &code);
    if (rc == 0 && path)
        rc = save_file_check(job->call, path, overwrite);
    if (rc < 0)
        return rc;
    const struct drawing drawing = {.cells = code->data,
                                    .modules = (size_t)code->width,
                                    .margin = (size_t)llmspell_integer(job->params, "margin", 4),
                                    .scale =
                                        (size_t)llmspell_integer(job->params, "module_size", 8),
                                    .foreground = read_colour(job, "foreground"),
                                    .background = read_colour(job, "background")};
    rc = draw(job, &drawing, &picture);
    if (rc == 0 && path)
        rc = save_file(job->call, path, overwrite, picture.data, picture.size);
    return rc < 0 ? rc
                  : llmspell_return(job->call, ret_result,
                                    make_result(job, &drawing, code->version, &picture));
}
