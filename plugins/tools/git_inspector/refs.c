/* SPDX-License-Identifier: Apache-2.0
 * The operations branches and tags. */
#include "git_inspector.h"

/* The name of the branch that HEAD is on, also before its first commit; null if it is detached. */
json_t *current_branch(const struct inspection *in)
{
    static const char prefix[] = "refs/heads/";
    CLEANUP(git_reference) head = NULL;
    const char *target = NULL;
    if (git_reference_lookup(&head, in->repo, "HEAD") == 0)
        target = git_reference_symbolic_target(head);
    if (!target)
        return json_null();
    size_t skip = strncmp(target, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    return path_value(target + skip);
}

json_t *upstream_name(const struct inspection *in, const char *branch)
{
    git_buf name = {0};
    json_t *value = NULL;
    if (git_branch_upstream_name(&name, in->repo, branch) == 0) {
        const char *text = name.ptr;
        if (strncmp(text, "refs/remotes/", 13) == 0 || strncmp(text, "refs/heads/", 11) == 0)
            text += text[5] == 'r' ? 13 : 11;
        value = path_value(text);
    }
    git_buf_dispose(&name);
    return value;
}

/* NULL without an error: a name that leads nowhere, such as a stale origin/HEAD. */
static int32_t branch_value(const struct inspection *in, git_reference *branch, git_branch_t type,
                            json_t **ret_value)
{
    CLEANUP(git_object) object = NULL;
    LLMSPELL_CLEANUP_JSON json_t *upstream = NULL;
    int error = git_reference_peel(&object, branch, GIT_OBJECT_COMMIT);
    if (error == GIT_ENOTFOUND)
        return 0;
    if (error < 0)
        return inspect_fail(in, error, "a branch");
    git_commit *commit = (git_commit *)object;
    const char *subject = git_commit_summary(commit);
    const char *encoding = git_commit_message_encoding(commit);
    if (type == GIT_BRANCH_LOCAL)
        upstream = upstream_name(in, git_reference_name(branch));
    *ret_value = json_pack(
        "{s:o, s:b, s:o, s:o, s:O*}", "name", path_value(git_reference_shorthand(branch)), "remote",
        type == GIT_BRANCH_REMOTE, "id", id_value(git_commit_id(commit), GIT_OID_HEXSZ), "subject",
        text_value(subject ? subject : "", subject ? strlen(subject) : 0, encoding), "upstream",
        upstream);
    return *ret_value ? 0 : inspect_no_memory(in);
}

/* One more for the list; 0, or a negative code. */
static int32_t append(const struct inspection *in, json_t *list, json_t *value, const char *what)
{
    if (json_array_size(list) >= ENTRIES_MAX) {
        json_decref(value);
        return inspect_fail(in, GIT_EUSER, what);
    }
    return json_array_append_new(list, value) == 0 ? 0 : inspect_no_memory(in);
}

static int32_t collect_branches(const struct inspection *in, json_t *list)
{
    CLEANUP(git_branch_iterator) iterator = NULL;
    git_branch_t type;
    int32_t rc = 0;
    int error = git_branch_iterator_new(&iterator, in->repo, GIT_BRANCH_ALL);
    while (error == 0 && rc == 0) {
        CLEANUP(git_reference) branch = NULL;
        json_t *value = NULL;
        error = git_branch_next(&branch, &type, iterator);
        rc = llmspell_cancelled(in->call);
        if (error == 0 && rc == 0)
            rc = branch_value(in, branch, type, &value);
        if (value)
            rc = append(in, list, value, "branches");
    }
    return rc < 0 || error == GIT_ITEROVER ? rc : inspect_fail(in, error, "branches");
}

int32_t run_branches(const struct inspection *in, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = collect_branches(in, list);
    if (rc < 0)
        return rc;
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:o, s:o}", "current", current_branch(in), "branches",
                                     sorted(llmspell_steal_json(&list), "name")));
}

/* ---- tags ---- */

struct tags {
    const struct inspection *in;
    json_t *list;
    int32_t rc;
};

/* id is that of what is tagged, also of a tag with a message. */
static json_t *tag_value(const char *name, git_object *object)
{
    CLEANUP(git_object) target = NULL;
    bool annotated = git_object_type(object) == GIT_OBJECT_TAG;
    const char *message = annotated ? git_tag_message((git_tag *)object) : NULL;
    size_t length = message ? strlen(message) : 0;
    while (length > 0 && message[length - 1] == '\n')
        length--;
    if (annotated && git_object_peel(&target, object, GIT_OBJECT_ANY) != 0)
        target = NULL;
    return json_pack("{s:o, s:o, s:b, s:o*}", "name", path_value(name), "id",
                     id_value(git_object_id(target ? target : object), GIT_OID_HEXSZ), "annotated",
                     annotated, "message", message ? text_value(message, length, NULL) : NULL);
}

static int on_tag(const char *name, git_oid *id, void *payload)
{
    CLEANUP(git_object) object = NULL;
    struct tags *tags = payload;
    tags->rc = llmspell_cancelled(tags->in->call);
    if (tags->rc < 0)
        return GIT_EUSER;
    int error = git_object_lookup(&object, tags->in->repo, id, GIT_OBJECT_ANY);
    if (error < 0)
        return error;
    tags->rc = append(tags->in, tags->list, tag_value(name + strlen("refs/tags/"), object), "tags");
    return tags->rc < 0 ? GIT_EUSER : 0;
}

int32_t run_tags(const struct inspection *in, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    struct tags tags = {.in = in, .list = list};
    int error = git_tag_foreach(in->repo, on_tag, &tags);
    if (tags.rc < 0)
        return tags.rc;
    if (error < 0)
        return inspect_fail(in, error, "tags");
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:o}", "tags", sorted(llmspell_steal_json(&list), "name")));
}
