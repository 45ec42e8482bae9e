/* SPDX-License-Identifier: Apache-2.0
 * The engine "simple": ${name} and ${a.b} are replaced, $$ is a dollar, all else is text. */
#include "template.h"

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] <= ' ' || name.data[i] == '{' || name.data[i] == '$')
            return false;
    return name.len > 0;
}

static int32_t fail_simple(struct span text, size_t at, const char *message,
                           struct parse_error *ret_error)
{
    snprintf(ret_error->message, sizeof ret_error->message, "%s", message);
    error_place(text, at, ret_error);
    return LLMSPELL_EPARSE;
}

static void put_value(struct rendering *rendering, struct span name)
{
    const json_t *value = value_walk(rendering->context, name);
    if (!value)
        set_add(rendering->missing, name);
    value_add(&rendering->out, value, rendering->escape);
}

int32_t simple_render(struct rendering *rendering, struct span text, json_t *names,
                      struct parse_error *ret_error)
{
    size_t at = 0;
    int32_t rc = 0;
    while (rc == 0 && at < text.len && !rendering->out.error) {
        const char *dollar = memchr(text.data + at, '$', text.len - at);
        size_t next = dollar ? (size_t)(dollar - text.data) : text.len;
        text_buffer_add(&rendering->out, text.data + at, next - at);
        char kind = next + 1 < text.len ? text.data[next + 1] : '\0';
        at = next + (kind == '$' ? 2 : 1);
        if (!dollar)
            break;
        if (kind != '{') {
            text_buffer_putc(&rendering->out, '$');
            continue;
        }
        const char *brace = memchr(text.data + next, '}', text.len - next);
        if (!brace)
            return fail_simple(text, next, "${ is not closed: } is missing", ret_error);
        struct span name = {dollar + 2, (size_t)(brace - dollar) - 2};
        if (!is_name(name))
            return fail_simple(text, next, "${…} must hold a name without white space", ret_error);
        at = (size_t)(brace - text.data) + 1;
        if (names)
            set_add(names, name);
        else
            put_value(rendering, name);
        rc = llmspell_cancelled(rendering->call);
    }
    return rc;
}
