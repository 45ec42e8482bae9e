/* SPDX-License-Identifier: Apache-2.0
 * Operations that read a text: count, and extract with its five kinds of things to find. */
#include "text.h"

typedef int32_t (*finder_fn)(struct task *task);

static int32_t append(struct task *task, struct text part)
{
    json_t *item = json_stringn(part.data, part.len);
    if (json_array_append_new(task->value, item) != 0)
        return no_memory(task->call);
    return 0;
}

static int32_t append_word(struct task *task, struct text word, void *data)
{
    (void)data;
    return append(task, word);
}

static int32_t find_words(struct task *task)
{
    return words_each(task, append_word, NULL);
}

/* The code point before offset at, or 0. */
static int32_t point_before(struct text text, size_t at)
{
    int32_t point = 0;
    if (at > 0)
        utf8_next(text, utf8_previous(text, at), &point);
    return point;
}

static bool is_word_point(int32_t point)
{
    return point == '_' || point_is_alphanumeric(point) || point_is_mark(point);
}

static bool digit_at(struct text text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

static size_t digits_end(struct text text, size_t at)
{
    while (digit_at(text, at))
        at++;
    return at;
}

/* The end of the number [-]digits[.digits][e[+-]digits] or [-].digits at offset at; at if none. */
static size_t number_end(struct text text, size_t at)
{
    bool after_word = is_word_point(point_before(text, at));
    size_t from = at;
    if (!after_word && text.data[at] == '-')
        from++;
    size_t end = digits_end(text, from);
    if (end == from && (after_word || from >= text.len || text.data[from] != '.'))
        return at;
    if (end < text.len && text.data[end] == '.' && digit_at(text, end + 1))
        end = digits_end(text, end + 1);
    if (end == from)
        return at;
    if (end < text.len && (text.data[end] == 'e' || text.data[end] == 'E')) {
        size_t exponent = end + 1;
        if (exponent < text.len && (text.data[exponent] == '-' || text.data[exponent] == '+'))
            exponent++;
        if (digit_at(text, exponent))
            end = digits_end(text, exponent);
    }
    return end;
}

static int32_t find_numbers(struct task *task)
{
    for (size_t at = 0, end; at < task->input.len; at = end) {
        end = number_end(task->input, at);
        int32_t rc = 0, point;
        if (end > at)
            rc = append(task, text_part(task->input, at, end));
        else
            end = utf8_next(task->input, at, &point);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* "#" and letters, digits, marks, "_" of which one is not a digit; not inside a word. */
static int32_t find_hashtags(struct task *task)
{
    struct text text = task->input;
    for (size_t at = 0, end; at < text.len; at = end) {
        int32_t point;
        end = utf8_next(text, at, &point);
        if (point != '#' || is_word_point(point_before(text, at)))
            continue;
        bool wordy = false;
        for (size_t next; end < text.len; end = next) {
            next = utf8_next(text, end, &point);
            if (!is_word_point(point))
                break;
            wordy = wordy || utf8proc_category(point) != UTF8PROC_CATEGORY_ND;
        }
        int32_t rc = wordy ? append(task, text_part(text, at, end)) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_local_point(int32_t point)
{
    return point_is_alphanumeric(point) || point_is_mark(point) ||
           (point > 0 && point < 0x80 && strchr("._%+-'", point));
}

/* Where the local part begins that ends at offset at, not before floor; at if there is none. */
static size_t local_start(struct text text, size_t at, size_t floor)
{
    size_t start = at;
    while (start > floor) {
        size_t before = utf8_previous(text, start);
        int32_t point;
        utf8_next(text, before, &point);
        if (!is_local_point(point))
            break;
        if (point == '.' && (start == at || text.data[start] == '.'))
            break; /* a dot stands neither last nor beside another */
        start = before;
    }
    while (start < at && strchr(".-'", text.data[start]))
        start++;
    return start;
}

/* The end of one label of a domain: letters, digits, and hyphens inside; at if there is none. */
static size_t label_end(struct text text, size_t at, bool *ret_letters)
{
    size_t end = at, kept = at;
    *ret_letters = true;
    while (end < text.len) {
        int32_t point;
        size_t next = utf8_next(text, end, &point);
        if (!point_is_alphanumeric(point) && (point != '-' || end == at))
            break;
        if (point != '-') {
            kept = next;
            *ret_letters = *ret_letters && utf8proc_category(point) != UTF8PROC_CATEGORY_ND;
        }
        end = next;
    }
    return kept;
}

/* The end of a domain of two labels or more whose last one has two letters or more and no digit;
 * at if there is none. */
static size_t domain_end(struct text text, size_t at)
{
    size_t good = at, from = at;
    for (unsigned labels = 0;; labels++) {
        bool letters;
        size_t end = label_end(text, from, &letters);
        if (end == from)
            break;
        if (labels > 0 && letters && end - from > 1)
            good = end;
        if (end + 1 >= text.len || text.data[end] != '.')
            break;
        from = end + 1;
    }
    return good;
}

static int32_t find_emails(struct task *task)
{
    struct text text = task->input;
    size_t floor = 0;
    for (size_t at = 0, end; at < text.len; at = end) {
        const char *sign = memchr(text.data + at, '@', text.len - at);
        if (!sign)
            break;
        size_t place = (size_t)(sign - text.data);
        size_t start = local_start(text, place, floor), stop = domain_end(text, place + 1);
        end = place + 1;
        if (start == place || stop == place + 1)
            continue;
        int32_t rc = append(task, text_part(text, start, stop));
        if (rc < 0)
            return rc;
        floor = end = stop;
    }
    return 0;
}

/* The length of "http://" and the like at offset at; 0 if there is none. */
static size_t scheme_length(struct text text, size_t at)
{
    static const char *const schemes[] = {"http://", "https://", "ftp://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (text.len - at > len && strncasecmp(text.data + at, schemes[i], len) == 0)
            return len;
    }
    return 0;
}

static bool is_url_point(int32_t point)
{
    if (point < 0x80)
        return point > 0x20 && point != 0x7F && !strchr("<>\"\\^`{|}", point);
    return !point_is_space(point) && utf8proc_category(point) != UTF8PROC_CATEGORY_CC;
}

/* Is point, the last of a URL, rather the sentence's? A closing bracket is not if the URL opened
 * one: depth is how many more it closes than it opens. */
static bool is_trailing(int32_t point, int depth)
{
    if (point == ')' || point == ']')
        return depth > 0;
    if (point < 0x80)
        return strchr(".,;:!?'*_~", point);
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

static int bracket_step(int32_t point)
{
    return point == ')' || point == ']' ? 1 : point == '(' || point == '[' ? -1 : 0;
}

static size_t url_end(struct text text, size_t at)
{
    int32_t point;
    size_t end = at;
    int depth = 0;
    for (size_t next; end < text.len; end = next) {
        next = utf8_next(text, end, &point);
        if (!is_url_point(point))
            break;
        depth += bracket_step(point);
    }
    while (end > at) {
        size_t before = utf8_previous(text, end);
        utf8_next(text, before, &point);
        if (!is_trailing(point, depth))
            break;
        depth -= bracket_step(point);
        end = before;
    }
    return end;
}

static int32_t find_urls(struct task *task)
{
    struct text text = task->input;
    for (size_t at = 0, end; at < text.len; at = end) {
        int32_t point, first;
        end = utf8_next(text, at, &point);
        size_t scheme = point < 0x80 ? scheme_length(text, at) : 0;
        if (scheme == 0 || is_word_point(point_before(text, at)))
            continue;
        utf8_next(text, at + scheme, &first);
        if (first != '[' && !point_is_alphanumeric(first))
            continue;
        end = url_end(text, at + scheme);
        int32_t rc = append(task, text_part(text, at, end));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t op_extract(struct task *task)
{
    static const struct {
        const char *what;
        finder_fn find;
    } finders[] = {{"urls", find_urls},
                   {"emails", find_emails},
                   {"numbers", find_numbers},
                   {"words", find_words},
                   {"hashtags", find_hashtags}};
    task->value = json_array();
    if (!task->value)
        return no_memory(task->call);
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
        if (llmspell_is(task->params, "what", finders[i].what))
            return finders[i].find(task);
    return 0;
}

static int32_t count_word(struct task *task, struct text word, void *data)
{
    (void)task;
    (void)word;
    ++*(json_int_t *)data;
    return 0;
}

static json_int_t count_points(struct text text)
{
    json_int_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
}

static json_int_t count_lines(struct text text)
{
    json_int_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '\n';
    return count + (text.len > 0 && text.data[text.len - 1] != '\n');
}

int32_t op_count(struct task *task)
{
    CLEANUP_MATCHES struct matches matches = {0};
    json_int_t words = 0;
    int64_t graphemes = grapheme_count(task->call, task->input);
    int32_t rc = graphemes < 0 ? (int32_t)graphemes : words_each(task, count_word, &words);
    if (rc == 0)
        rc = matches_find(task, text_param(task, "pattern", ""), false, 0, &matches);
    if (rc < 0)
        return rc;
    task->value =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "graphemes", (json_int_t)graphemes, "code_points",
                  count_points(task->input), "bytes", (json_int_t)task->input.len, "words", words,
                  "lines", count_lines(task->input));
    if (!task->value)
        return no_memory(task->call);
    if (llmspell_string(task->params, "pattern") &&
        json_object_set_new(task->value, "occurrences", json_integer((json_int_t)matches.count)) !=
            0)
        return no_memory(task->call);
    return 0;
}
