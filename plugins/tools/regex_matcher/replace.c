/* SPDX-License-Identifier: Apache-2.0
 * The operation replace: the replacement is parsed once into literal pieces and groups. */
#include "regex.h"

#include "../shared/text_input.h"

/* Literal text, or the group of a name or number. A name may belong to several groups. */
struct piece {
    struct text literal;
    const char *name; /* in the table of the pattern */
    uint32_t group;
    bool is_group;
};

struct replacement {
    struct piece *pieces;
    size_t count;
};

static void replacement_clear(struct replacement *replacement)
{
    free(replacement->pieces);
}

static int32_t refuse(struct llmspell_call *call, struct text text, size_t at, const char *what)
{
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/replacement",
                            "at offset %zu the replacement %s; write $1, ${1}, ${name}, $0, or $$ "
                            "for a dollar sign",
                            text_points(text.data, at), what);
}

/* Digits as a number, capped: no pattern has a million groups. */
static uint32_t read_number(const char *digits, size_t size)
{
    uint32_t number = 0;
    for (size_t i = 0; i < size && number < 1000000; i++)
        number = number * 10 + (uint32_t)(digits[i] - '0');
    return number;
}

static size_t count_digits(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

static bool find_group(const struct pattern *pattern, const char *key, size_t size,
                       struct piece *ret_piece)
{
    ret_piece->is_group = true;
    if (size > 0 && count_digits(key, size) == size) {
        ret_piece->group = read_number(key, size);
        return ret_piece->group <= pattern->group_count;
    }
    for (uint32_t i = 0; i < pattern->name_count; i++) {
        const char *name = pattern_name(pattern, i, &ret_piece->group);
        if (strlen(name) != size || memcmp(name, key, size) != 0)
            continue;
        ret_piece->name = name;
        return true;
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Reads what stands at the dollar sign at `at`; *ret_next is the offset behind it. */
static int32_t read_dollar(struct llmspell_call *call, const struct pattern *pattern,
                           struct text text, size_t at, struct piece *ret_piece, size_t *ret_next)
{
    const char *key = text.data + at + 1;
    size_t left = text.size - at - 1, size = count_digits(key, left), skip = 1;
    *ret_piece = (struct piece){.literal = {"$", 1}};
    *ret_next = at + 1;
    if (left == 0 || (size == 0 && *key != '{' && *key != '$' && !is_letter(*key)))
        return 0; /* a plain dollar sign */
    if (*key == '$') {
        *ret_next = at + 2;
        return 0;
    }
    if (is_letter(*key))
        return refuse(call, text, at, "has a name without braces");
    if (*key == '{') {
        const char *close = memchr(key, '}', left);
        if (!close)
            return refuse(call, text, at, "has a ${ without its }");
        size = (size_t)(close - ++key);
        skip = 3;
    }
    *ret_next = at + size + skip;
    if (!find_group(pattern, key, size, ret_piece))
        return refuse(call, text, at, "names a group that the pattern does not have");
    return 0;
}

static int32_t parse(struct llmspell_call *call, const struct pattern *pattern, struct text text,
                     struct replacement *ret)
{
    size_t room = 1;
    for (size_t i = 0; i < text.size; i++)
        room += text.data[i] == '$' ? 2 : 0;
    ret->pieces = calloc(room, sizeof *ret->pieces);
    if (!ret->pieces)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t at = 0; at < text.size;) {
        const char *dollar = memchr(text.data + at, '$', text.size - at);
        size_t end = dollar ? (size_t)(dollar - text.data) : text.size;
        if (end > at)
            ret->pieces[ret->count++].literal = (struct text){text.data + at, end - at};
        at = end;
        if (!dollar)
            break;
        int32_t rc = read_dollar(call, pattern, text, at, &ret->pieces[ret->count++], &at);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t output_add(struct llmspell_call *call, struct output *output, struct text text)
{
    if (text.size > OUTPUT_MAX - output->size)
        return llmspell_fail(call, LLMSPELL_ELIMIT, "the result is larger than %u MiB",
                             OUTPUT_MAX >> 20);
    if (output->size + text.size > output->room) {
        size_t room = (output->size + text.size) * 2;
        char *grown = realloc(output->data, room);
        if (!grown)
            return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
        output->data = grown;
        output->room = room;
    }
    if (text.size)
        memcpy(output->data + output->size, text.data, text.size);
    output->size += text.size;
    return 0;
}

/* What a group of the current match holds; "" if it took no part. */
static struct text group_text(const struct search *search, const struct piece *piece)
{
    struct text text = {"", 0};
    if (search_group(search, piece->group, &text) || !piece->name)
        return text;
    for (uint32_t i = 0; i < search->pattern->name_count; i++) { /* (?J): several of one name */
        uint32_t group = 0;
        const char *name = pattern_name(search->pattern, i, &group);
        if (strcmp(name, piece->name) == 0 && search_group(search, group, &text))
            return text;
    }
    return text;
}

static int32_t add_replacement(struct search *search, const struct replacement *replacement,
                               struct output *output)
{
    int32_t rc = 0;
    for (size_t i = 0; i < replacement->count && rc == 0; i++) {
        const struct piece *piece = &replacement->pieces[i];
        rc = output_add(search->call, output,
                        piece->is_group ? group_text(search, piece) : piece->literal);
    }
    return rc;
}

static int32_t replace_all(struct search *search, const struct replacement *replacement,
                           json_int_t limit, struct output *output, json_int_t *ret_count)
{
    size_t copied = 0;
    json_int_t count = 0;
    int32_t rc = 1;
    while (count < limit && (rc = search_next(search)) == 1) {
        size_t start = search->spans[0], end = search->spans[1];
        if (start < copied || end < start) /* \K in a subroutine: nothing is taken away twice */
            start = end = copied > start ? copied : start;
        struct text before = {search->text.data + copied, start - copied};
        if ((rc = output_add(search->call, output, before)) < 0 ||
            (rc = add_replacement(search, replacement, output)) < 0)
            break;
        copied = end;
        count++;
    }
    if (rc < 0)
        return rc;
    *ret_count = count;
    return output_add(search->call, output,
                      (struct text){search->text.data + copied, search->text.size - copied});
}

int32_t regex_replace(struct llmspell_call *call, const json_t *params,
                      const struct pattern *pattern, struct text text, json_t **ret_result)
{
    __attribute__((cleanup(replacement_clear))) struct replacement replacement = {NULL, 0};
    CLEANUP_SEARCH struct search search = {0};
    struct output output = {0};
    struct text template = {llmspell_string(params, "replacement"),
                            llmspell_string_length(params, "replacement")};
    json_int_t count = 0;
    int32_t rc = parse(call, pattern, template, &replacement);
    if (rc == 0)
        rc = search_init(&search, call, params, pattern, text);
    if (rc == 0)
        rc = replace_all(&search, &replacement, llmspell_integer(params, "limit", 1000), &output,
                         &count);
    if (rc == 0)
        rc = llmspell_return(call, ret_result,
                             json_pack("{s:s%, s:I}", "output", output.data ? output.data : "",
                                       output.size, "replacements", count));
    free(output.data);
    return rc;
}
