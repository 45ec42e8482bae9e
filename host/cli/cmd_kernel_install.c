/* SPDX-License-Identifier: Apache-2.0
 * `kernel install`: writes a Jupyter kernelspec with its logos, so that notebooks find llmspell. */
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

/* JupyterLab shows its bug button by this alone. The kernel will read the same configuration. */
static bool has_debugger(const struct config *config)
{
    const char *list = config_string(config, "kernel", "protocol");
    for (const char *at = list; at && (at = strstr(at, "dap")); at += 3)
        if ((at == list || strchr(", ", at[-1])) && strchr(", ", at[3]))
            return true;
    return false;
}

static json_t *kernelspec(const struct cli *cli, const char *display_name,
                          const struct config *config)
{
    /* The version says that a registration file is understood, too (JEP 66). */
    return json_pack("{s:[s, s, s, s, s, s], s:s, s:s, s:s, s:s, s:{s:b, s:[s]}}", "argv",
                     cli->program, "-q", "kernel", "start", "--connection-file",
                     "{connection_file}", "display_name", display_name, "language", "lua",
                     "interrupt_mode", "message", "kernel_protocol_version",
                     LLMSPELL_MESSAGES_VERSION, "metadata", "debugger", has_debugger(config),
                     "supported_encryption", "curve");
}

/* ---- what is in the folder already ---- */

/* Does argv of a kernel.json start llmspell? One that cannot be read is nobody's. */
static bool is_ours(const char *file)
{
    LLMSPELL_CLEANUP_JSON json_t *spec = json_load_file(file, 0, NULL);
    const json_t *argv = json_object_get(spec, "argv");
    const char *program = json_string_value(json_array_get(argv, 0));
    const char *slash = program ? strrchr(program, '/') : NULL;
    return !spec || (program && strcmp(slash ? slash + 1 : program, "llmspell") == 0);
}

/* ---- writing ---- */

extern const char kernelspec_logo_svg[], kernelspec_logo_svg_end[], kernelspec_logo_32[],
    kernelspec_logo_32_end[], kernelspec_logo_64[], kernelspec_logo_64_end[];

static int write_in(const char *folder, const char *name, const char *bytes, const char *end,
                    struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL;
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    return textfile_write_bytes(path, bytes, (size_t)(end - bytes), 0644, ret_error);
}

/* kernel.json last: who finds it finds the rest. */
static int write_files(const char *folder, const json_t *spec, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = json_dumps(spec, JSON_INDENT(2));
    if (!text)
        return error_set(ret_error, LLMSPELL_EINVAL, "the display name is not UTF-8 text");
    int rc =
        write_in(folder, "logo-svg.svg", kernelspec_logo_svg, kernelspec_logo_svg_end, ret_error);
    if (rc == 0)
        rc = write_in(folder, "logo-32x32.png", kernelspec_logo_32, kernelspec_logo_32_end,
                      ret_error);
    if (rc == 0)
        rc = write_in(folder, "logo-64x64.png", kernelspec_logo_64, kernelspec_logo_64_end,
                      ret_error);
    return rc < 0 ? rc : write_in(folder, "kernel.json", text, text + strlen(text), ret_error);
}

static int write_spec(const struct cli *cli, const char *folder, const json_t *spec, bool replace)
{
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    struct error error;
    if (asprintf(&file, "%s/kernel.json", folder) < 0) {
        file = NULL;
        return EXIT_FAILED;
    }
    int rc = 0;
    if (!replace && !is_ours(file))
        rc = error_set(&error, LLMSPELL_EBUSY,
                       "%s is the kernelspec of another kernel: give another --name, or --replace",
                       file);
    if (rc == 0)
        rc = textfile_make_folders(file, &error);
    if (rc == 0)
        rc = write_files(folder, spec, &error);
    if (rc < 0)
        return cli_fail(cli, &error);
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
         !*name || *name == '.'))
        return cli_usage(NULL, "--name may hold A-Z a-z 0-9 . _ - only, and no . at its start");
    LLMSPELL_CLEANUP_FREE char *kernels = kernels_folder(args), *folder = NULL;
    if (!kernels || asprintf(&folder, "%s/%s", kernels, name ? name : "llmspell-lua") < 0)
        return EXIT_FAILED;
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    LLMSPELL_CLEANUP_JSON json_t *spec = kernelspec(cli, title ? title : "Lua (llmspell)", config);
    return write_spec(cli, folder, spec, args_has(args, "replace"));
}

static const struct cli_option OPTIONS[] = {
    {"user", 0, NULL, "for this user (default)", false},
    {"sys-prefix", 0, NULL, "for all users, in /usr/local", false},
    {"prefix", 0, "DIR", "in DIR/share/jupyter/kernels", false},
    {"name", 0, "NAME", "the kernelspec's folder (default llmspell-lua)", false},
    {"display-name", 0, "TEXT", "what front ends show", false},
    {"replace", 0, NULL, "also if another kernel's kernelspec has this name", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_install = {
    .name = "kernel install",
    .arguments = "",
    .summary = "install the Jupyter kernelspec",
    .options = OPTIONS,
    .run = run,
};
