/* SPDX-License-Identifier: Apache-2.0
 * `config show`, `config check`, `config path`, `config init`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "plugin/section.h"

/* ---- show ---- */

struct showing {
    struct table *table;
    json_t *document;
    bool origin;
};

static void show_one(void *data, const char *section, const char *key, const char *value,
                     const char *origin)
{
    struct showing *showing = data;
    const char *cells[] = {section, key, *value ? value : "(unset)",
                           showing->origin ? origin : NULL};
    if (showing->table)
        table_add(showing->table, cells);
    json_t *keys = json_object_get(showing->document, section);
    if (!keys) {
        keys = json_object();
        json_object_set_new(showing->document, section, keys);
    }
    json_t *item = *value ? json_string(value) : json_null();
    if (showing->origin)
        item = json_pack("{s:o, s:s}", "value", item, "origin", origin);
    json_object_set_new(keys, key, item);
}

static int run_show(struct cli *cli, const struct args *args)
{
    static const char *const with_origin[] = {"SECTION", "KEY", "VALUE", "ORIGIN", NULL};
    static const char *const without[] = {"SECTION", "KEY", "VALUE", NULL};
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    struct showing showing = {.origin = args_has(args, "origin"), .document = json_object()};
    if (!cli->json)
        showing.table = table_new(cli, showing.origin ? with_origin : without);
    config_each(config, show_one, &showing);
    if (cli->json)
        cli_print_json(cli, showing.document);
    else
        table_print(showing.table);
    json_decref(showing.document);
    return EXIT_OK;
}

static const struct cli_option SHOW_OPTIONS[] = {
    {"origin", 0, NULL, "say where each value comes from", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_config_show = {
    .name = "config show",
    .arguments = "",
    .summary = "show every setting in force",
    .options = SHOW_OPTIONS,
    .run = run_show,
};

/* ---- check ---- */

/* The sections of plugins, against their manifests. Returns how many are wrong. */
static int check_plugins(const struct cli *cli, const struct config *config,
                         const struct catalog *catalog)
{
    const char *section;
    int wrong = 0;
    for (size_t i = 0; (section = config_plugin_section(config, i)); i++) {
        struct error error = {0};
        int rc = section_check(config, catalog, section, &error);
        if (rc < 0) {
            cli_fail(cli, &error);
            wrong++;
        }
    }
    return wrong;
}

static int run_check(struct cli *cli, const struct args *args)
{
    const struct config *config;
    const struct catalog *catalog;
    struct error error;
    if (args->count) { /* this file as if it were given with -c */
        struct config_options options = {.file = args->values[0]};
        if (config_load(&options, &cli->config, &error) < 0)
            return cli_fail(cli, &error);
    }
    int status = cli_config(cli, &config);
    if (status == 0)
        status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    if (check_plugins(cli, config, catalog) > 0)
        return EXIT_FAILED;
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = json_pack("{s:s}", "status", "ok");
        cli_print_json(cli, document);
    } else if (!cli->quiet) {
        size_t files = 0;
        while (config_file(config, files))
            files++;
        printf("the configuration is good (%zu files read)\n", files);
    }
    return EXIT_OK;
}

const struct command cmd_config_check = {
    .name = "config check",
    .arguments = "[FILE]",
    .summary = "check the configuration, or one more file on top of it",
    .max_values = 1,
    .run = run_check,
};

/* ---- path ---- */

static int run_path(struct cli *cli, const struct args *args)
{
    const struct config *config;
    const char *file;
    (void)args;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    for (size_t i = 0; (file = config_file(config, i)); i++)
        json_array_append_new(files, json_string(file));
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:O}", "home", config_home(config), "files", files);
        cli_print_json(cli, document);
        return EXIT_OK;
    }
    printf("home  %s\n", config_home(config));
    for (size_t i = 0; (file = config_file(config, i)); i++)
        printf("read  %s\n", file);
    return EXIT_OK;
}

const struct command cmd_config_path = {
    .name = "config path",
    .arguments = "",
    .summary = "show which files are read",
    .run = run_path,
};

/* ---- init ---- */

static int run_init(struct cli *cli, const struct args *args)
{
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    LLMSPELL_CLEANUP_FREE char *standard = cli_home_path(config, "llmspell.ini");
    const char *path = args->count ? args->values[0] : standard;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (args_has(args, "force") ? O_TRUNC : O_EXCL);
    int fd = path ? open(path, flags, 0644) : -1;
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file || config_write_template(file) < 0 || fflush(file) != 0) {
        fprintf(stderr, "llmspell: cannot write %s: %s%s\n", path ? path : "", strerror(errno),
                errno == EEXIST ? "; --force overwrites it" : "");
        return EXIT_FAILED;
    }
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:s}", "status", "ok", "file", path);
        cli_print_json(cli, document);
    } else if (!cli->quiet) {
        printf("%s written\n", path);
    }
    return EXIT_OK;
}

static const struct cli_option INIT_OPTIONS[] = {
    {"force", 0, NULL, "overwrite the file", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_config_init = {
    .name = "config init",
    .arguments = "[FILE]",
    .summary = "write an INI file with every setting, commented",
    .options = INIT_OPTIONS,
    .max_values = 1,
    .run = run_init,
};
