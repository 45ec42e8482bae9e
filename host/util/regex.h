/* SPDX-License-Identifier: Apache-2.0
 * A regular expression, used once: for tests of tools, not for what foreigners send. */
#ifndef HOST_REGEX_H
#define HOST_REGEX_H

#include "util/error.h"

/* 1 if pattern (PCRE2, UTF-8) is found in text, 0 if not, EINVAL if it is no pattern. NULL is none.
 * [any-thread] */
int regex_search(const char *pattern, const char *text, struct error *ret_error);

#endif
