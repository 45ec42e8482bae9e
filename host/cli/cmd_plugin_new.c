/* SPDX-License-Identifier: Apache-2.0
 * `plugin new`: makes the folder of a plugin that builds and passes its tests at once, from a
 * template of sdk/templates, whose own name gives way to the new one. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "plugin/manifest.h"
#include "plugin/sdk_files.h"
#include "util/near.h"
#include "util/textfile.h"

static const char *const CATEGORIES[] = {"utility", "data", "filesystem", "system",
                                         "web",     "api",  "media",      NULL};

/* What stands in the templates for what the user chooses. */
#define TEMPLATE_CATEGORY "\"category\": \"utility\""
#define TEMPLATE_LICENSE "Apache-2.0"

extern const struct command cmd_plugin_new;

struct wish {
    const char *kind, *name, *folder, *category, *license;
    char title[MANIFEST_NAME_MAX + 1];
    const char *stem, *stem_title; /* the template's own: "my_tool", "My tool" */
    bool force;
};

/* ---- what was asked for ---- */

/* Copies the nearest of a NULL-terminated list behind "; did you mean ", or "". */
static void suggest(const char *word, const char *const *list, char *ret_text, size_t size)
{
    struct near nearest = {.word = word};
    for (; *list; list++)
        near_offer(&nearest, *list);
    snprintf(ret_text, size, "%s%s%s", nearest.best ? "; did you mean " : "",
             nearest.best ? nearest.best : "", nearest.best ? "?" : "");
}

static bool is_in(const char *word, const char *const *list)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list != NULL;
}

static int check_kind(const char *kind)
{
    static const char *const kinds[] = {"tool", "tool-native", "tool-cpp", "protocol", NULL};
    char meant[64];
    if (is_in(kind, kinds))
        return 0;
    suggest(kind, kinds, meant, sizeof meant);
    return cli_usage(&cmd_plugin_new,
                     "there is no kind \"%s\": tool, tool-native, tool-cpp or protocol%s", kind,
                     meant);
}

