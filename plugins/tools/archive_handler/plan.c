/* SPDX-License-Identifier: Apache-2.0
 * Which entries of an archive may be extracted, and as what. An entry that could get out of the
 * target folder, by its name or through links, is unsafe. */
#include "extract.h"

#define IMPLIED_MAX 10000u

int32_t plan_init(struct plan *plan, const struct job *job, int target)
{
    *plan = (struct plan){
        .job = job, .target = target, .index = json_object(), .skipped = json_array()};
    return plan->index && plan->skipped ? 0 : no_memory(job);
}

static void output_clear(struct output *output)
{
    free(output->path);
    free(output->target);
}

void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        output_clear(&plan->list[i]);
    free(plan->list);
    json_decref(plan->index);
    json_decref(plan->skipped);
    *plan = (struct plan){.target = -1};
}

static int compare_outputs(const void *a, const void *b)
{
    return strcmp(((const struct output *)a)->path, ((const struct output *)b)->path);
}

void plan_sort(struct plan *plan)
{
    if (plan->count)
        qsort(plan->list, plan->count, sizeof *plan->list, compare_outputs);
}

int32_t plan_fail(const struct plan *plan, const char *path, int error)
{
    const struct job *job = plan->job;
    LLMSPELL_CLEANUP_FREE char *full = join_path(job->target_path, path);
    const char *shown = full ? full : path;
    if (error == EEXIST)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/target_path",
                                "%.400s exists already; say overwrite to replace files", shown);
    if (error == ENOTDIR || error == EISDIR || error == ELOOP || error == ENOTEMPTY)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/target_path",
                                "%.400s is in the way: a folder where a file is to be, or the "
                                "reverse, or a link",
                                shown);
    return llmspell_fail_at(job->call, error == ENOMEM ? LLMSPELL_ENOMEM : LLMSPELL_EIO,
                            "/target_path", "cannot write %.400s: %s", shown, strerror(error));
}

/* ---- entries that are left out ---- */

static int32_t skip(struct plan *plan, const char *name, const char *reason)
{
    json_t *value = json_pack("{s:s, s:s}", "name", name, "reason", reason);
    return json_array_append_new(plan->skipped, value) == 0 ? 0 : no_memory(plan->job);
}

static int32_t refuse(struct plan *plan, const char *name, const char *fault)
{
    if (plan->job->skip_unsafe)
        return skip(plan, name, fault);
    return llmspell_fail_at(plan->job->call, LLMSPELL_EPERM, "/path",
                            "the entry %.200s is unsafe: %s; on_unsafe skip leaves such entries "
                            "out",
                            name, fault);
}

static int32_t refuse_long(struct plan *plan, const char *name)
{
    const struct job *job = plan->job;
    if (job->skip_unsafe)
        return skip(plan, name, "its name is too long, or lies in more than 250 folders");
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                            "the entry %.100s... has a name that is too long, or lies in more "
                            "than %u folders; on_unsafe skip leaves such entries out",
                            name, FOLDERS_MAX);
}

/* ---- outputs ---- */

static struct output *find(const struct plan *plan, const char *path, size_t size)
{
    const json_t *number = json_object_getn(plan->index, path, size);
    return number ? &plan->list[json_integer_value(number)] : NULL;
}

/* What is there already: nothing, what may stay (a folder), or what may be replaced. */
static int32_t check_place(const struct plan *plan, const char *path, enum kind kind,
                           bool *ret_exists)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    const struct output *parent = slash ? find(plan, path, (size_t)(slash - path)) : NULL;
    *ret_exists = false;
    if (plan->target < 0 || (parent && !parent->exists))
        return 0;
    if (fstatat(plan->target, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : plan_fail(plan, path, errno);
    *ret_exists = true;
    if (S_ISDIR(st.st_mode) != (kind == KIND_FOLDER))
        return plan_fail(plan, path, ENOTDIR);
    return kind == KIND_FOLDER || plan->job->overwrite ? 0 : plan_fail(plan, path, EEXIST);
}

/* The output of that path, which is made if there is none. NULL with *rc. */
static struct output *add(struct plan *plan, const char *path, size_t size, enum kind kind,
                          int32_t *rc)
{
    struct output *output = find(plan, path, size);
    if (output)
        return output;
    struct output new = {.path = strndup(path, size), .kind = kind};
    *rc = new.path ? check_place(plan, new.path, kind, &new.exists) : no_memory(plan->job);
    if (*rc == 0 && plan->count == plan->room) {
        size_t room = plan->room ? plan->room * 2 : 64;
        output = realloc(plan->list, room * sizeof *output);
        *rc = output ? 0 : no_memory(plan->job);
        plan->list = output ? output : plan->list;
        plan->room = output ? room : plan->room;
    }
    if (*rc == 0 &&
        json_object_setn_new(plan->index, path, size, json_integer((json_int_t)plan->count)) != 0)
        *rc = no_memory(plan->job);
    if (*rc < 0) {
        free(new.path);
        return NULL;
    }
    plan->list[plan->count] = new;
    return &plan->list[plan->count++];
}

/* Few entries can stand for very many folders. */
static int32_t count_implied(struct plan *plan, bool made)
{
    const struct job *job = plan->job;
    plan->implied += made;
    if (plan->implied <= IMPLIED_MAX)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                            "%.200s has names that need more than %u folders it does not list; "
                            "include takes a part of it",
                            job->path, IMPLIED_MAX);
}

