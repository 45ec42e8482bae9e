// SPDX-License-Identifier: Apache-2.0
// A C++ tool whose exception nobody catches, for test_faults.py.
#include <stdexcept>

#include <llmspell/tool.h>

static int32_t invoke(void *, struct llmspell_call *, const json_t *, json_t **)
{
    throw std::runtime_error("nobody catches this");
}

LLMSPELL_TOOL(.open = nullptr, .invoke = invoke, .close = nullptr)
