/* SPDX-License-Identifier: Apache-2.0
 * `plugin check FILE…`: what is wrong with a plugin file or a manifest, and the cure, without
 * running any of its code. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/plugin.h>

#include "cli/cli.h"
#include "cli/plugin_file.h"
#include "plugin/check.h"

struct totals {
    int errors, warnings;
};

/* The whole of a file of at most LLMSPELL_NOTE_MAX bytes; the caller frees it; NULL: errno. */
static char *read_text(const char *path, size_t *ret_size)
{
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen(path, "re");
    char *text = file ? malloc(LLMSPELL_NOTE_MAX + 2) : NULL;
    if (!text)
        return NULL;
    *ret_size = fread(text, 1, LLMSPELL_NOTE_MAX + 1, file);
    if (!ferror(file) && *ret_size <= LLMSPELL_NOTE_MAX) {
        text[*ret_size] = '\0';
        return text;
    }
    errno = ferror(file) ? EIO : EFBIG;
    free(text);
    return NULL;
}

/* Decodes the text of check; a syntax error is a finding with its line. */
static json_t *decode(struct check *check)
{
    json_error_t where;
    json_t *manifest = json_loadb(check->text, check->text_size, JSON_REJECT_DUPLICATES, &where);
    check_begin(check, "JSON");
    if (!manifest)
        check_find(check, CHECK_ERROR, "%s: its manifest is not valid JSON: line %d, column %d: %s",
                   check->source, where.line, where.column, where.text);
    else if (!json_is_object(manifest))
        check_find(check, CHECK_ERROR, "%s: a manifest is a JSON object", check->source);
    check_end(check);
    return manifest;
}

static void check_text(struct check *check)
{
    LLMSPELL_CLEANUP_JSON json_t *manifest = decode(check);
    check->manifest = manifest;
    if (json_is_object(manifest))
        check_manifest(check);
    check->manifest = NULL;
}

/* ---- a manifest alone ---- */

static bool is_json(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".json") == 0;
}

static int check_json_file(struct check *check, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(check->path, &check->text_size);
    if (!text)
        return error_set(ret_error, errno == ENOENT ? LLMSPELL_ENOTFOUND : LLMSPELL_EIO,
                         "cannot read %s: %s", check->path, strerror(errno));
    check->text = text;
    check->source = check->path;
    check_text(check);
    check->text = NULL;
    return 0;
}

/* ---- a plugin file ---- */

/* The source of the manifest, if it is beside the plugin and says the same: its lines are the
 * note's. The caller frees it. */
static char *find_source(struct check *check, const struct plugin *plugin)
{
    LLMSPELL_CLEANUP_FREE char *name = NULL;
    size_t size = 0;
    if (asprintf(&name, "%s.json", plugin->head.name) < 0) {
        name = NULL;
        return NULL;
    }
    char *path = plugin_file_beside(plugin, name);
    LLMSPELL_CLEANUP_FREE char *text = path ? read_text(path, &size) : NULL;
    if (text && size == plugin->text_size && memcmp(text, plugin->text, size) == 0)
        return path;
    if (text)
        check_find(check, CHECK_WARNING, "%s differs from what is in the plugin: build it again",
                   path);
    free(path);
    return NULL;
}

static void check_object(struct check *check, const struct plugin *plugin)
{
    struct elf elf;
    struct error error = {0};
    LLMSPELL_CLEANUP_JSON json_t *manifest =
        json_loadb(plugin->text, plugin->text_size, JSON_REJECT_DUPLICATES, NULL);
    check_begin(check, "loads: ELF");
    int rc = elf_open(plugin->path, &elf, &error);
    if (rc < 0)
        check_find(check, CHECK_ERROR, "%s", error.message);
    check_end(check);
    if (rc < 0)
        return;
    check->manifest = manifest;
    check_elf(check, &elf, &plugin->head);
    check_libraries(check, &elf);
    check->manifest = NULL;
    elf_close(&elf);
}

