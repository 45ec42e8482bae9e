/* SPDX-License-Identifier: Apache-2.0
 * What the files of file_converter share: one call (struct job), growing bytes, encodings, and the
 * operations on text. */
#ifndef FILE_CONVERTER_H
#define FILE_CONVERTER_H

#include <stdbool.h>

#include <llmspell/fs.h>

#define FILE_MAX (50ull << 20) /* bytes */
#define CHUNK (256u << 10)     /* bytes between two looks at the cancel flag */

/* ---- bytes.c: bytes that grow; zeroed = empty; once out of memory it stays failed ---- */

struct bytes {
    char *data;
    size_t size, room;
    bool failed;
};

bool bytes_reserve(struct bytes *bytes, size_t more);
void bytes_add(struct bytes *bytes, const char *data, size_t size);
void bytes_fill(struct bytes *bytes, char c, size_t count);
void bytes_clear(struct bytes *bytes);
#define CLEANUP_BYTES __attribute__((cleanup(bytes_clear)))

/* ---- encoding.c: names and detection ---- */

struct encoding {
    char name[64];     /* as IANA writes it, where known; iconv takes it as well */
    char bom[4];       /* the byte order mark that the file starts with */
    size_t bom_size;   /* 0: there is none */
    double confidence; /* 0 to 1; 1 where the caller named it */
};

struct job {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    const char *path, *shown;
    char *data; /* the whole file */
    size_t size;
    struct encoding encoding; /* of the file */
};

/* The text of the file without its byte order mark. */
static inline const char *job_text(const struct job *job, size_t *ret_size)
{
    *ret_size = job->size - job->encoding.bom_size;
    return job->data + job->encoding.bom_size;
}

/* Fills *ret_name (64 bytes) with what iconv knows the encoding as. invalid_params at pointer. */
int32_t encoding_find(struct llmspell_call *call, const char *name, const char *pointer,
                      char *ret_name);

/* Sets job->encoding by from_encoding and the bytes. parse_error if it is no text. */
int32_t encoding_resolve(struct job *job);

/* The byte order mark of an encoding; 0 if it has none. */
size_t encoding_bom(const char *name, char ret_bom[4]);

/* True if tabs, blanks and line ends are the same bytes as in ASCII, and no part of another
 * character. */
bool encoding_has_ascii_lines(const char *name);

/* 2, 4, or 1: the step from which decoding goes on after an error. */
size_t encoding_unit(const char *name);

/* ---- convert.c: iconv with on_error ---- */

enum on_error { ERROR_FAIL, ERROR_REPLACE, ERROR_TRANSLIT };

/* Both: parse_error at /path with the offset. Decoded text is valid UTF-8. */
int32_t text_decode(const struct job *job, const char *from, enum on_error on_error,
                    const char *data, size_t size, struct bytes *ret_text);
int32_t text_encode(const struct job *job, const char *to, enum on_error on_error, const char *data,
                    size_t size, struct bytes *ret_data);

/* ---- lines.c ---- */

/* One line of bytes with ASCII lines: [start, end) without its end, which is [end, next). */
struct line {
    size_t start, end, next;
};

/* False at the end. Zero the line before the first. */
bool line_next(const char *data, size_t size, struct line *line);

struct line_counts {
    size_t lf, crlf, cr, lines;
};

/* "lf", "crlf", "cr" or "none": the most frequent one, the first of these if they are even. */
const char *line_dominant(const struct line_counts *counts);

/* Members of detect from the text. NULL if out of memory. */
json_t *lines_describe(const char *data, size_t size);

/* Operations: add the new text to *out and count what they change. */
typedef int32_t text_operation(const struct job *job, const char *data, size_t size,
                               struct bytes *out, size_t *ret_changes);
text_operation change_line_endings, change_indentation, change_trim;

/* ---- store.c ---- */

/* Writes data to target_path or over the file. *ret_backup: malloc'ed, or NULL if none was made. */
int32_t store(const struct job *job, bool changed, const char *data, size_t size,
              char **ret_backup);

#endif
