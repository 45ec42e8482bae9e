/* SPDX-License-Identifier: Apache-2.0
 * Rules as they were written before ("range:0-10", "email"), and what an address is. Called by
 * rules.c. */
#ifndef CSV_RULE_TEXT_H
#define CSV_RULE_TEXT_H

#include <stdbool.h>

#include <llmspell/tool.h>

/* "integer|range:0-10|required" as a rule object; invalid_params at pointer. */
int32_t rule_text_parse(struct llmspell_call *call, const char *text, const char *pointer,
                        json_t **ret_rule);

/* local@domain.tld: what forms accept, not all that RFC 5322 allows. */
bool rule_is_email(const char *text, size_t size);

#endif
