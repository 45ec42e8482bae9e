/* SPDX-License-Identifier: Apache-2.0
 * One pass over a text, match by match. */
#include "regex.h"

#include "../shared/text_input.h"

int32_t search_init(struct search *search, struct llmspell_call *call, const json_t *params,
                    const struct pattern *pattern, struct text text)
{
    search->call = call;
    search->pattern = pattern;
    search->text = text;
    search->data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    if (!search->data)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    search->spans = pcre2_get_ovector_pointer(search->data);
    return regex_guard_init(&search->guard, call,
                            (uint32_t)llmspell_integer(params, "match_limit", REGEX_MATCH_LIMIT));
}

void search_clear(struct search *search)
{
    pcre2_match_data_free(search->data);
    regex_guard_clear(&search->guard);
}

/* \K inside a subroutine can put the start behind the end; the end of one match is never before
 * that of the last, so the search always advances. */
static size_t next_start(const struct search *search)
{
    size_t start = search->spans[0], end = search->spans[1];
    size_t next = end > start ? end : start;
    if (end > start && next > search->at)
        return next;
    next = next > search->at ? next : search->at;
    if (next >= search->text.size)
        return search->text.size + 1;
    do
        next++;
    while (next < search->text.size && ((unsigned char)search->text.data[next] & 0xC0) == 0x80);
    return next;
}

int32_t search_next(struct search *search)
{
    if (search->at > search->text.size)
        return 0;
    int32_t rc = regex_match(&search->guard, search->pattern->code, search->text.data,
                             search->text.size, search->at, search->data, "/pattern");
    if (rc != 1)
        return rc;
    search->at = next_start(search);
    return 1;
}

bool search_group(const struct search *search, uint32_t group, struct text *ret_text)
{
    PCRE2_SIZE start = search->spans[2 * (size_t)group], end = search->spans[2 * (size_t)group + 1];
    if (start == PCRE2_UNSET)
        return false;
    *ret_text = (struct text){search->text.data + start, end > start ? end - start : 0};
    return true;
}

size_t search_points(struct search *search, size_t bytes)
{
    if (bytes < search->seen_bytes)
        search->seen_bytes = search->seen_points = 0;
    search->seen_points +=
        text_points(search->text.data + search->seen_bytes, bytes - search->seen_bytes);
    search->seen_bytes = bytes;
    return search->seen_points;
}
