/* SPDX-License-Identifier: Apache-2.0
 * Upper, lower and title case of whole texts: ICU in the root locale, so that results depend on
 * no setting (I lowers to i, ß raises to SS, a final sigma is one). words.c uses the mappers too.
 */
#include <unicode/ubrk.h>
#include <unicode/ucasemap.h>

#include "text.h"

static int32_t icu_failed(struct llmspell_call *call, UErrorCode code)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return no_memory(call);
    return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                         "ICU cannot map this text (%s): are its data files installed?",
                         u_errorName(code));
}

int32_t case_map_new(struct llmspell_call *call, enum casing casing, struct UCaseMap **ret_map)
{
    /* one word or sentence: its first character, also if that is no letter */
    uint32_t options = casing == CASING_TITLE_WORD
                           ? U_TITLECASE_WHOLE_STRING | U_TITLECASE_NO_BREAK_ADJUSTMENT
                           : 0;
    UErrorCode code = U_ZERO_ERROR;
    UCaseMap *map = ucasemap_open("", options, &code);
    if (U_FAILURE(code))
        return icu_failed(call, code);
    *ret_map = map;
    return 0;
}

void case_map_free(struct UCaseMap **map)
{
    if (*map)
        ucasemap_close(*map);
}

static size_t map_once(struct UCaseMap *map, enum casing casing, struct buffer *out,
                       struct text text, UErrorCode *code)
{
    char *to = out->data + out->len;
    int32_t room = (int32_t)(out->room - out->len), len = (int32_t)text.len, n;
    if (casing == CASING_UPPER)
        n = ucasemap_utf8ToUpper(map, to, room, text.data, len, code);
    else if (casing == CASING_LOWER)
        n = ucasemap_utf8ToLower(map, to, room, text.data, len, code);
    else
        n = ucasemap_utf8ToTitle(map, to, room, text.data, len, code);
    return n > 0 ? (size_t)n : 0;
}

int32_t case_map_add(struct task *task, struct UCaseMap *map, enum casing casing, struct text text)
{
    if (text.len == 0)
        return 0;
    size_t want = text.len + 16;
    for (int attempt = 0; attempt < 2; attempt++) {
        UErrorCode code = U_ZERO_ERROR;
        if (!buffer_reserve(&task->out, want))
            return 0; /* invoke reports the buffer's error */
        size_t n = map_once(map, casing, &task->out, text, &code);
        if (U_SUCCESS(code)) {
            task->out.len += n;
            return 0;
        }
        if (code != U_BUFFER_OVERFLOW_ERROR)
            return icu_failed(task->call, code);
        want = n;
    }
    return llmspell_fail(task->call, LLMSPELL_EFAILED, "ICU asked for more room than it announced");
}

static int32_t map_input(struct task *task, enum casing casing)
{
    CLEANUP_CASE_MAP struct UCaseMap *map = NULL;
    int32_t rc = case_map_new(task->call, casing, &map);
    return rc < 0 ? rc : case_map_add(task, map, casing, task->input);
}

int32_t op_uppercase(struct task *task)
{
    return map_input(task, CASING_UPPER);
}

int32_t op_lowercase(struct task *task)
{
    return map_input(task, CASING_LOWER);
}

int32_t op_title_case(struct task *task)
{
    return map_input(task, CASING_TITLE_ALL);
}

int32_t op_capitalize(struct task *task)
{
    return map_input(task, CASING_TITLE_WORD);
}

int32_t op_case_fold(struct task *task)
{
    for (size_t at = 0; at < task->input.len;) {
        int32_t point;
        at = utf8_next(task->input, at, &point);
        buffer_add_folded(&task->out, point);
    }
    return 0;
}

static bool has_alphanumeric(struct text text)
{
    for (size_t at = 0; at < text.len;) {
        int32_t point;
        at = utf8_next(text, at, &point);
        if (point_is_alphanumeric(point))
            return true;
    }
    return false;
}

static void close_text(UText **text)
{
    utext_close(*text); /* NULL is fine */
}

static void close_iterator(UBreakIterator **iterator)
{
    if (*iterator)
        ubrk_close(*iterator);
}

int32_t words_each(struct task *task, word_fn word, void *data)
{
    UErrorCode code = U_ZERO_ERROR;
    __attribute__((cleanup(close_text))) UText *text =
        utext_openUTF8(NULL, task->input.data, (int64_t)task->input.len, &code);
    __attribute__((cleanup(close_iterator))) UBreakIterator *iterator =
        ubrk_open(UBRK_WORD, "", NULL, 0, &code);
    if (U_SUCCESS(code))
        ubrk_setUText(iterator, text, &code);
    if (U_FAILURE(code))
        return icu_failed(task->call, code);
    int32_t from = ubrk_first(iterator), to;
    for (unsigned n = 0; (to = ubrk_next(iterator)) != UBRK_DONE; from = to) {
        struct text part = text_part(task->input, (size_t)from, (size_t)to);
        int32_t rc = ++n % 1024 == 0 ? llmspell_cancelled(task->call) : 0;
        if (rc == 0 && has_alphanumeric(part))
            rc = word(task, part, data);
        if (rc < 0)
            return rc;
    }
    return 0;
}
