/* SPDX-License-Identifier: Apache-2.0
 * Segments of a text by ICU's break iterators, in the root locale. */
#include "analyzer.h"

#include "../shared/text_input.h"

#define STEP 4096         /* segments between two looks at the cancel flag, */
#define STEP_BYTES 262144 /* or bytes, where the segments are long */

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

static int32_t look(const struct task *task, struct span text, int32_t at)
{
    task->call->host->progress(task->call, at, (double)text.size, "reading the text");
    return llmspell_cancelled(task->call);
}

static int32_t each(const struct task *task, struct span text, UBreakIterator *breaks,
                    segment_fn each_segment, void *data)
{
    size_t count = 0;
    int32_t rc = 0, looked = 0;
    for (int32_t from = ubrk_first(breaks), to; rc >= 0; from = to) {
        to = ubrk_next(breaks);
        if (to == UBRK_DONE)
            break;
        if (++count % STEP == 0 || to - looked >= STEP_BYTES) {
            rc = look(task, text, to);
            looked = to;
        }
        if (rc == 0)
            rc = each_segment(data, (struct span){text.data + from, (size_t)(to - from)});
    }
    return rc < 0 ? rc : 0;
}

int32_t segments_each(const struct task *task, struct span text, UBreakIteratorType type,
                      segment_fn each_segment, void *data)
{
    UErrorCode code = U_ZERO_ERROR;
    UText *source = utext_openUTF8(NULL, text.data, (int64_t)text.size, &code);
    UBreakIterator *breaks = ubrk_open(type, "", NULL, 0, &code);
    if (U_SUCCESS(code))
        ubrk_setUText(breaks, source, &code);
    int32_t rc =
        U_FAILURE(code) ? fail_icu(task->call, code) : each(task, text, breaks, each_segment, data);
    if (breaks)
        ubrk_close(breaks);
    if (source)
        utext_close(source);
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
