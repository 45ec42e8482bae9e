/* SPDX-License-Identifier: Apache-2.0
 * The extension llmspell.schema/1: the host's validator for schemas that a tool is given. Offered
 * by tool/extensions.c, also in runner processes. */
#ifndef HOST_CHECKER_H
#define HOST_CHECKER_H

#include <llmspell/schema.h>

extern const struct llmspell_schema checker_table;

#endif
