/* SPDX-License-Identifier: Apache-2.0
 * The sections of a tool's page, in the order of manual pages; the parameters and results are in
 * tool_members.c. */
#include "cli/tool_page.h"

#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/page.h"
#include "cli/tool_members.h"
#include "util/json_text.h"

#define INDENT 4
#define RESULT_MAX 600 /* bytes of an example's result that are shown */

/* A line built by printf, folded. */
__attribute__((format(printf, 2, 3))) static void print_text(const struct page *page,
                                                             const char *format, ...)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    page_text(page, INDENT, text);
}

__attribute__((format(printf, 1, 2))) static void print_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%*s", INDENT, "");
    vprintf(format, args);
    fputc('\n', stdout);
    va_end(args);
}

/* ---- NAME, SYNOPSIS, DESCRIPTION ---- */

/* "a, b, c"; the caller frees it; NULL if there are none. */
static char *joined(const json_t *list)
{
    char *text = NULL;
    size_t size = 0, i;
    json_t *item;
    if (json_array_size(list) == 0)
        return NULL;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    json_array_foreach(list, i, item)
    {
        fprintf(out, "%s%s", i ? ", " : "", json_string_value(item));
    }
    fclose(out);
    return text;
}

static void print_name(const struct page *page, const json_t *info)
{
    LLMSPELL_CLEANUP_FREE char *aliases = joined(json_object_get(info, "aliases"));
    page_heading(page, "NAME");
    print_text(page, "%s - %s%s%s", llmspell_string(info, "name"), llmspell_string(info, "title"),
               aliases ? "; also called " : "", aliases ? aliases : "");
}

/* What is always needed, and a hint that there is more. */
static void write_arguments(FILE *out, const json_t *info)
{
    const json_t *parameters = json_object_get(info, "parameters");
    const char *name;
    json_t *schema;
    json_object_foreach(json_object_get(parameters, "properties"), name, schema)
    {
        if (tool_members_is_required(parameters, name))
            fprintf(out, " %s=…", name);
    }
    if (json_object_size(json_object_get(parameters, "properties")) > 0)
        fputs(" [NAME=VALUE …]", out);
}

static void print_synopsis(const struct page *page, const json_t *info)
{
    const char *name = llmspell_string(info, "name");
    LLMSPELL_CLEANUP_FREE char *arguments = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&arguments, &size);
    if (out) {
        write_arguments(out, info);
        fclose(out);
    }
    page_heading(page, "SYNOPSIS");
    print_line("llmspell tool invoke %s%s", name, arguments ? arguments : "");
    print_line("llmspell tool invoke %s --params JSON|@FILE|- --output json", name);
    print_line("Tool.%s{…}  or  Tool.invoke(\"%s\", {…})   in Lua", name, name);
    print_line("POST /tools/%s/invoke   (protocol http: docs/http.md)", name);
    print_line("tool_request {\"command\":\"invoke\",\"name\":\"%s\",\"params\":{…}}   of a client",
               name);
}

static void print_description(const struct page *page, const json_t *info)
{
    const json_t *annotations = json_object_get(info, "annotations");
    page_heading(page, "DESCRIPTION");
    page_text(page, INDENT, llmspell_string(info, "description"));
    print_text(page, "It %s, %s, and %s.",
               llmspell_bool(annotations, "readOnly", 0)      ? "changes nothing"
               : llmspell_bool(annotations, "destructive", 1) ? "can destroy or overwrite data"
                                                              : "writes, but overwrites nothing",
               llmspell_bool(annotations, "idempotent", 0)
                   ? "does nothing more if it is called again with the same parameters"
                   : "may do something else at each call",
               llmspell_bool(annotations, "openWorld", 1) ? "reaches other systems"
                                                          : "reaches no other system");
}

/* ---- ERRORS, LIMITS ---- */

/* Whether kind, the part of a capability before its colon, is one of kinds ("fs|exec"). */
static bool is_among(const char *kinds, const char *kind, size_t length)
{
    for (const char *one = kinds; one; one = strchr(one, '|')) {
        one += *one == '|';
        if (strcspn(one, "|") == length && strncmp(one, kind, length) == 0)
            return true;
    }
    return false;
}

