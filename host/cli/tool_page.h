/* SPDX-License-Identifier: Apache-2.0
 * The manual page of a tool, made from its manifest. Used by cmd_tool_info.c. */
#ifndef HOST_TOOL_PAGE_H
#define HOST_TOOL_PAGE_H

#include <jansson.h>

struct cli;

/* Prints the `info` of a reply to tool_request {"command":"info"}. */
void tool_page_print(const struct cli *cli, const json_t *info);

#endif
