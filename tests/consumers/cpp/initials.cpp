/* SPDX-License-Identifier: Apache-2.0
 * Makes initials: an example of a tool in C++, with a state of its own. Exceptions end here, since
 * the host is C. */
#include <llmspell/tool.h>

#include <atomic>
#include <memory>
#include <stdexcept>

#include "person.h"

namespace
{

struct Counter {
    std::atomic<long long> calls{0};
};

struct FreeJson {
    void operator()(json_t *value) const
    {
        json_decref(value);
    }
};

int32_t open(struct llmspell_call *, const json_t *, void **ret_self)
{
    *ret_self = new Counter;
    return 0;
}

int32_t invoke(void *self, struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    auto *counter = static_cast<Counter *>(self);
    try {
        const Person person(llmspell_string(params, "name"));
        const std::string text = person.initials(llmspell_string(params, "mark"));
        std::unique_ptr<json_t, FreeJson> result(json_object());
        json_object_set_new(result.get(), "initials", json_string(text.c_str()));
        json_object_set_new(result.get(), "calls", json_integer(++counter->calls));
        return llmspell_return(call, ret_result, result.release());
    } catch (const std::invalid_argument &error) {
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/name", "%s", error.what());
    } catch (const std::exception &error) {
        return llmspell_fail(call, LLMSPELL_EFAILED, "%s", error.what());
    }
}

void close(void *self)
{
    delete static_cast<Counter *>(self);
}

} // namespace

LLMSPELL_TOOL(.open = open, .invoke = invoke, .close = close)