static bool asks_for(const json_t *info, const char *kinds)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(info, "capabilities"), i, item)
    {
        const char *capability = json_string_value(item);
        if (capability && is_among(kinds, capability, strcspn(capability, ":")))
            return true;
    }
    return false;
}

static const struct {
    const char *code;
    const char *kinds; /* of capabilities that it comes with; NULL: every tool */
    const char *when;
} errors[] = {
    {"invalid_params", NULL,
     "a parameter is missing, unknown, or not what is described above; path names it"},
    {"parse_error", NULL, "a text or file that is given is not what it should be"},
    {"not_found", "fs|http|net", "a file or what was named in it is not there"},
    {"permission_denied", "fs|http|net|exec|env|secret", "the policy does not allow it"},
    {"limit_exceeded", NULL, "a limit other than time: bytes, depth, memory, size of the result"},
    {"timeout", NULL, "the time limit was reached"},
    {"cancelled", NULL, "the caller cancelled the call"},
    {"unavailable", "exec|http|net|secret", "something is missing here: a program, a setting"},
    {"io_error", "fs|exec", "a system call failed"},
    {"network_error", "http|net", "the network or the peer failed"},
    {"failed", NULL, "the tool itself judges the call as failed"},
};

static void print_errors(const struct page *page, const json_t *info)
{
    page_heading(page, "ERRORS");
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (!errors[i].kinds || asks_for(info, errors[i].kinds)) {
            char line[160];
            snprintf(line, sizeof line, "%-18s %s", errors[i].code, errors[i].when);
            page_term(page, INDENT, INDENT + 19, line, strlen(errors[i].code));
        }
    print_text(page, "Exit status of the command: 0, 1 after an error, 2 for a command line that "
                     "cannot be read, 5 after a timeout, 130 if it was interrupted.");
}

static void print_limits(const struct page *page, const json_t *info)
{
    const json_t *limits = json_object_get(info, "limits");
    if (json_object_size(limits) == 0)
        return;
    page_heading(page, "LIMITS");
    json_int_t time = llmspell_integer(limits, "wall_ms", 0);
    json_int_t memory = llmspell_integer(limits, "memory_mb", 0);
    json_int_t output = llmspell_integer(limits, "output_kb", 0);
    if (time > 0)
        print_line("%-14s%g s", "time", (double)time / 1000);
    if (memory > 0)
        print_line("%-14s%lld MB%s", "memory", (long long)memory,
                   llmspell_is(info, "effective_isolation", "process")
                       ? ""
                       : ", where it runs in a process of its own");
    if (output > 0)
        print_line("%-14s%lld KB", "result", (long long)output);
}

/* ---- EXAMPLES ---- */

/* Cut between letters. */
static int shown_bytes(const char *text)
{
    size_t size = strlen(text);
    if (size <= RESULT_MAX)
        return (int)size;
    for (size = RESULT_MAX; size > 0 && (text[size] & 0xC0) == 0x80; size--)
        ;
    return (int)size;
}

/* In single quotes for the shell. */
static void write_quoted(const char *text)
{
    fputc('\'', stdout);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            fputc(*text, stdout);
    fputc('\'', stdout);
}

/* As tool invoke prints it: Jansson would show 17 digits. The caller frees it. */
static char *compact(const json_t *value)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = value ? open_memstream(&text, &size) : NULL;
    if (!out)
        return NULL;
    json_text_write(out, value, 0);
    fclose(out);
    return text;
}

static void print_example(const struct page *page, const json_t *info, const json_t *example)
{
    const char *title = llmspell_string(example, "title");
    const json_t *exact = json_object_get(example, "result");
    const json_t *shown = exact ? exact : json_object_get(example, "result_contains");
    LLMSPELL_CLEANUP_FREE char *params = compact(json_object_get(example, "params"));
    LLMSPELL_CLEANUP_FREE char *result = compact(shown);
    title = title && *title ? title : "Example";
    print_text(page, "%s%s", title,
               json_object_get(example, "setup") ? " (with files that its test makes)" : "");
    printf("%*sllmspell tool invoke %s --params ", 2 * INDENT, "", llmspell_string(info, "name"));
    write_quoted(params ? params : "{}");
    if (result)
        printf("\n%*s%s %.*s%s", 2 * INDENT, "", exact ? "→" : "→ contains", shown_bytes(result),
               result, strlen(result) > RESULT_MAX ? " …" : "");
    fputc('\n', stdout);
}

