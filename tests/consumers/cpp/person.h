/* SPDX-License-Identifier: Apache-2.0
 * A person's name in words. Used by initials.cpp. */
#ifndef PERSON_H
#define PERSON_H

#include <string>
#include <vector>

class Person
{
  public:
    explicit Person(const std::string &name); /* throws std::invalid_argument: no words in it */
    std::string initials(const std::string &mark) const;

  private:
    std::vector<std::string> words;
};

#endif
