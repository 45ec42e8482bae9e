/* SPDX-License-Identifier: Apache-2.0
 * Parameters and results of a tool as lists of definitions. Used by tool_page.c. */
#ifndef HOST_TOOL_MEMBERS_H
#define HOST_TOOL_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>

struct page;

/* Whether a call always needs it, whatever the other parameters say. */
bool tool_members_is_required(const json_t *parameters, const char *name);

/* The sections PARAMETERS and WHAT NEEDS WHAT. */
void tool_members_print_parameters(const struct page *page, const json_t *parameters);

/* The section RESULT; nothing if schema is NULL. */
void tool_members_print_result(const struct page *page, const json_t *schema);

#endif