static void print_examples(const struct page *page, const json_t *info)
{
    const json_t *examples = json_object_get(info, "examples");
    size_t i;
    json_t *example;
    if (json_array_size(examples) == 0)
        return;
    page_heading(page, "EXAMPLES");
    json_array_foreach(examples, i, example)
    {
        print_example(page, info, example);
    }
}

/* ---- RIGHTS ---- */

static void print_list(const char *label, const json_t *list)
{
    LLMSPELL_CLEANUP_FREE char *text = joined(list);
    if (text)
        print_line("%-14s%s", label, text);
}

static void print_enforced(const struct page *page, const json_t *enforced)
{
    json_int_t landlock = llmspell_integer(enforced, "landlock", 0);
    const char *missing = llmspell_string(enforced, "missing");
    char version[32] = "";
    if (landlock > 0)
        snprintf(version, sizeof version, "Landlock %lld, ", (long long)landlock);
    print_line("%-14s%s%s%slimits", "enforced by", version,
               llmspell_bool(enforced, "seccomp", 0) ? "seccomp, " : "",
               llmspell_bool(enforced, "no_new_privs", 0) ? "no_new_privs, " : "");
    page_text(page, INDENT + 14, missing);
}

/* "process", or "inline; process: query, stream" where operations differ. */
static void print_isolation(const json_t *isolation)
{
    LLMSPELL_CLEANUP_JSON json_t *names = json_array();
    const char *all = json_string_value(isolation), *key;
    const char *others = llmspell_is(isolation, "default", "process") ? "inline" : "process";
    json_t *place;
    json_object_foreach((json_t *)isolation, key, place)
    {
        if (strcmp(json_string_value(place), others) == 0)
            json_array_append_new(names, json_string(key));
    }
    LLMSPELL_CLEANUP_FREE char *list = joined(names);
    if (all || !list)
        print_line("%-14s%s", "isolation", all ? all : llmspell_string(isolation, "default"));
    else
        print_line("%-14s%s; %s: %s", "isolation", llmspell_string(isolation, "default"), others,
                   list);
}

/* What it may do here, whatever it asks for, and how that is held. */
static void print_rights(const struct page *page, const json_t *info)
{
    const json_t *granted = json_object_get(info, "granted");
    page_heading(page, "RIGHTS");
    print_line("%-14s%s", "level", llmspell_string(info, "level"));
    print_isolation(json_object_get(info, "effective_isolation"));
    print_list("capabilities", json_object_get(info, "capabilities"));
    print_list("may read", json_object_get(granted, "read"));
    print_list("may write", json_object_get(granted, "write"));
    print_list("may start", json_object_get(granted, "exec"));
    print_list("may see", json_object_get(granted, "env"));
    if (llmspell_bool(granted, "net", 0))
        print_line("%-14syes", "network");
    print_list("not granted", json_object_get(granted, "denied"));
    if (json_object_get(info, "enforced"))
        print_enforced(page, json_object_get(info, "enforced"));
}

static void print_origin(const struct page *page, const json_t *info)
{
    page_heading(page, "ORIGIN");
    print_list("keywords", json_object_get(info, "keywords"));
    if (llmspell_string(info, "license"))
        print_line("%-14s%s", "license", llmspell_string(info, "license"));
    if (llmspell_string(info, "homepage"))
        print_line("%-14s%s", "homepage", llmspell_string(info, "homepage"));
    print_line("%-14s%s", "file", llmspell_string(info, "file"));
}

void tool_page_print(const struct cli *cli, const json_t *info)
{
    const struct page page = page_of(cli);
    printf("%s %s (%s, %s)\n", llmspell_string(info, "name"), llmspell_string(info, "version"),
           llmspell_string(info, "category"), llmspell_string(info, "level"));
    print_name(&page, info);
    print_synopsis(&page, info);
    print_description(&page, info);
    tool_members_print_parameters(&page, json_object_get(info, "parameters"));
    tool_members_print_result(&page, json_object_get(info, "result"));
    print_errors(&page, info);
    print_limits(&page, info);
    print_examples(&page, info);
    print_rights(&page, info);
    print_origin(&page, info);
}
