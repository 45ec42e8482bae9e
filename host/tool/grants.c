/* SPDX-License-Identifier: Apache-2.0
 * Capabilities of a manifest → grants. ${workdir} and ${tmpdir} stand for [policy] fs_roots or the
 * tool's own fs_roots (by default these two folders); other folders are granted as they are named.
 */
#include "tool/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/tool.h>

static int no_memory(struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}

/* ---- file roots ---- */

static int add_root(struct grants *grants, const char *path, bool write, bool state,
                    struct error *ret_error)
{
    for (unsigned i = 0; i < grants->root_count; i++) {
        if (strcmp(grants->roots[i].path, path) == 0) {
            grants->roots[i].write |= write;
            grants->roots[i].state |= state;
            return 0;
        }
    }
    if (grants->root_count == GRANT_ROOTS_MAX)
        return error_set(ret_error, LLMSPELL_ELIMIT, "more than %d file roots", GRANT_ROOTS_MAX);
    char *copy = strdup(path);
    if (!copy)
        return no_memory(ret_error);
    grants->roots[grants->root_count++] = (struct files_root){copy, write, state};
    return 0;
}

/* $LLMSPELL_HOME/state/tools/NAME, made on first use, mode 0700. */
static int add_statedir(struct grants *grants, const struct grant_wish *wish, bool write,
                        struct error *ret_error)
{
    static const char *const levels[] = {"", "/state", "/state/tools"};
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    for (size_t i = 0; i < 3; i++) {
        LLMSPELL_CLEANUP_FREE char *parent = NULL;
        if (asprintf(&parent, "%s%s", wish->home, levels[i]) >= 0)
            mkdir(parent, 0700);
    }
    if (asprintf(&path, "%s/state/tools/%s", wish->home, wish->tool_name) < 0)
        return no_memory(ret_error);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(ret_error, LLMSPELL_EIO, "cannot make the state folder %s: %s", path,
                         strerror(errno));
    return add_root(grants, path, write, write, ret_error); /* read only: by descriptors alone */
}

static int add_policy_root(struct grants *grants, const struct grant_wish *wish, const char *item,
                           bool write, struct error *ret_error)
{
    if (strcmp(item, "${workdir}") == 0)
        return add_root(grants, wish->workdir, write, false, ret_error);
    if (strcmp(item, "${tmpdir}") == 0)
        return add_root(grants, wish->tmpdir, write, false, ret_error);
    return *item ? add_root(grants, item, write, false, ret_error) : 0;
}

/* The tool's own list, else the one of [policy], separated by ':'. */
static int add_policy_roots(struct grants *grants, const struct grant_wish *wish, bool write,
                            struct error *ret_error)
{
    const json_t *own = json_object_get(wish->common, "fs_roots"), *item;
    const char *at = wish->fs_roots ? wish->fs_roots : "${workdir}:${tmpdir}";
    int rc = 0;
    size_t i;
    json_array_foreach(own, i, item)
    {
        if (rc == 0)
            rc = add_policy_root(grants, wish, json_string_value(item), write, ret_error);
    }
    while (!own && rc == 0 && *at) {
        size_t n = strcspn(at, ":");
        LLMSPELL_CLEANUP_FREE char *one = strndup(at, n);
        if (!one)
            return no_memory(ret_error);
        rc = add_policy_root(grants, wish, one, write, ret_error);
        at += n + (at[n] == ':');
    }
    return rc;
}

static int add_folder(struct grants *grants, const struct grant_wish *wish, const char *folder,
                      bool write, struct error *ret_error)
{
    grants->files = true;
    if (strcmp(folder, "${workdir}") == 0 || strcmp(folder, "${tmpdir}") == 0)
        return add_policy_roots(grants, wish, write, ret_error);
    if (strcmp(folder, "${statedir}") == 0)
        return add_statedir(grants, wish, write, ret_error);
    if (*folder == '/')
        return add_root(grants, folder, write, false, ret_error);
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "capability \"fs:%s:%s\" of %s names no absolute folder, ${workdir}, "
                     "${tmpdir} or ${statedir}",
                     write ? "write" : "read", folder, wish->tool_name);
}

/* ---- net, exec, env ---- */

