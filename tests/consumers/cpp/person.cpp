/* SPDX-License-Identifier: Apache-2.0
 * Names are taken apart at blanks. */
#include "person.h"

#include <sstream>
#include <stdexcept>

Person::Person(const std::string &name)
{
    std::istringstream stream(name);
    for (std::string word; stream >> word;)
        words.push_back(word);
    if (words.empty())
        throw std::invalid_argument("the name has no words");
}

/* The first code point of a word, whatever its number of bytes. */
static std::string first_letter(const std::string &word)
{
    std::size_t size = 1;
    while (size < word.size() && (static_cast<unsigned char>(word[size]) & 0xC0) == 0x80)
        size++;
    return word.substr(0, size);
}

std::string Person::initials(const std::string &mark) const
{
    std::string text;
    for (const auto &word : words)
        text += first_letter(word) + mark;
    return text;
}
