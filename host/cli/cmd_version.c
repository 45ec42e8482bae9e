/* SPDX-License-Identifier: Apache-2.0
 * `version [--verbose]`. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <llmspell/tool.h>
#include <uv.h>

#include "cli/cli.h"

#ifndef LLMSPELL_COMMIT
#define LLMSPELL_COMMIT "unknown"
#endif
#ifndef LLMSPELL_BUILD_TYPE
#define LLMSPELL_BUILD_TYPE "unknown"
#endif

static int run(struct cli *cli, const struct args *args)
{
    char abi[16], pcre[64] = "";
    struct utsname machine;
    uname(&machine);
    snprintf(abi, sizeof abi, "%d.%d", LLMSPELL_ABI_MAJOR, LLMSPELL_ABI_MINOR);
    pcre2_config(PCRE2_CONFIG_VERSION, pcre);
    LLMSPELL_CLEANUP_JSON json_t *facts =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "version", LLMSPELL_VERSION,
                  "abi", abi, "commit", LLMSPELL_COMMIT, "build", LLMSPELL_BUILD_TYPE, "compiler",
                  __VERSION__, "machine", machine.machine, "jansson", jansson_version_str(),
                  "libuv", uv_version_string(), "pcre2", pcre);
    if (cli->json) {
        cli_print_json(cli, facts);
        return EXIT_OK;
    }
    printf("llmspell %s\n", LLMSPELL_VERSION);
    const char *key;
    json_t *value;
    json_object_foreach(facts, key, value)
    {
        if (args_has(args, "verbose") && strcmp(key, "version") != 0)
            printf("  %-10s %s\n", key, json_string_value(value));
    }
    return EXIT_OK;
}

static const struct cli_option OPTIONS[] = {
    {"verbose", 'v', NULL, "commit, ABI, compiler and libraries, too", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_version = {
    .name = "version",
    .arguments = "",
    .summary = "show the version",
    .options = OPTIONS,
    .run = run,
};
