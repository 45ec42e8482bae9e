/* SPDX-License-Identifier: Apache-2.0
 * Puts the paths of this installation into the unit files that service_units.S embeds. */
#include "cli/service_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

/* What stands in conf/systemd. */
#define PROGRAM "ExecStart=/usr/bin/llmspell "
#define HOME "%h/.llmspell"

extern const char service_text_system[], service_text_system_forking[], service_text_user[],
    service_text_user_forking[], service_text_sysusers[];

static const char *template_of(const struct service_wish *wish)
{
    if (wish->system)
        return wish->forking ? service_text_system_forking : service_text_system;
    return wish->forking ? service_text_user_forking : service_text_user;
}

/* text with every from as to; the caller frees it; NULL: no memory. */
static char *replace_all(const char *text, const char *from, const char *to)
{
    size_t size = strlen(text) + 1, from_size = strlen(from), to_size = strlen(to);
    for (const char *at = text; (at = strstr(at, from)); at += from_size)
        size += to_size;
    char *result = malloc(size), *out = result;
    while (result && *text) {
        const char *at = strstr(text, from), *end = at ? at : text + strlen(text);
        out = mempcpy(out, text, (size_t)(end - text));
        text = end;
        if (at) {
            out = mempcpy(out, to, to_size);
            text += from_size;
        }
    }
    if (result)
        *out = '\0';
    return result;
}

/* path as it stands in a unit, where % begins a specifier. What would need quotes, which mean
 * something else in each setting, is refused. */
static int escape_path(const char *path, char **ret_text, struct error *ret_error)
{
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("\"'\\$;", *at))
            return error_set(ret_error, LLMSPELL_EINVAL,
                             "the path %s cannot stand in a unit, since it holds a blank or one of "
                             "\" ' \\ $ ;: move it elsewhere",
                             path);
    char *text = replace_all(path, "%", "%%");
    if (!text)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *ret_text = text;
    return 0;
}

/* The home first: it holds no blank, so that PROGRAM cannot be found in it. */
static char *fill(const char *template, const char *program, const char *home)
{
    LLMSPELL_CLEANUP_FREE char *half = replace_all(template, HOME, home ? home : HOME);
    LLMSPELL_CLEANUP_FREE char *start = NULL;
    if (!half || asprintf(&start, "ExecStart=%s ", program) < 0)
        return NULL;
    return replace_all(half, PROGRAM, start);
}

int service_unit_text(const struct service_wish *wish, char **ret_text, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *program = NULL, *home = NULL;
    int rc = escape_path(wish->program, &program, ret_error);
    if (rc == 0 && wish->home)
        rc = escape_path(wish->home, &home, ret_error);
    if (rc < 0)
        return rc;
    char *text = fill(template_of(wish), program, home);
    if (!text)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *ret_text = text;
    return 0;
}

const char *service_unit_sysusers(void)
{
    return service_text_sysusers;
}
