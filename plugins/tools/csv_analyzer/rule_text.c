/* SPDX-License-Identifier: Apache-2.0
 * Rules as text. */
#include "rule_text.h"

#include "../shared/number.h"

static const char *const flags[] = {"required", "unique", "email", NULL};
static const char *const types[] = {"integer",  "number", "boolean", "date",
                                    "datetime", "string", NULL};

static bool is_one_of(const char *text, size_t size, const char *const *words, const char **ret)
{
    for (; *words; words++) {
        if (strlen(*words) == size && strncmp(*words, text, size) == 0) {
            *ret = *words;
            return true;
        }
    }
    return false;
}

/* "0-10", "-5--1": the dash that splits is the first that follows a digit. */
static bool put_range(json_t *rule, const char *text, size_t size)
{
    size_t dash = 1;
    double min = 0, max = 0;
    while (dash < size && !(text[dash] == '-' && text[dash - 1] >= '0' && text[dash - 1] <= '9'))
        dash++;
    if (dash >= size || !number_read(text, dash, &min) ||
        !number_read(text + dash + 1, size - dash - 1, &max))
        return false;
    return json_object_set_new(rule, "min", number_json(min)) == 0 &&
           json_object_set_new(rule, "max", number_json(max)) == 0;
}

static bool put_word(json_t *rule, const char *text, size_t size)
{
    const char *word = NULL;
    if (is_one_of(text, size, flags, &word))
        return json_object_set_new(rule, word, json_true()) == 0;
    if (is_one_of(text, size, types, &word))
        return json_object_set_new(rule, "type", json_string(word)) == 0;
    return size > 6 && strncmp(text, "range:", 6) == 0 && put_range(rule, text + 6, size - 6);
}

int32_t rule_text_parse(struct llmspell_call *call, const char *text, const char *pointer,
                        json_t **ret_rule)
{
    LLMSPELL_CLEANUP_JSON json_t *rule = json_object();
    while (*text) {
        size_t size = strcspn(text, "|,");
        while (size && *text == ' ') {
            text++;
            size--;
        }
        size_t end = size;
        while (end && text[end - 1] == ' ')
            end--;
        if (!put_word(rule, text, end))
            return llmspell_fail_at(
                call, LLMSPELL_EINVAL, pointer,
                "\"%.*s\" is no rule; there are range:FROM-TO, email, required, "
                "unique and the types",
                end > 60 ? 60 : (int)end, text);
        text += size + (text[size] != '\0');
    }
    *ret_rule = llmspell_steal_json(&rule);
    return 0;
}

/* ---- e-mail ---- */

static bool is_local(unsigned char c)
{
    return c >= 0x80 || (c > ' ' && !strchr("()<>[]:;@\\,\"", c));
}

static bool is_label(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '-';
}

/* Labels with points between them, at least two, none of which begins or ends with a dash. */
static bool is_domain(const char *text, size_t size)
{
    size_t labels = 1, length = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.') {
            if (length == 0 || text[i - 1] == '-')
                return false;
            labels++;
            length = 0;
        } else if (!is_label((unsigned char)text[i]) || (length++ == 0 && text[i] == '-')) {
            return false;
        }
    }
    return labels > 1 && length > 1 && text[size - 1] != '-';
}

bool rule_is_email(const char *text, size_t size)
{
    const char *at = memchr(text, '@', size);
    size_t local = at ? (size_t)(at - text) : 0;
    if (local == 0 || local > 64 || size > 254 || text[0] == '.' || text[local - 1] == '.')
        return false;
    for (size_t i = 0; i < local; i++)
        if (!is_local((unsigned char)text[i]) || (text[i] == '.' && text[i + 1] == '.'))
            return false;
    return is_domain(at + 1, size - local - 1);
}
