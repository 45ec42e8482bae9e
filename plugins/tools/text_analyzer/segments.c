/* SPDX-License-Identifier: Apache-2.0
 * Segments of a text by ICU's break iterators, in the root locale. */
#include "analyzer.h"

#include "../shared/text_input.h"

#define STEP 4096           /* segments between two looks at the cancel flag */
#define WINDOW (256u << 10) /* bytes that ICU is given at once, and between two looks */
#define MARGIN (16u << 10)

/* The longest segments, WINDOW times a power of two: what takes ICU less than 100 ms. Words of Thai
 * take longest. */
#define WORD_MAX (2048u << 10)
#define SENTENCE_MAX (8192u << 10)

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

size_t count_points(struct span text)
{
    return text_points(text.data, text.size);
}

UChar32 next_point(struct span text, size_t *at)
{
    const unsigned char *bytes = (const unsigned char *)text.data + *at;
    unsigned lead = *bytes++;
    size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    UChar32 point = (UChar32)(more ? lead & (0x3Fu >> more) : lead);
    *at += 1 + more;
    while (more-- > 0)
        point = point << 6 | (*bytes++ & 0x3F);
    return point;
}

bool has_letter_or_digit(struct span text)
{
    for (size_t at = 0; at < text.size;)
        if (u_isalnum(next_point(text, &at)))
            return true;
    return false;
}

static int32_t fail_icu(struct llmspell_call *call, UErrorCode code)
{
    return llmspell_fail(call,
                         code == U_MEMORY_ALLOCATION_ERROR ? LLMSPELL_ENOMEM : LLMSPELL_EFAILED,
                         "ICU cannot break the text into segments: %s", u_errorName(code));
}

static int32_t look(const struct task *task, struct span text, size_t at)
{
    task->call->host->progress(task->call, (double)at, (double)text.size, "reading the text");
    return llmspell_cancelled(task->call);
}

/* A pass over the segments of a text. ICU cannot be interrupted within a segment, so it is given
 * the text in windows. A window begins where a segment does, which ICU needs no more for; its last
 * MARGIN bytes are there for rules that look ahead. It grows up to `most` for long segments; what
 * is longer still is cut. */
struct pass {
    const struct task *task;
    struct span text;
    UBreakIterator *breaks;
    UText *source;
    segment_fn each;
    void *data;
    size_t at, window, most, count;
};

/* The end of a window that begins at `at`: not within a character. */
static size_t window_end(const struct pass *pass)
{
    size_t end = pass->text.size;
    if (end - pass->at <= pass->window)
        return end;
    end = pass->at + pass->window;
    while (((unsigned char)pass->text.data[end] & 0xC0) == 0x80)
        end--;
    return end;
}

/* The segments of a window as far as they are sure; pass->at goes behind them. */
static int32_t take_window(struct pass *pass, size_t end)
{
    const char *start = pass->text.data + pass->at;
    size_t size = end - pass->at, sure = end == pass->text.size ? size : size - MARGIN;
    bool cut = pass->window == pass->most;
    int32_t rc = 0;
    for (int32_t from = ubrk_first(pass->breaks), to; rc >= 0; from = to) {
        to = ubrk_next(pass->breaks);
        if (to == UBRK_DONE || ((size_t)to > sure && !(cut && from == 0)))
            break;
        rc = ++pass->count % STEP == 0 ? llmspell_cancelled(pass->task->call) : 0;
        if (rc == 0)
            rc = pass->each(pass->data, (struct span){start + from, (size_t)(to - from)});
        pass->at += (size_t)(to - from);
    }
    return rc;
}

static int32_t each_window(struct pass *pass)
{
    while (pass->at < pass->text.size) {
        UErrorCode code = U_ZERO_ERROR;
        size_t end = window_end(pass), before = pass->at;
        pass->source =
            utext_openUTF8(pass->source, pass->text.data + before, (int64_t)(end - before), &code);
        if (U_SUCCESS(code))
            ubrk_setUText(pass->breaks, pass->source, &code);
        if (U_FAILURE(code))
            return fail_icu(pass->task->call, code);
        int32_t rc = look(pass->task, pass->text, before);
        if (rc == 0)
            rc = take_window(pass, end);
        if (rc < 0)
            return rc;
        pass->window = pass->at > before ? WINDOW : pass->window * 2;
    }
    return 0;
}

int32_t segments_each(const struct task *task, struct span text, UBreakIteratorType type,
                      segment_fn each_segment, void *data)
{
    UErrorCode code = U_ZERO_ERROR;
    UBreakIterator *breaks = ubrk_open(type, "", NULL, 0, &code);
    struct pass pass = {.task = task,
                        .text = text,
                        .breaks = breaks,
                        .each = each_segment,
                        .data = data,
                        .window = WINDOW,
                        .most = type == UBRK_SENTENCE ? SENTENCE_MAX : WORD_MAX};
    int32_t rc = U_FAILURE(code) ? fail_icu(task->call, code) : each_window(&pass);
    if (breaks)
        ubrk_close(breaks);
    if (pass.source)
        utext_close(pass.source);
    return rc;
}

/* ---- what of them counts ---- */

struct filter {
    segment_fn each;
    void *data;
};

static int32_t pass_word(void *data, struct span segment)
{
    const struct filter *filter = data;
    return has_letter_or_digit(segment) ? filter->each(filter->data, segment) : 0;
}

int32_t words_each(const struct task *task, struct span text, segment_fn each_word, void *data)
{
    struct filter filter = {each_word, data};
    return segments_each(task, text, UBRK_WORD, pass_word, &filter);
}

static struct span trim(struct span text)
{
    size_t at = 0, from = text.size, to = 0;
    while (at < text.size) {
        size_t begin = at;
        if (u_isUWhiteSpace(next_point(text, &at)))
            continue;
        from = begin < from ? begin : from;
        to = at;
    }
    return to ? (struct span){text.data + from, to - from} : (struct span){text.data, 0};
}

static int32_t pass_sentence(void *data, struct span segment)
{
    const struct filter *filter = data;
    struct span sentence = trim(segment);
    return sentence.size ? filter->each(filter->data, sentence) : 0;
}

int32_t sentences_each(const struct task *task, struct span text, segment_fn each_sentence,
                       void *data)
{
    struct filter filter = {each_sentence, data};
    return segments_each(task, text, UBRK_SENTENCE, pass_sentence, &filter);
}
