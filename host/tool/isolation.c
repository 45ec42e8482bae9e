/* SPDX-License-Identifier: Apache-2.0
 * Settings go before the manifest, and what others wrote runs in a process. */
#include "tool/isolation.h"

#include <string.h>

#include <llmspell/tool.h>

#define DEFAULT "default"

static bool is_process(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strcmp(text, "process") == 0;
}

/* The tool's section, else [tools]; NULL: "auto", the manifest decides. */
static const char *configured(const struct isolation_wish *wish)
{
    const char *wanted = wish->forced ? wish->forced : wish->own;
    if (!wanted || strcmp(wanted, "auto") == 0)
        wanted = wish->general;
    return strcmp(wanted, "auto") == 0 ? NULL : wanted;
}

struct isolation isolation_of(const struct isolation_wish *wish)
{
    const json_t *own = json_object_get(wish->manifest, "isolation");
    const char *wanted = configured(wish);
    if (json_object_get(wish->manifest, "native"))
        return (struct isolation){true, NULL}; /* a wrong description of a C function is a crash */
    if (wanted)
        return (struct isolation){strcmp(wanted, "process") == 0, NULL};
    if (!wish->bundled || !json_is_object(own))
        return (struct isolation){!wish->bundled || is_process(own), NULL};
    return (struct isolation){is_process(json_object_get(own, DEFAULT)), own};
}

bool isolation_in_process(const struct isolation *isolation, const json_t *params)
{
    const char *operation = llmspell_string(params, "operation");
    const json_t *place = operation ? json_object_get(isolation->operations, operation) : NULL;
    return place ? is_process(place) : isolation->process;
}

bool isolation_may_be(const struct isolation *isolation, bool process)
{
    const char *key;
    json_t *place;
    json_object_foreach((json_t *)isolation->operations, key, place)
    {
        if (is_process(place) == process)
            return true;
    }
    return isolation->process == process;
}

json_t *isolation_json(const struct isolation *isolation)
{
    if (isolation->operations)
        return json_deep_copy(isolation->operations);
    return json_string(isolation->process ? "process" : "inline");
}