/* *ret_path: the file's path from the root on; the caller frees it. */
static int check_plugin_file(struct cli *cli, struct check *check, char **ret_path,
                             struct error *ret_error)
{
    struct catalog *catalog = NULL;
    struct plugin *plugin = NULL;
    LLMSPELL_CLEANUP_FREE char *source = NULL;
    int rc = plugin_file_open(cli->config, check->path, &catalog, &plugin, ret_error);
    if (rc == 0) {
        const char *base = strrchr(plugin->path, '/') + 1;
        check->path = plugin->path;
        check_begin(check, "note, ABI and file mode");
        if (plugin->state == PLUGIN_REFUSED)
            check_find(check, CHECK_ERROR, "%s", plugin->reason ? plugin->reason : "");
        else if (strncmp(base, plugin->head.name, strlen(plugin->head.name)) != 0)
            check_find(check, CHECK_WARNING, "%s holds the plugin %s: name the file %s.so", base,
                       plugin->head.name, plugin->head.name);
        source = plugin->text ? find_source(check, plugin) : NULL;
        check_end(check);
        check->text = plugin->text;
        check->text_size = plugin->text_size;
        check->source = source ? source : "manifest";
        if (plugin->text)
            check_text(check);
        if (plugin->has_head)
            check_object(check, plugin);
        *ret_path = strdup(plugin->path);
    }
    check->text = NULL;
    catalog_unref(catalog);
    return rc;
}

/* ---- showing ---- */

static void print_rows(const json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *message = llmspell_string(row, "message"), *file = llmspell_string(row, "file");
        printf("%-7s %s", llmspell_string(row, "status"), llmspell_string(row, "check"));
        if (file)
            printf(": %s:%d", file, (int)llmspell_integer(row, "line", 0));
        printf("%s%s\n", message ? ": " : "", message ? message : "");
    }
}

static json_t *document(const struct check *check, const char *path)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:O}", "status", check->errors ? "error" : "ok", "file",
                     path, "errors", check->errors, "warnings", check->warnings, "checks",
                     check->rows);
}

/* One file; its report is appended to documents. Returns an exit status. */
static int check_one(struct cli *cli, const char *path, json_t *documents, struct totals *totals)
{
    struct error error;
    LLMSPELL_CLEANUP_JSON json_t *rows = json_array();
    struct check check = {.rows = rows, .path = path};
    LLMSPELL_CLEANUP_FREE char *full = NULL;
    int rc = is_json(path) ? check_json_file(&check, &error)
                           : check_plugin_file(cli, &check, &full, &error);
    if (rc < 0)
        return cli_fail(cli, &error);
    json_array_append_new(documents, document(&check, full ? full : path));
    if (!cli->json)
        print_rows(rows);
    totals->errors += check.errors;
    totals->warnings += check.warnings;
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    const struct config *config;
    struct totals totals = {0};
    LLMSPELL_CLEANUP_JSON json_t *documents = json_array();
    int status = cli_config(cli, &config), worst = 0;
    if (status != 0)
        return status;
    for (int i = 0; i < args->count; i++) {
        if (args->count > 1 && !cli->json)
            printf("%s%s:\n", i ? "\n" : "", args->values[i]);
        status = check_one(cli, args->values[i], documents, &totals);
        worst = status > worst ? status : worst;
    }
    if (cli->json && json_array_size(documents) > 0)
        cli_print_json(cli, args->count == 1 ? json_array_get(documents, 0) : documents);
    else if (json_array_size(documents) > 0)
        printf("%d error%s, %d warning%s\n", totals.errors, totals.errors == 1 ? "" : "s",
               totals.warnings, totals.warnings == 1 ? "" : "s");
    bool failed = totals.errors || (totals.warnings && args_has(args, "strict"));
    return worst ? worst : failed ? EXIT_FAILED : EXIT_OK;
}

static const struct cli_option OPTIONS[] = {
    {"strict", 0, NULL, "warnings count as errors", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_plugin_check = {
    .name = "plugin check",
    .arguments = "FILE…",
    .summary = "check plugin files or manifests; none of their code runs",
    .help = "FILE is a plugin (.so) or a manifest (.json). Checks the note, the manifest and its\n"
            "schemas and examples, the entry, symbols, libraries, flags of the linker, modes.",
    .options = OPTIONS,
    .min_values = 1,
    .max_values = -1,
    .run = run,
};
