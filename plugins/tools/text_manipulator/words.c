/* SPDX-License-Identifier: Apache-2.0
 * The identifier cases: snake, kebab, camel, pascal, constant. Words end at characters that are
 * neither letter nor digit, between lower and upper case, and before the last capital of a run
 * that a lower case letter follows (HTTPServer = http, server); digits belong to the word before.
 */
#include "text.h"

enum letter { LETTER_NONE, LETTER_CASELESS, LETTER_LOWER, LETTER_UPPER };

/* One identifier being written. */
struct identifier {
    struct task *task;
    struct UCaseMap *first_map, *rest_map;
    enum casing first, rest; /* of the first word, of the others */
    const char *separator;
    bool started;
};

static enum letter letter_of(int32_t point, bool in_word)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return LETTER_UPPER;
    case UTF8PROC_CATEGORY_LL:
        return LETTER_LOWER;
    default:
        if (point_is_alphanumeric(point) || (in_word && point_is_mark(point)))
            return LETTER_CASELESS;
        return LETTER_NONE;
    }
}

/* Is the next letter behind offset at, past combining marks, a lower case one? */
static bool lower_follows(struct text text, size_t at)
{
    int32_t point = 0;
    do {
        if (at >= text.len)
            return false;
        at = utf8_next(text, at, &point);
    } while (point_is_mark(point));
    return letter_of(point, true) == LETTER_LOWER;
}

/* Case of the last cased letter in the word × the character at hand: does a new word begin? Where
 * there is none yet (2Fast) only the second rule can say so. */
static bool begins_word(enum letter last, enum letter letter, struct text text, size_t next)
{
    if (letter != LETTER_UPPER)
        return false;
    return last == LETTER_LOWER || lower_follows(text, next);
}

static int32_t add_word(struct identifier *id, struct text word)
{
    bool first = !id->started;
    id->started = true;
    if (first)
        return case_map_add(id->task, id->first_map, id->first, word);
    buffer_add(&id->task->out, id->separator, strlen(id->separator));
    return case_map_add(id->task, id->rest_map, id->rest, word);
}

/* The end of the word that starts at offset at with a letter or a digit. */
static size_t word_end(struct text text, size_t at)
{
    enum letter last = LETTER_CASELESS; /* digits and caseless letters keep it as it was */
    for (size_t start = at; at < text.len;) {
        int32_t point;
        size_t next = utf8_next(text, at, &point);
        enum letter letter = letter_of(point, true);
        if (letter == LETTER_NONE || (at > start && begins_word(last, letter, text, next)))
            break;
        if (letter != LETTER_CASELESS)
            last = letter;
        at = next;
    }
    return at;
}

static int32_t add_words(struct identifier *id, struct text text)
{
    unsigned count = 0;
    for (size_t at = 0, end; at < text.len; at = end) {
        int32_t point, rc = 0;
        end = utf8_next(text, at, &point);
        if (letter_of(point, false) == LETTER_NONE)
            continue;
        end = word_end(text, at);
        rc = add_word(id, text_part(text, at, end));
        if (rc == 0 && ++count % 1024 == 0)
            rc = llmspell_cancelled(id->task->call);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t write_identifier(struct task *task, enum casing first, enum casing rest,
                                const char *separator)
{
    CLEANUP_CASE_MAP struct UCaseMap *first_map = NULL;
    CLEANUP_CASE_MAP struct UCaseMap *rest_map = NULL;
    int32_t rc = case_map_new(task->call, first, &first_map);
    if (rc == 0)
        rc = case_map_new(task->call, rest, &rest_map);
    if (rc < 0)
        return rc;
    struct identifier id = {task, first_map, rest_map, first, rest, separator, false};
    return add_words(&id, task->input);
}

int32_t op_snake_case(struct task *task)
{
    return write_identifier(task, CASING_LOWER, CASING_LOWER, "_");
}

int32_t op_kebab_case(struct task *task)
{
    return write_identifier(task, CASING_LOWER, CASING_LOWER, "-");
}

int32_t op_camel_case(struct task *task)
{
    return write_identifier(task, CASING_LOWER, CASING_TITLE_WORD, "");
}

int32_t op_pascal_case(struct task *task)
{
    return write_identifier(task, CASING_TITLE_WORD, CASING_TITLE_WORD, "");
}

int32_t op_constant_case(struct task *task)
{
    return write_identifier(task, CASING_UPPER, CASING_UPPER, "_");
}
