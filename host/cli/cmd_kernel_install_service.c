/* SPDX-License-Identifier: Apache-2.0
 * `kernel install-service`: writes the systemd unit under which kernels run as services. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernels.h"
#include "cli/service_unit.h"
#include "util/textfile.h"

#define UNIT "llmspell@.service"
#define FILES_MAX 2
#define COMMANDS_MAX 4

struct file {
    char *path, *text;
    enum textfile_state state; /* before we came */
};

struct install {
    struct cli *cli;
    struct service_wish wish;
    const char *id, *prefix;
    bool force;
    struct file files[FILES_MAX]; /* the unit, then what it needs */
    unsigned file_count;
    char *commands[COMMANDS_MAX]; /* what to do next */
    unsigned command_count;
};

static void install_clear(struct install *install)
{
    for (unsigned i = 0; i < install->file_count; i++) {
        free(install->files[i].path);
        free(install->files[i].text);
    }
    for (unsigned i = 0; i < install->command_count; i++)
        free(install->commands[i]);
}

static int no_memory(struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}

/* ---- what is to be written ---- */

/* Takes both; NULL: there was no memory for it. */
static int add_file(struct install *install, char *path, char *text, struct error *ret_error)
{
    struct file *file = &install->files[install->file_count++];
    *file = (struct file){.path = path, .text = text};
    if (!path || !text)
        return no_memory(ret_error);
    file->state = textfile_compare(path, text);
    return 0;
}

/* The folder of the unit is searched by the service manager of the system or of this user. */
static char *unit_path(const struct install *install)
{
    char *path;
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n;
    if (install->wish.system || install->prefix)
        n = asprintf(&path, "%s/etc/systemd/%s/" UNIT, install->prefix ? install->prefix : "",
                     install->wish.system ? "system" : "user");
    else if (xdg && *xdg)
        n = asprintf(&path, "%s/systemd/user/" UNIT, xdg);
    else
        n = asprintf(&path, "%s/.config/systemd/user/" UNIT, home ? home : "");
    return n < 0 ? NULL : path;
}

static int add_files(struct install *install, struct error *ret_error)
{
    char *text = NULL, *path = NULL;
    int rc = service_unit_text(&install->wish, &text, ret_error);
    if (rc == 0)
        rc = add_file(install, unit_path(install), text, ret_error);
    if (rc < 0 || !install->wish.system)
        return rc;
    if (asprintf(&path, "%s/etc/sysusers.d/llmspell.conf", install->prefix ? install->prefix : "") <
        0)
        path = NULL;
    return add_file(install, path, strdup(service_unit_sysusers()), ret_error);
}

static int add_command(struct install *install, const char *command, const char *more,
                       struct error *ret_error)
{
    char *text;
    if (asprintf(&text, "%s%s", command, more) < 0)
        return no_memory(ret_error);
    install->commands[install->command_count++] = text;
    return 0;
}

/* Below a prefix there is no service manager to talk to. */
static int add_commands(struct install *install, struct error *ret_error)
{
    const char *const system[] = {"systemd-sysusers", "systemctl daemon-reload",
                                  "systemctl enable --now llmspell@", NULL};
    const char *const user[] = {"systemctl --user daemon-reload",
                                "systemctl --user enable --now llmspell@", "loginctl enable-linger",
                                NULL};
    int rc = 0;
    if (install->prefix)
        return 0;
    for (const char *const *at = install->wish.system ? system : user; *at && rc == 0; at++)
        rc = add_command(install, *at, strchr(*at, '@') ? install->id : "", ret_error);
    return rc;
}

/* ---- writing ---- */

/* All or nothing: before the first is written. */
static int check_files(const struct install *install, struct error *ret_error)
{
    for (unsigned i = 0; i < install->file_count; i++)
        if (install->files[i].state == TEXTFILE_OTHER && !install->force)
            return error_set(ret_error, LLMSPELL_EBUSY,
                             "%s is there already and is different; --print shows what would be "
                             "written, --force overwrites it",
                             install->files[i].path);
    return 0;
}

static int write_files(const struct install *install, struct error *ret_error)
{
    int rc = 0;
    for (unsigned i = 0; i < install->file_count && rc == 0; i++) {
        const struct file *file = &install->files[i];
        if (file->state == TEXTFILE_SAME)
            continue;
        rc = textfile_make_folders(file->path, ret_error);
        if (rc == 0)
            rc = textfile_write(file->path, file->text, 0644, ret_error);
    }
    return rc;
}

static int fail(const struct install *install, const struct error *error)
{
    if (error->code != LLMSPELL_EPERM || install->prefix || !install->wish.system)
        return cli_fail(install->cli, error);
    fprintf(stderr, "llmspell: %s; run this as root (sudo), or install for yourself with --user\n",
            error->message);
    return EXIT_FAILED;
}

