/* SPDX-License-Identifier: Apache-2.0
 * PCRE2: up to four compilations of a pattern. Text in ASCII does without Unicode's properties,
 * which makes \w and \d several times faster and changes nothing. Code that is watched has a
 * callout before each item, because JIT code cannot be interrupted from outside. */
#include "matcher.h"

#define STEPS_MAX 5000000u /* callouts from one start: about 50 ms */
#define MATCH_LIMIT 10000000u
#define LOOK_EVERY 4000000u /* work between two looks at the cancel flag: some milliseconds */
#define STEP_WORK 10u       /* of a callout, where one byte that is gone over is 1 */
#define LITERAL_WORK (64u << 20)
#define QUADRATIC_WINDOW (8u << 10)
#define LINEAR_WINDOW (256u << 10)

/* ---- the pattern ---- */

/* Appends a literal so that no character of it means anything. text has room for 6 bytes each. */
static size_t quote(char *text, const char *literal, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)literal[i];
        bool plain = c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z') || c == '_' || c == ' ';
        if (c < ' ' || c == 0x7F)
            at += (size_t)snprintf(text + at, 7, "\\x{%02x}", c);
        else if (plain)
            text[at++] = (char)c;
        else
            at += (size_t)snprintf(text + at, 3, "\\%c", c);
    }
    return at;
}

static bool build_text(struct matcher *matcher, const char *pattern, size_t size, bool word)
{
    static const char before[] = "(?<!\\w)(?:", after[] = ")(?!\\w)";
    matcher->text = malloc(size * 6 + sizeof before + sizeof after);
    if (!matcher->text)
        return false;
    size_t at = 0;
    if (word) {
        memcpy(matcher->text, before, sizeof before - 1);
        at = sizeof before - 1;
    }
    if (matcher->literal) {
        at += quote(matcher->text + at, pattern, size);
    } else {
        memcpy(matcher->text + at, pattern, size);
        at += size;
    }
    if (word) {
        memcpy(matcher->text + at, after, sizeof after - 1);
        at += sizeof after - 1;
    }
    matcher->size = at;
    return true;
}

static size_t count_points(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static int32_t fail_compile(struct llmspell_call *call, const char *pattern, size_t size,
                            int number, PCRE2_SIZE offset)
{
    PCRE2_UCHAR message[160];
    if (number == PCRE2_ERROR_HEAP_FAILED)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    pcre2_get_error_message(number, message, sizeof message);
    return llmspell_fail_at(
        call, LLMSPELL_EPARSE, "/pattern", "the regular expression is wrong at offset %zu: %s",
        count_points(pattern, offset < size ? offset : size), (const char *)message);
}

/* The caller's expression by itself: an error has its place there, and no ")(" gets through. */
static int32_t check_pattern(struct llmspell_call *call, const char *pattern, size_t size)
{
    int number = 0;
    PCRE2_SIZE offset = 0;
    if (size > 2 && pattern[0] == '(' && pattern[1] == '*' && pattern[2] >= 'A' &&
        pattern[2] <= 'Z')
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/pattern",
                                "the regular expression starts with a verb, (*…), which may change "
                                "limits and is not allowed");
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, size, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                      &number, &offset, NULL);
    if (!code)
        return fail_compile(call, pattern, size, number, offset);
    pcre2_code_free(code);
    return 0;
}

/* ---- compiling ---- */

static pcre2_code *compile(const char *text, size_t size, uint32_t options, int *ret_number,
                           PCRE2_SIZE *ret_offset)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) {
        *ret_number = PCRE2_ERROR_HEAP_FAILED;
        return NULL;
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text, size, options, ret_number, ret_offset, context);
    pcre2_compile_context_free(context);
    if (code)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it the interpreter works */
    return code;
}

/* A callout before each item can make a pattern too large: one in front has to do then. */
static pcre2_code *compile_watched(const struct matcher *matcher, uint32_t options, int *ret_number,
                                   PCRE2_SIZE *ret_offset)
{
    static const char callout[] = "(?C1)";
    pcre2_code *code =
        compile(matcher->text, matcher->size, options | PCRE2_AUTO_CALLOUT, ret_number, ret_offset);
    if (code || *ret_number != PCRE2_ERROR_PATTERN_TOO_LARGE)
        return code;
    LLMSPELL_CLEANUP_FREE char *text = malloc(matcher->size + sizeof callout);
    if (!text) {
        *ret_number = PCRE2_ERROR_HEAP_FAILED;
        return NULL;
    }
    memcpy(text, callout, sizeof callout - 1);
    memcpy(text + sizeof callout - 1, matcher->text, matcher->size);
    return compile(text, matcher->size + sizeof callout - 1, options, ret_number, ret_offset);
}

static int32_t get_code(struct matcher *matcher, bool ascii, bool watched, pcre2_code **ret_code)
{
    pcre2_code **code = &matcher->codes[!ascii][watched];
    int number = 0;
    PCRE2_SIZE offset = 0;
    uint32_t options = matcher->options | (ascii ? 0 : PCRE2_UCP);
    if (!*code)
        *code = watched ? compile_watched(matcher, options, &number, &offset)
                        : compile(matcher->text, matcher->size, options, &number, &offset);
    *ret_code = *code;
    return *code ? 0 : fail_compile(matcher->call, matcher->text, matcher->size, number, offset);
}

