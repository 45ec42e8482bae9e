/* SPDX-License-Identifier: Apache-2.0
 * Operations that tidy a text up: slugify, sanitize, normalize_whitespace. */
#include "text.h"

int32_t op_normalize_whitespace(struct task *task)
{
    struct text text = text_trim(task->input, true, true);
    bool in_space = false;
    for (size_t at = 0, next; at < text.len; at = next) {
        int32_t point;
        next = utf8_next(text, at, &point);
        bool space = point_is_space(point);
        if (!space)
            buffer_add(&task->out, text.data + at, next - at);
        else if (!in_space)
            buffer_add(&task->out, " ", 1);
        in_space = space;
    }
    return 0;
}

/* Controls that a display or a reader would obey: C0 and C1 (DEL with them), zero-width and
 * direction marks, embeddings, isolates, invisible operators, the BOM. U+200D joins emoji. */
static bool is_unwanted(int32_t point)
{
    if (point < 0x20)
        return point != '\t' && point != '\n';
    return (point >= 0x7F && point <= 0x9F) ||
           (point >= 0x200B && point <= 0x200F && point != 0x200D) ||
           (point >= 0x202A && point <= 0x202E) || (point >= 0x2060 && point <= 0x2069) ||
           point == 0xFEFF;
}

static void add_wanted(struct buffer *out, struct text text)
{
    for (size_t at = 0, next; at < text.len; at = next) {
        int32_t point;
        next = utf8_next(text, at, &point);
        if (point == '\r') { /* CRLF and CR become LF */
            if (next == text.len || text.data[next] != '\n')
                buffer_add(out, "\n", 1);
        } else if (!is_unwanted(point)) {
            buffer_add(out, text.data + at, next - at);
        }
    }
}

/* Tags go last of all, for what was removed or composed before could have hidden one. */
int32_t op_sanitize(struct task *task)
{
    CLEANUP_BUFFER struct buffer wanted = {0}, composed = {0}, stripped = {0};
    add_wanted(&wanted, task->input);
    int32_t rc = buffer_check(task->call, &wanted);
    if (rc < 0 || !llmspell_bool(task->params, "strip_html", 0))
        return rc < 0 ? rc : buffer_add_nfc(task, buffer_text(&wanted), &task->out);
    rc = buffer_add_nfc(task, buffer_text(&wanted), &composed);
    if (rc == 0)
        rc = buffer_check(task->call, &composed);
    if (rc < 0)
        return rc;
    html_strip(&stripped, buffer_text(&composed));
    rc = buffer_check(task->call, &stripped);
    return rc < 0 ? rc : buffer_add_nfc(task, buffer_text(&stripped), &task->out);
}

/* Does this code point of the decomposed, folded text stand in a slug? */
static bool is_slug_point(int32_t point, bool unicode)
{
    if (unicode)
        return point_is_alphanumeric(point) || point_is_mark(point);
    return (point >= 'a' && point <= 'z') || (point >= '0' && point <= '9');
}

/* The code points of a slug, folded: NFKD without marks, or NFKC with them for unicode, where a
 * text without its marks would be another one. */
static int32_t slug_points(struct task *task, bool unicode, struct points *ret)
{
    int32_t rc = points_decompose(task->call, task->input.data, task->input.len,
                                  UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, ret);
    if (rc < 0)
        return rc;
    if (unicode) {
        points_compose(ret);
        return 0;
    }
    size_t kept = 0;
    for (size_t i = 0; i < ret->len; i++)
        if (!point_is_mark(ret->data[i]))
            ret->data[kept++] = ret->data[i];
    ret->len = kept;
    return 0;
}

/* One word more; false if the length is used up (*left clusters, negative: no limit). */
static bool add_slug_word(struct buffer *out, struct text word, struct text separator,
                          int64_t separator_length, int64_t *left)
{
    if (out->len > 0) {
        if (*left >= 0 && *left <= separator_length)
            return false;
        buffer_add_text(out, separator);
        *left -= *left >= 0 ? separator_length : 0;
    }
    if (*left < 0) {
        buffer_add_text(out, word);
        return true;
    }
    size_t at = 0;
    for (; *left > 0 && at < word.len; --*left)
        at = grapheme_end(word, at);
    buffer_add(out, word.data, at);
    return at == word.len;
}

int32_t op_slugify(struct task *task)
{
    CLEANUP_POINTS struct points points = {0};
    CLEANUP_BUFFER struct buffer word = {0};
    bool unicode = llmspell_bool(task->params, "unicode", 0), more = true;
    struct text separator = text_param(task, "separator", "-");
    int64_t separator_length = grapheme_count(task->call, separator);
    int64_t left = llmspell_integer(task->params, "max_length", 0);
    if (separator_length < 0)
        return (int32_t)separator_length;
    if (left == 0)
        left = -1;
    int32_t rc = slug_points(task, unicode, &points);
    for (size_t i = 0; rc == 0 && more && i <= points.len; i++) {
        if (i < points.len && is_slug_point(points.data[i], unicode)) {
            buffer_add_point(&word, points.data[i]);
        } else if (word.len > 0) {
            more =
                add_slug_word(&task->out, buffer_text(&word), separator, separator_length, &left);
            word.len = 0;
        }
    }
    return rc < 0 ? rc : buffer_check(task->call, &word);
}