/* ---- reports ---- */

/* Why the system's unit cannot start this binary; NULL if nothing speaks against it. */
static const char *hidden_place(const struct install *install)
{
    static const char *const places[] = {"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"};
    for (size_t i = 0; install->wish.system && i < sizeof places / sizeof *places; i++)
        if (strncmp(install->wish.program, places[i], strlen(places[i])) == 0)
            return places[i];
    return NULL;
}

static void note_hidden(const struct install *install)
{
    const char *place = hidden_place(install);
    if (place && !install->cli->quiet)
        fprintf(stderr,
                "llmspell: note: the service will not find %s: the unit hides %s from it; install "
                "llmspell elsewhere (`make install`) and let that one write the unit\n",
                install->wish.program, place);
}

static const char *state_name(const struct file *file, bool print)
{
    if (file->state == TEXTFILE_SAME)
        return "unchanged";
    return !print ? "written" : file->state == TEXTFILE_ABSENT ? "absent" : "different";
}

static void report_json(const struct install *install, bool print)
{
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    LLMSPELL_CLEANUP_JSON json_t *next = json_array();
    for (unsigned i = 0; i < install->file_count; i++) {
        const struct file *file = &install->files[i];
        json_array_append_new(files, json_pack("{s:s, s:s, s:s*}", "path", file->path, "state",
                                               state_name(file, print), "text",
                                               print ? file->text : NULL));
    }
    for (unsigned i = 0; i < install->command_count; i++)
        json_array_append_new(next, json_string(install->commands[i]));
    LLMSPELL_CLEANUP_JSON json_t *document =
        json_pack("{s:s, s:O, s:O}", "status", "ok", "files", files, "commands", next);
    cli_print_json(install->cli, document);
}

static void report_text(const struct install *install)
{
    for (unsigned i = 0; i < install->file_count; i++)
        printf("%-9s %s\n", state_name(&install->files[i], false), install->files[i].path);
    for (unsigned i = 0; i < install->command_count; i++)
        printf("%-9s %s\n", i == 0 ? "next" : "", install->commands[i]);
}

static int report(const struct install *install, bool print)
{
    note_hidden(install);
    if (install->cli->json)
        report_json(install, print);
    else if (print)
        fputs(install->files[0].text, stdout);
    else if (!install->cli->quiet)
        report_text(install);
    return EXIT_OK;
}

/* ---- the command ---- */

/* The configuration says where the home is, and an id must be one for `kernel start`. */
static int read_home_and_id(struct install *install, const struct args *args)
{
    const struct config *config;
    struct error error;
    struct kernel_files files;
    const char *id = args_value(args, "id"), *home = getenv("LLMSPELL_HOME");
    int status = cli_config(install->cli, &config);
    if (status != 0)
        return status;
    install->id = id ? id : "main";
    int rc = kernel_files_set(config, install->id, &files, &error);
    if (rc < 0)
        return cli_fail(install->cli, &error);
    kernel_files_clear(&files);
    if (home && *home && !install->wish.system && !install->prefix)
        install->wish.home = config_home(config);
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    extern const struct command cmd_kernel_install_service;
    struct error error;
    bool user = args_has(args, "user"), print = args_has(args, "print");
    if (user && args_has(args, "system"))
        return cli_usage(&cmd_kernel_install_service, "give one of --user and --system");
    struct install install = {
        .cli = cli,
        .wish = {.system = args_has(args, "system") || (!user && geteuid() == 0),
                 .forking = args_has(args, "forking"),
                 .program = cli->program},
        .prefix = args_value(args, "prefix"),
        .force = args_has(args, "force"),
    };
    int status = read_home_and_id(&install, args);
    if (status != 0)
        return status;
    int rc = add_files(&install, &error);
    if (rc == 0)
        rc = add_commands(&install, &error);
    if (rc == 0 && !print)
        rc = check_files(&install, &error);
    if (rc == 0 && !print)
        rc = write_files(&install, &error);
    status = rc < 0 ? fail(&install, &error) : report(&install, print);
    install_clear(&install);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"user", 0, NULL, "for this user (default, except for root)", false},
    {"system", 0, NULL, "for the machine, as the user llmspell (default for root)", false},
    {"id", 'i', "ID", "the kernel that the printed commands start (default main)", false},
    {"forking", 0, NULL, "Type=forking instead of Type=notify", false},
    {"print", 0, NULL, "print the unit, write nothing", false},
    {"prefix", 0, "DIR", "write below DIR instead of /, for packages", false},
    {"force", 0, NULL, "overwrite a unit that is different", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_install_service = {
    .name = "kernel install-service",
    .arguments = "",
    .summary = "write the systemd unit llmspell@.service",
    .help = "The unit is a template: its instance is the kernel's id, so llmspell@ID runs the "
            "kernel ID.",
    .options = OPTIONS,
    .run = run,
};
