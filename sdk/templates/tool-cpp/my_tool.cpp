/* SPDX-License-Identifier: Apache-2.0
 * my_tool: counts how often a word occurs in a text. Replace this with what your tool does; what a
 * caller may send and what comes back stands in my_tool.json alone. */
#include <llmspell/tool.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <stdexcept>
#include <string>

namespace
{

/* Letters, digits, '_' and all bytes of UTF-8 letters make a word. */
bool is_letter(unsigned char c)
{
    return std::isalnum(c) || c == '_' || c >= 0x80;
}

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
        return static_cast<char>(c < 0x80 ? std::tolower(c) : c);
    });
    return text;
}

struct Counts {
    json_int_t count = 0, words = 0;
};

Counts count(const std::string &text, const std::string &word)
{
    if (!std::all_of(word.begin(), word.end(), is_letter))
        throw std::invalid_argument("a word has letters, digits and _ only: " + word);
    Counts counts;
    for (auto at = text.begin(); at != text.end();) {
        auto end = std::find_if_not(at, text.end(), is_letter);
        counts.words += end != at;
        counts.count += std::string(at, end) == word;
        at = std::find_if(end, text.end(), is_letter);
    }
    return counts;
}

/* The host calls this with params that fit the schema "parameters". It may run in several threads
 * at once. The host is C: no exception may leave this function. */
int32_t invoke(void *, struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    try {
        std::string text = llmspell_string(params, "text"), word = llmspell_string(params, "word");
        if (llmspell_bool(params, "ignore_case", 1)) {
            text = lower(text);
            word = lower(word);
        }
        const Counts counts = count(text, word);
        return llmspell_return(
            call, ret_result,
            json_pack("{s:I, s:I}", "count", counts.count, "words", counts.words));
    } catch (const std::invalid_argument &error) {
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/word", "%s", error.what());
    } catch (const std::exception &error) {
        return llmspell_fail(call, LLMSPELL_EFAILED, "%s", error.what());
    }
}

} // namespace

/* The order is fixed; open makes a state of the tool's own, close frees it. */
LLMSPELL_TOOL(.open = nullptr, .invoke = invoke, .close = nullptr)
