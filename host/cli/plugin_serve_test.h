/* SPDX-License-Identifier: Apache-2.0
 * `plugin test` of a protocol: a kernel that it serves, commands that talk to it. */
#ifndef HOST_PLUGIN_SERVE_TEST_H
#define HOST_PLUGIN_SERVE_TEST_H

#include "cli/cli.h"

/* Runs this program as daemon and as client, with a home of its own that is gone afterwards.
 * *ret_rows: a new array of {title, status, message?, duration_ms}. Returns how many failed, or a
 * negative code. */
int plugin_serve_test(const struct cli *cli, const struct plugin *plugin, int timeout_ms,
                      json_t **ret_rows, struct error *ret_error);

#endif