static int check_name(const char *name)
{
    static const char *const targets[] = {"all",           "clean",   "edit_cache", "help",
                                          "install",       "package", "test",       "llmspell",
                                          "rebuild_cache", NULL};
    size_t n = strlen(name);
    if (!islower((unsigned char)*name) || n > MANIFEST_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
        return cli_usage(&cmd_plugin_new,
                         "a plugin's name has 1 to %d lower-case letters, digits and _, the first "
                         "a letter; \"%s\" does not",
                         MANIFEST_NAME_MAX, name);
    if (is_in(name, targets))
        return cli_usage(&cmd_plugin_new,
                         "\"%s\" is a name that CMake keeps for itself; choose another one", name);
    return 0;
}

static int check_options(const struct wish *wish)
{
    char meant[64];
    if (wish->category && strcmp(wish->kind, "protocol") == 0)
        return cli_usage(&cmd_plugin_new, "--category is for tools");
    if (wish->category && !is_in(wish->category, CATEGORIES)) {
        suggest(wish->category, CATEGORIES, meant, sizeof meant);
        return cli_usage(&cmd_plugin_new,
                         "there is no category \"%s\": utility, data, filesystem, system, web, "
                         "api or media%s",
                         wish->category, meant);
    }
    for (const char *at = wish->license; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-+.() ", *at))
            return cli_usage(&cmd_plugin_new,
                             "--license wants an SPDX expression such as MIT, not \"%s\"",
                             wish->license);
    return 0;
}

static int read_wish(const struct args *args, struct wish *wish)
{
    *wish = (struct wish){
        .kind = args->values[0],
        .name = args->values[1],
        .folder = args->values[args->count > 2 ? 2 : 1],
        .category = args_value(args, "category"),
        .license = args_value(args, "license") ? args_value(args, "license") : TEMPLATE_LICENSE,
        .force = args_has(args, "force"),
    };
    int status = check_kind(wish->kind);
    if (status == 0)
        status = check_name(wish->name);
    if (status == 0)
        status = check_options(wish);
    if (status != 0)
        return status;
    bool protocol = strcmp(wish->kind, "protocol") == 0;
    wish->stem = protocol ? "my_protocol" : "my_tool";
    wish->stem_title = protocol ? "My protocol" : "My tool";
    snprintf(wish->title, sizeof wish->title, "%s", wish->name);
    wish->title[0] = (char)toupper((unsigned char)wish->title[0]);
    for (char *at = wish->title; (at = strchr(at, '_'));)
        *at = ' ';
    return 0;
}

/* ---- filling templates ---- */

/* text with every from as to; frees text; NULL: no memory. */
static char *replace(char *text, const char *from, const char *to)
{
    size_t size = 0, from_size = strlen(from);
    char *result = NULL;
    FILE *out = text ? open_memstream(&result, &size) : NULL;
    if (!out) {
        free(text);
        return NULL;
    }
    const char *at = text, *found;
    for (; (found = strstr(at, from)); at = found + from_size) {
        fwrite(at, 1, (size_t)(found - at), out);
        fputs(to, out);
    }
    fputs(at, out);
    bool good = fclose(out) == 0;
    free(text);
    if (good)
        return result;
    free(result);
    return NULL;
}

static char *fill(const struct wish *wish, const char *template)
{
    char category[64], *text = strdup(template);
    snprintf(category, sizeof category, "\"category\": \"%s\"",
             wish->category ? wish->category : "utility");
    text = replace(text, TEMPLATE_CATEGORY, category);
    text = replace(text, TEMPLATE_LICENSE, wish->license);
    text = replace(text, wish->stem_title, wish->title);
    return replace(text, wish->stem, wish->name);
}

static int write_file(const struct wish *wish, const char *name, const char *template,
                      json_t *files, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *file = replace(strdup(name), wish->stem, wish->name);
    LLMSPELL_CLEANUP_FREE char *text = fill(wish, template);
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    if (!file || !text || asprintf(&path, "%s/%s", wish->folder, file) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    json_array_append_new(files, json_string(file));
    return textfile_write(path, text, 0644, ret_error);
}

/* True if path is a folder with something in it. */
static bool is_full(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry = NULL;
    while (folder && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            break;
    if (folder)
        closedir(folder);
    return entry != NULL;
}

/* A folder with something in it is somebody's work. */
static int make_folder(const struct wish *wish, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *inside = NULL;
    if (!wish->force && is_full(wish->folder))
        return error_set(ret_error, LLMSPELL_EFAILED,
                         "%s is not empty; choose another folder, or write into it with --force",
                         wish->folder);
    if (asprintf(&inside, "%s/", wish->folder) < 0) {
        inside = NULL;
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    return textfile_make_folders(inside, ret_error);
}

static int make_plugin(const struct wish *wish, json_t *files, struct error *ret_error)
{
    size_t n = strlen(wish->kind);
    int rc = make_folder(wish, ret_error);
    for (const struct sdk_file *file = sdk_templates; rc == 0 && file->name; file++)
        if (strncmp(file->name, wish->kind, n) == 0 && file->name[n] == '/')
            rc = write_file(wish, file->name + n + 1, file->text, files, ret_error);
    return rc;
}

/* ---- the command ---- */

static void report(const struct cli *cli, const struct wish *wish, const json_t *files)
{
    size_t i;
    json_t *file;
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:s, s:s, s:s, s:O}", "status", "ok", "kind", wish->kind, "name",
                      wish->name, "folder", wish->folder, "files", files);
        cli_print_json(cli, document);
        return;
    }
    printf("%s has:", wish->folder);
    json_array_foreach(files, i, file)
    {
        printf(" %s", json_string_value(file));
    }
    if (!cli->quiet)
        printf("\n\nnext:\n  cd %s\n  cmake -B build && cmake --build build\n"
               "  llmspell plugin test build/%s.so",
               wish->folder, wish->name);
    putchar('\n');
}

static int run(struct cli *cli, const struct args *args)
{
    struct wish wish;
    struct error error;
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    int status = read_wish(args, &wish);
    if (status != 0)
        return status;
    if (make_plugin(&wish, files, &error) < 0)
        return cli_fail(cli, &error);
    report(cli, &wish, files);
    return EXIT_OK;
}

static const struct cli_option OPTIONS[] = {
    {"category", 0, "NAME", "of a tool: utility, data, filesystem, system, web, api or media",
     false},
    {"license", 0, "SPDX", "the licence of the plugin (Apache-2.0)", false},
    {"force", 'f', NULL, "write into a folder that is not empty", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_plugin_new = {
    .name = "plugin new",
    .arguments = "KIND NAME [DIR]",
    .summary = "make the folder of a new plugin, with code, manifest and tests",
    .help = "KIND is tool (C), tool-native (a C function without JSON), tool-cpp or protocol.\n"
            "The folder is NAME, or DIR. It builds and passes its tests as it is; then change it.",
    .options = OPTIONS,
    .min_values = 2,
    .max_values = 3,
    .run = run,
};
