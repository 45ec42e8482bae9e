/* SPDX-License-Identifier: Apache-2.0
 * PCRE2 cannot be interrupted from outside, so patterns are compiled with callouts, which look
 * whether the call was cancelled. */
#include "guarded_regex.h"

#include "text_input.h"

#define HEAP_KIB 20480
#define DEPTH_MAX 10000
#define WORK_STEP 100000u /* bytes and items between two looks: well below a millisecond */

/* The verbs at the start that only say what a newline is, or change nothing. */
static bool is_harmless_verb(const char *verb, size_t size)
{
    static const char *const harmless[] = {
        "UTF", "UCP", "CR",          "LF",          "CRLF",     "ANYCRLF",
        "ANY", "NUL", "BSR_ANYCRLF", "BSR_UNICODE", "NOTEMPTY", "NOTEMPTY_ATSTART"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strlen(harmless[i]) == size && memcmp(harmless[i], verb, size) == 0)
            return true;
    return false;
}

static bool is_forbidden_verb(const char *verb, size_t size)
{
    return (size >= 6 && memcmp(verb, "LIMIT_", 6) == 0) ||
           (size >= 3 && memcmp(verb, "NO_", 3) == 0);
}

/* Goes over the verbs at the start: *ret_end is where the pattern proper begins. */
static int32_t check_verbs(struct llmspell_call *call, const struct regex_source *source,
                           size_t *ret_end)
{
    size_t at = 0;
    while (source->size - at > 2 && memcmp(source->pattern + at, "(*", 2) == 0) {
        const char *verb = source->pattern + at + 2;
        const char *close = memchr(verb, ')', source->size - at - 2);
        size_t size = close ? (size_t)(close - verb) : source->size - at - 2;
        if (is_forbidden_verb(verb, size))
            return llmspell_fail_at(call, source->code, source->pointer,
                                    "(*%.*s) at offset %zu is not allowed: limits and "
                                    "optimisations cannot be changed by a pattern",
                                    (int)(size < 40 ? size : 40), verb,
                                    text_points(source->pattern, at));
        if (!close || !is_harmless_verb(verb, size))
            break;
        at += size + 3;
    }
    *ret_end = at;
    return 0;
}

static int32_t fail_compile(struct llmspell_call *call, const struct regex_source *source,
                            int number, PCRE2_SIZE offset)
{
    PCRE2_UCHAR message[160];
    if (number == PCRE2_ERROR_HEAP_FAILED)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    pcre2_get_error_message(number, message, sizeof message);
    if (offset > source->size)
        offset = source->size;
    return llmspell_fail_at(call, source->code, source->pointer,
                            "the pattern is wrong at offset %zu: %s",
                            text_points(source->pattern, offset), (const char *)message);
}

/* A callout before each item would make the pattern too large: one at its start, which is passed
 * for each place in the text, has to do. */
static int32_t compile_sparse(struct llmspell_call *call, const struct regex_source *source,
                              size_t start, uint32_t options, pcre2_code **ret_code)
{
    static const char callout[] = "(?C1)";
    const size_t extra = sizeof callout - 1;
    LLMSPELL_CLEANUP_FREE char *text = malloc(source->size + extra);
    if (!text)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    memcpy(text, source->pattern, start);
    memcpy(text + start, callout, extra);
    memcpy(text + start + extra, source->pattern + start, source->size - start);
    int number = 0;
    PCRE2_SIZE offset = 0;
    *ret_code =
        pcre2_compile((PCRE2_SPTR)text, source->size + extra, options, &number, &offset, NULL);
    if (*ret_code)
        return 0;
    return fail_compile(call, source, number, offset > extra ? offset - extra : 0);
}

int32_t regex_compile(struct llmspell_call *call, const struct regex_source *source,
                      pcre2_code **ret_code)
{
    size_t start = 0;
    int32_t rc = check_verbs(call, source, &start);
    if (rc < 0)
        return rc;
    int number = 0;
    PCRE2_SIZE offset = 0;
    uint32_t options = source->options | PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
    uint32_t callouts = source->for_match ? PCRE2_AUTO_CALLOUT : 0;
    *ret_code = pcre2_compile((PCRE2_SPTR)source->pattern, source->size, options | callouts,
                              &number, &offset, NULL);
    if (*ret_code)
        return 0;
    if (callouts && number == PCRE2_ERROR_PATTERN_TOO_LARGE)
        return compile_sparse(call, source, start, options, ret_code);
    return fail_compile(call, source, number, offset);
}

static int look(pcre2_callout_block *block, void *data)
{
    struct regex_guard *guard = data;
    size_t position = block->current_position, last = guard->last_position;
    guard->work += 1 + (position > last ? position - last : last - position);
    guard->last_position = position;
    if (guard->work < WORK_STEP)
        return 0;
    guard->work = 0;
    guard->stopped = llmspell_cancelled(guard->call);
    guard->call->host->progress(guard->call, (double)block->start_match, (double)guard->text_size,
                                "matching");
    return guard->stopped < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

int32_t regex_guard_init(struct regex_guard *guard, struct llmspell_call *call,
                         uint32_t match_limit)
{
    guard->call = call;
    guard->context = pcre2_match_context_create(NULL);
    if (!guard->context)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    pcre2_set_match_limit(guard->context, match_limit);
    pcre2_set_heap_limit(guard->context, HEAP_KIB);
    pcre2_set_depth_limit(guard->context, DEPTH_MAX);
    pcre2_set_callout(guard->context, look, guard);
    return 0;
}

void regex_guard_clear(struct regex_guard *guard)
{
    pcre2_match_context_free(guard->context);
}

/* offset: in code points. */
static int32_t fail_match(struct regex_guard *guard, int status, size_t offset, const char *pointer)
{
    const char *limit = status == PCRE2_ERROR_MATCHLIMIT    ? "steps"
                        : status == PCRE2_ERROR_DEPTHLIMIT  ? "nested steps (10,000)"
                        : status == PCRE2_ERROR_HEAPLIMIT   ? "memory (20 MiB)"
                        : status == PCRE2_ERROR_RECURSELOOP ? "recursion"
                                                            : NULL;
    if (guard->stopped < 0)
        return guard->stopped;
    if (limit)
        return llmspell_fail_at(guard->call, LLMSPELL_ELIMIT, pointer,
                                "matching from offset %zu on exceeds the limit of %s; make the "
                                "pattern less ambiguous",
                                offset, limit);
    if (status == PCRE2_ERROR_NOMEMORY)
        return llmspell_fail(guard->call, LLMSPELL_ENOMEM, "out of memory");
    PCRE2_UCHAR message[160];
    pcre2_get_error_message(status, message, sizeof message);
    return llmspell_fail_at(guard->call, LLMSPELL_EFAILED, pointer, "matching failed: %s",
                            (const char *)message);
}

int32_t regex_match(struct regex_guard *guard, const pcre2_code *code, const char *text,
                    size_t size, size_t at, pcre2_match_data *data, const char *pointer)
{
    int32_t stop = llmspell_cancelled(guard->call);
    if (stop < 0)
        return stop;
    guard->text_size = size;
    /* The text was checked when it was read: once, not for each match. */
    int status =
        pcre2_match(code, (PCRE2_SPTR)text, size, at, PCRE2_NO_UTF_CHECK, data, guard->context);
    if (status == PCRE2_ERROR_NOMATCH)
        return 0;
    return status < 0 ? fail_match(guard, status, text_points(text, at), pointer) : 1;
}