/* Is wanted in the operator's list for this tool ("*": everything)? Without a list: if trusted. */
static bool is_granted(const struct grant_wish *wish, const char *key, const char *wanted)
{
    const json_t *list = json_object_get(wish->common, key), *item;
    size_t i;
    if (!list)
        return wish->trusted;
    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), "*") == 0 ||
            strcmp(json_string_value(item), wanted) == 0)
            return true;
    }
    return false;
}

static bool net_is_granted(const struct grant_wish *wish)
{
    const json_t *net = json_object_get(wish->common, "net");
    return net ? json_is_true(net) : wish->trusted;
}

static void take(json_t *granted, json_t *denied, bool is, const char *value,
                 const char *capability)
{
    json_array_append_new(is ? granted : denied, json_string(is ? value : capability));
}

/* What lies behind prefix; NULL if capability does not begin so. */
static const char *behind(const char *capability, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(capability, prefix, n) == 0 ? capability + n : NULL;
}

static int add_capability(struct grants *grants, const struct grant_wish *wish,
                          const char *capability, struct error *ret_error)
{
    const char *rest;
    if ((rest = behind(capability, "fs:read:")))
        return add_folder(grants, wish, rest, false, ret_error);
    if ((rest = behind(capability, "fs:write:")))
        grants->metadata = wish->trusted;
    if (rest)
        return add_folder(grants, wish, rest, true, ret_error);
    if ((rest = behind(capability, "exec:")))
        take(grants->exec, grants->denied, is_granted(wish, "exec", rest), rest, capability);
    else if (strcmp(capability, "state") == 0)
        return add_statedir(grants, wish, true, ret_error);
    else if ((rest = behind(capability, "env:")))
        take(grants->env, grants->denied, is_granted(wish, "env", rest), rest, capability);
    else if (behind(capability, "net") || behind(capability, "http")) {
        grants->net = grants->net || net_is_granted(wish);
        if (!grants->net)
            json_array_append_new(grants->denied, json_string(capability));
    }
    return 0;
}

/* ---- life ---- */

int grants_new(const json_t *capabilities, const struct grant_wish *wish,
               struct grants **ret_grants, struct error *ret_error)
{
    struct grants *grants = calloc(1, sizeof *grants);
    size_t i;
    json_t *item;
    if (!grants)
        return no_memory(ret_error);
    atomic_init(&grants->refs, 1);
    grants->workdir = strdup(wish->workdir);
    grants->exec = json_array();
    grants->env = json_array();
    grants->denied = json_array();
    grants->memory_mb = json_integer_value(json_object_get(wish->common, "memory_mb"));
    int rc =
        grants->workdir && grants->exec && grants->env && grants->denied ? 0 : no_memory(ret_error);
    json_array_foreach(capabilities, i, item)
    {
        if (rc == 0)
            rc = add_capability(grants, wish, json_string_value(item), ret_error);
    }
    if (rc < 0)
        grants_unref(grants);
    else
        *ret_grants = grants;
    return rc;
}

struct grants *grants_ref(struct grants *grants)
{
    atomic_fetch_add_explicit(&grants->refs, 1, memory_order_relaxed);
    return grants;
}

void grants_unref(struct grants *grants)
{
    if (!grants || atomic_fetch_sub(&grants->refs, 1) != 1)
        return;
    for (unsigned i = 0; i < grants->root_count; i++)
        free((char *)grants->roots[i].path);
    json_decref(grants->exec);
    json_decref(grants->env);
    json_decref(grants->denied);
    free(grants->workdir);
    free(grants);
}

int grants_files(const struct grants *grants, struct files **ret_files, struct error *ret_error)
{
    *ret_files = NULL;
    if (grants->root_count == 0)
        return 0;
    return files_new(grants->workdir, grants->roots, grants->root_count, ret_files, ret_error);
}

json_t *grants_json(const struct grants *grants)
{
    json_t *read = json_array(), *write = json_array();
    for (unsigned i = 0; i < grants->root_count; i++)
        json_array_append_new(grants->roots[i].write ? write : read,
                              json_string(grants->roots[i].path));
    return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "read", read, "write", write, "net",
                     grants->net, "exec", json_deep_copy(grants->exec), "env",
                     json_deep_copy(grants->env), "denied", json_deep_copy(grants->denied));
}