/* The folders that path lies in. 1; 0 if one of them is none, and the entry refused. */
static int32_t add_parents(struct plan *plan, const char *name, const char *path)
{
    int32_t rc = 0;
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t before = plan->count;
        const struct output *folder = add(plan, path, (size_t)(slash - path), KIND_FOLDER, &rc);
        rc = folder ? count_implied(plan, plan->count > before) : rc;
        if (rc < 0)
            return rc;
        if (folder->kind == KIND_SYMLINK)
            return refuse(plan, name, "it lies below a symbolic link of the archive");
        if (folder->kind == KIND_FILE)
            return refuse(plan, name, "it lies below a file of the archive");
    }
    return 1;
}

/* ---- judging ---- */

static const char *fault_of(const struct item *item, const char *path)
{
    if (item->type == ITEM_OTHER)
        return "it is a device, a FIFO or a socket";
    if (item->type == ITEM_SYMLINK)
        return link_fault(path, item->target);
    if (item->type == ITEM_HARDLINK && name_fault(item->target))
        return "it is a link that leads out of the target folder";
    return NULL;
}

/* 1 with the path of the file that a hard link leads to; 0 if that is not extracted. */
static int32_t find_link(struct plan *plan, const struct item *item, const char **ret_link)
{
    LLMSPELL_CLEANUP_FREE char *clean = name_clean(item->target);
    if (!clean)
        return no_memory(plan->job);
    const char *path = name_strip(clean, plan->job->strip);
    const struct output *file = path ? find(plan, path, strlen(path)) : NULL;
    if (!file || file->kind != KIND_FILE)
        return skip(plan, item->name, "what it links to is not extracted");
    *ret_link = file->path;
    return 1;
}

static int32_t take(struct plan *plan, const struct item *item, const char *path,
                    struct output **ret_output)
{
    static const enum kind kinds[] = {KIND_FILE, KIND_FOLDER, KIND_SYMLINK, KIND_FILE, KIND_FILE};
    enum kind kind = kinds[item->type];
    int32_t rc = 0;
    struct output *output = add(plan, path, strlen(path), kind, &rc);
    if (!output)
        return rc;
    if (output->kind != kind)
        return refuse(plan, item->name, "the archive has something else of the same name");
    if (kind == KIND_SYMLINK) {
        free(output->target);
        output->target = strdup(item->target);
        if (!output->target)
            return no_memory(plan->job);
    }
    output->listed = true;
    output->mode = item->mode & 0777;
    output->time = item->time;
    *ret_output = output;
    return 1;
}

static int32_t count_bytes(struct plan *plan, const struct item *item)
{
    const struct job *job = plan->job;
    plan->bytes += item->size;
    if (plan->bytes < item->size || plan->bytes > job->max_total)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                                "%.200s unpacks to more than the %llu bytes of max_total",
                                job->path, (unsigned long long)job->max_total);
    return 1;
}

int32_t plan_consider(struct plan *plan, const struct item *item, struct output **ret_output,
                      const char **ret_link)
{
    const struct job *job = plan->job;
    if (!job_selects(job, item->name, item->type == ITEM_FOLDER))
        return 0;
    const char *fault = item->cut_name ? "its name holds a NUL" : name_fault(item->name);
    if (fault)
        return refuse(plan, item->name, fault);
    LLMSPELL_CLEANUP_FREE char *clean = name_clean(item->name);
    if (!clean)
        return no_memory(job);
    const char *path = name_strip(clean, job->strip);
    if (!path)
        return 0;
    if (name_too_long(path))
        return refuse_long(plan, item->name);
    fault = fault_of(item, path);
    if (fault)
        return refuse(plan, item->name, fault);
    int32_t rc = add_parents(plan, item->name, path);
    if (rc > 0 && item->type == ITEM_HARDLINK)
        rc = find_link(plan, item, ret_link);
    if (rc > 0)
        rc = take(plan, item, path, ret_output);
    return rc > 0 ? count_bytes(plan, item) : rc;
}
