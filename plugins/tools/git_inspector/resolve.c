/* SPDX-License-Identifier: Apache-2.0
 * What the parameters ref, from, to and file name. */
#include "git_inspector.h"

/* What keeps a revision from being read, rather than being none. */
static bool is_damage(int klass)
{
    return klass == GIT_ERROR_NOMEMORY || klass == GIT_ERROR_OS || klass == GIT_ERROR_ODB ||
           klass == GIT_ERROR_ZLIB || klass == GIT_ERROR_OBJECT;
}

static int32_t revision_fail(const struct inspection *in, int error, const char *text,
                             const char *pointer)
{
    const git_error *last = git_error_last();
    /* Fewer than four digits are no abbreviation for libgit2, but it says that they fit too much.
     */
    bool too_short = last && last->message && strstr(last->message, "too short");
    if (error == GIT_EAMBIGUOUS && !too_short)
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, pointer,
                                "%s stands for more than one object; write more digits of it",
                                text);
    if (error == GIT_ERROR && last && is_damage(last->klass))
        return inspect_fail(in, error, "the revision");
    return llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, pointer,
                            "the repository has no revision %s; branches and tags list its names",
                            text);
}

static int32_t resolve(const struct inspection *in, const char *text, const char *pointer,
                       git_object_t type, git_object **ret_object)
{
    CLEANUP(git_object) object = NULL;
    if (strstr(text, ".."))
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, pointer,
                                "%s is a range; only log, search_log and summary take one as ref",
                                text);
    int error = git_revparse_single(&object, in->repo, text);
    if (error < 0)
        return revision_fail(in, error, text, pointer);
    error = git_object_peel(ret_object, object, type);
    if (error == GIT_EPEEL || error == GIT_EINVALIDSPEC || error == GIT_EAMBIGUOUS)
        return llmspell_fail_at(
            in->call, LLMSPELL_EINVAL, pointer, "%s is a %s, and a %s is needed", text,
            git_object_type2string(git_object_type(object)), git_object_type2string(type));
    return error < 0 ? inspect_fail(in, error, "the revision") : 0;
}

int32_t resolve_commit(const struct inspection *in, const char *text, const char *pointer,
                       git_commit **ret_commit)
{
    return resolve(in, text, pointer, GIT_OBJECT_COMMIT, (git_object **)ret_commit);
}

int32_t resolve_tree(const struct inspection *in, const char *text, const char *pointer,
                     git_tree **ret_tree)
{
    return resolve(in, text, pointer, GIT_OBJECT_TREE, (git_object **)ret_tree);
}

/* Whether a part of the path is "." or "..", or empty. */
static bool is_odd(const char *path)
{
    while (path) {
        size_t length = strcspn(path, "/");
        if (length == 0 || (length == 1 && *path == '.') ||
            (length == 2 && strncmp(path, "..", 2) == 0))
            return true;
        path = path[length] ? path + length + 1 : NULL;
    }
    return false;
}

int32_t resolve_file(const struct inspection *in, char **ret_file)
{
    const char *text = llmspell_string(in->params, "file");
    if (!text)
        return 0;
    if (strlen(text) != llmspell_string_length(in->params, "file"))
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/file", "a path cannot hold NUL");
    const char *start = strncmp(text, "./", 2) == 0 ? text + 2 : text;
    size_t length = strlen(start);
    LLMSPELL_CLEANUP_FREE char *file =
        strndup(start, length - (length > 1 && start[length - 1] == '/'));
    if (!file)
        return inspect_no_memory(in);
    if (is_odd(file))
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/file",
                                "%s is not a path in a repository; write it from the top of the "
                                "repository on, without . and ..",
                                text);
    *ret_file = file;
    file = NULL;
    return 0;
}

bool tree_has(git_tree *tree, const char *file)
{
    CLEANUP(git_tree_entry) entry = NULL;
    return tree && git_tree_entry_bypath(&entry, tree, file) == 0;
}

static int32_t check_size(const struct inspection *in, const git_oid *id, const char *file)
{
    CLEANUP(git_odb) odb = NULL;
    size_t size = 0;
    git_object_t type;
    int error = git_repository_odb(&odb, in->repo);
    if (error == 0)
        error = git_odb_read_header(&size, &type, odb, id);
    if (error < 0)
        return inspect_fail(in, error, "a file");
    return size <= BLOB_MAX ? 0
                            : llmspell_fail_at(in->call, LLMSPELL_ELIMIT, "/file",
                                               "%s has %zu bytes, more than the limit of %u", file,
                                               size, BLOB_MAX);
}

int32_t resolve_blob(const struct inspection *in, git_tree *tree, const char *file,
                     git_blob **ret_blob)
{
    CLEANUP(git_tree_entry) entry = NULL;
    int error = git_tree_entry_bypath(&entry, tree, file);
    if (error == GIT_ENOTFOUND)
        return llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, "/file",
                                "%s is not in %s; files lists what is", file,
                                llmspell_string(in->params, "ref"));
    if (error < 0)
        return inspect_fail(in, error, "a folder");
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB)
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/file", "%s is a %s, not a file", file,
                                git_tree_entry_type(entry) == GIT_OBJECT_TREE ? "folder"
                                                                              : "submodule");
    int32_t rc = check_size(in, git_tree_entry_id(entry), file);
    if (rc < 0)
        return rc;
    error = git_blob_lookup(ret_blob, in->repo, git_tree_entry_id(entry));
    return error < 0 ? inspect_fail(in, error, "a file") : 0;
}
