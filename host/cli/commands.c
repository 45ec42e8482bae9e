/* SPDX-License-Identifier: Apache-2.0
 * The table of commands, in the order of `llmspell help`. */
#include "cli/cli.h"

#define COMMANDS(X)                                                                                \
    X(run)                                                                                         \
    X(exec)                                                                                        \
    X(debug)                                                                                       \
    X(tool_list)                                                                                   \
    X(tool_info)                                                                                   \
    X(tool_invoke)                                                                                 \
    X(tool_search)                                                                                 \
    X(tool_test)                                                                                   \
    X(plugin_list)                                                                                 \
    X(plugin_info)                                                                                 \
    X(plugin_check)                                                                                \
    X(plugin_new)                                                                                  \
    X(plugin_test)                                                                                 \
    X(plugin_bench)                                                                                \
    X(kernel_start)                                                                                \
    X(kernel_stop)                                                                                 \
    X(kernel_restart)                                                                              \
    X(kernel_status)                                                                               \
    X(kernel_list)                                                                                 \
    X(kernel_interrupt)                                                                            \
    X(kernel_reload)                                                                               \
    X(kernel_dump)                                                                                 \
    X(kernel_logs)                                                                                 \
    X(kernel_install)                                                                              \
    X(kernel_install_service)                                                                      \
    X(config_show)                                                                                 \
    X(config_check)                                                                                \
    X(config_path)                                                                                 \
    X(config_init)                                                                                 \
    X(version)                                                                                     \
    X(help)

#define X(name) extern const struct command cmd_##name;
COMMANDS(X)
#undef X

const struct command *const commands[] = {
#define X(name) &cmd_##name,
    COMMANDS(X)
#undef X
        NULL};
