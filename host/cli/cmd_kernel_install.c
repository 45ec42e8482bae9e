/* SPDX-License-Identifier: Apache-2.0
 * `kernel install`: writes a Jupyter kernelspec, so that notebooks find llmspell. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/kernel.h>
#include <llmspell/tool.h>

#include "cli/cli.h"
#include "util/textfile.h"

/* Where kernelspecs live: the caller frees it; NULL without memory. */
static char *kernels_folder(const struct args *args)
{
    char *path;
    const char *prefix = args_value(args, "prefix"), *data = getenv("JUPYTER_DATA_DIR");
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n;
    if (prefix)
        n = asprintf(&path, "%s/share/jupyter/kernels", prefix);
    else if (args_has(args, "sys-prefix"))
        n = asprintf(&path, "/usr/local/share/jupyter/kernels");
    else if (data && *data)
        n = asprintf(&path, "%s/kernels", data);
    else if (xdg && *xdg)
        n = asprintf(&path, "%s/jupyter/kernels", xdg);
    else
        n = asprintf(&path, "%s/.local/share/jupyter/kernels", home ? home : "");
    return n < 0 ? NULL : path;
}

static json_t *kernelspec(const struct cli *cli, const char *display_name)
{
    /* The version says that a registration file is understood, too (JEP 66). */
    return json_pack(
        "{s:[s, s, s, s, s, s], s:s, s:s, s:s, s:s, s:{s:b, s:[s]}}", "argv", cli->program, "-q",
        "kernel", "start", "--connection-file", "{connection_file}", "display_name", display_name,
        "language", "lua", "interrupt_mode", "message", "kernel_protocol_version",
        LLMSPELL_MESSAGES_VERSION, "metadata", "debugger", 0, "supported_encryption", "curve");
}

static int write_spec(const struct cli *cli, const char *folder, const json_t *spec)
{
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    struct error error;
    if (asprintf(&file, "%s/kernel.json", folder) < 0) {
        file = NULL;
        return EXIT_FAILED;
    }
    if (textfile_make_folders(file, &error) < 0)
        return cli_fail(cli, &error);
    if (json_dump_file(spec, file, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "llmspell: cannot write %s/kernel.json: %s\n", folder, strerror(errno));
        return EXIT_FAILED;
    }
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:s, s:O}", "status", "ok", "file", file, "kernelspec", spec);
        cli_print_json(cli, document);
    } else if (!cli->quiet) {
        printf("kernelspec written to %s\n", folder);
    }
    return EXIT_OK;
}

static int run(struct cli *cli, const struct args *args)
{
    const char *name = args_value(args, "name"), *title = args_value(args, "display-name");
    int places = args_has(args, "user") + args_has(args, "sys-prefix") + args_has(args, "prefix");
    if (places > 1)
        return cli_usage(NULL, "give one of --user, --sys-prefix and --prefix");
    if (name &&
        (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") !=
             strlen(name) ||
         !*name))
        return cli_usage(NULL, "--name may hold A-Z a-z 0-9 . _ - only");
    LLMSPELL_CLEANUP_FREE char *kernels = kernels_folder(args), *folder = NULL;
    if (!kernels || asprintf(&folder, "%s/%s", kernels, name ? name : "llmspell-lua") < 0)
        return EXIT_FAILED;
    LLMSPELL_CLEANUP_JSON json_t *spec = kernelspec(cli, title ? title : "Lua (llmspell)");
    return write_spec(cli, folder, spec);
}

static const struct cli_option OPTIONS[] = {
    {"user", 0, NULL, "for this user (default)", false},
    {"sys-prefix", 0, NULL, "for all users, in /usr/local", false},
    {"prefix", 0, "DIR", "in DIR/share/jupyter/kernels", false},
    {"name", 0, "NAME", "the kernelspec's folder (default llmspell-lua)", false},
    {"display-name", 0, "TEXT", "what front ends show", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_install = {
    .name = "kernel install",
    .arguments = "",
    .summary = "install the Jupyter kernelspec",
    .options = OPTIONS,
    .run = run,
};