/* ---- the watch ---- */

static int watch(pcre2_callout_block *block, void *data)
{
    struct matcher *matcher = data;
    if (block->start_match != matcher->start) {
        matcher->start = block->start_match;
        matcher->steps = 0;
    }
    if (++matcher->steps > STEPS_MAX) {
        matcher->exhausted = true;
        return PCRE2_ERROR_CALLOUT;
    }
    size_t at = block->current_position, last = matcher->position;
    matcher->position = at;
    matcher->work += STEP_WORK + (at > last ? at - last : last - at);
    if (matcher->work < LOOK_EVERY)
        return 0;
    matcher->work = 0;
    matcher->stopped = llmspell_cancelled(matcher->call);
    return matcher->stopped < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

int32_t matcher_init(struct matcher *matcher, struct llmspell_call *call, const json_t *params)
{
    const char *pattern = llmspell_string(params, "pattern");
    size_t size = llmspell_string_length(params, "pattern");
    bool word = llmspell_bool(params, "whole_word", 0);
    bool ignore_case = !llmspell_bool(params, "case_sensitive", 1);
    *matcher = (struct matcher){.call = call,
                                .literal = !llmspell_bool(params, "use_regex", 0),
                                .options = PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                                           (ignore_case ? PCRE2_CASELESS : 0)};
    int32_t rc = matcher->literal ? 0 : check_pattern(call, pattern, size);
    if (rc < 0)
        return rc;
    matcher->multiline = matcher->literal && memchr(pattern, '\n', size);
    matcher->cost = matcher->literal ? (struct cost){true, true, true}
                                     : cost_of(pattern, size, ignore_case, word);
    if (!matcher->literal && !ignore_case)
        matcher->needle = needle_of(pattern, size);
    if (matcher->needle.leads && matcher->cost.cheap)
        matcher->needle.size = 0; /* PCRE2 looks for it first, and faster */
    matcher->window = matcher->literal       ? LITERAL_WORK / (size + 8)
                      : matcher->cost.linear ? LINEAR_WINDOW
                                             : QUADRATIC_WINDOW;
    matcher->context = pcre2_match_context_create(NULL);
    matcher->stack = pcre2_jit_stack_create(32 << 10, 8 << 20, NULL);
    matcher->data = pcre2_match_data_create(1, NULL);
    if (!build_text(matcher, pattern, size, word) || !matcher->context || !matcher->data)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    pcre2_set_match_limit(matcher->context, MATCH_LIMIT);
    pcre2_set_heap_limit(matcher->context, 20480);
    pcre2_set_callout(matcher->context, watch, matcher);
    pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
    pcre2_code *code = NULL;
    return get_code(matcher, true, !matcher->cost.cheap, &code); /* too large: say so now */
}

void matcher_clear(struct matcher *matcher)
{
    for (size_t i = 0; i < 4; i++)
        pcre2_code_free(matcher->codes[i / 2][i % 2]);
    pcre2_match_context_free(matcher->context);
    pcre2_match_data_free(matcher->data);
    if (matcher->stack)
        pcre2_jit_stack_free(matcher->stack);
    free(matcher->text);
}

static int32_t fail_match(struct matcher *matcher, int status)
{
    PCRE2_UCHAR message[160];
    if (matcher->stopped < 0)
        return matcher->stopped;
    if (matcher->exhausted || status == PCRE2_ERROR_MATCHLIMIT ||
        status == PCRE2_ERROR_JIT_STACKLIMIT || status == PCRE2_ERROR_HEAPLIMIT ||
        status == PCRE2_ERROR_DEPTHLIMIT || status == PCRE2_ERROR_RECURSELOOP)
        return llmspell_fail_at(matcher->call, LLMSPELL_ELIMIT, "/pattern",
                                "the regular expression takes too many steps; make it less "
                                "ambiguous (no repetition within a repetition)");
    if (status == PCRE2_ERROR_NOMEMORY)
        return llmspell_fail(matcher->call, LLMSPELL_ENOMEM, "out of memory");
    pcre2_get_error_message(status, message, sizeof message);
    return llmspell_fail_at(matcher->call, LLMSPELL_EFAILED, "/pattern", "matching failed: %s",
                            (const char *)message);
}

int32_t matcher_find(struct matcher *matcher, const struct subject *subject, size_t from,
                     bool not_empty, size_t *ret_start, size_t *ret_end)
{
    pcre2_code *code = NULL;
    int32_t rc = get_code(matcher, subject->ascii, subject->watched, &code);
    if (rc < 0)
        return rc;
    matcher->start = SIZE_MAX;
    /* The text was checked when it was read: once, not for each match. */
    int status = pcre2_match(code, (PCRE2_SPTR)subject->data, subject->size, from,
                             PCRE2_NO_UTF_CHECK | (not_empty ? PCRE2_NOTEMPTY_ATSTART : 0),
                             matcher->data, matcher->context);
    if (status == PCRE2_ERROR_NOMATCH)
        return 0;
    if (status < 0)
        return fail_match(matcher, status);
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(matcher->data);
    *ret_start = span[0];
    *ret_end = span[1];
    return 1;
}
