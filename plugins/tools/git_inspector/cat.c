/* SPDX-License-Identifier: Apache-2.0
 * The operations cat and files: what is in a commit. */
#include <sys/param.h>

#include "git_inspector.h"

#define DEPTH_MAX 256 /* folders within each other */

/* ---- cat ---- */

static json_t *base64_value(const unsigned char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    LLMSPELL_CLEANUP_FREE char *text = malloc((size + 2) / 3 * 4 + 1);
    size_t used = 0;
    for (size_t i = 0; text && i < size; i += 3) {
        size_t count = MIN(size - i, 3);
        unsigned group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < count ? bytes[i + k] : 0u);
        for (unsigned k = 0; k < 4; k++)
            text[used++] = k <= count ? digits[group >> (18 - 6 * k) & 63u] : '=';
    }
    return text ? json_stringn_nocheck(text, used) : NULL;
}

int32_t run_cat(const struct inspection *in, json_t **ret_result)
{
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    CLEANUP(git_tree) tree = NULL;
    CLEANUP(git_blob) blob = NULL;
    int32_t rc = resolve_file(in, &file);
    if (rc == 0)
        rc = resolve_tree(in, llmspell_string(in->params, "ref"), "/ref", &tree);
    if (rc == 0)
        rc = resolve_blob(in, tree, file, &blob);
    if (rc < 0)
        return rc;
    const char *content = git_blob_rawcontent(blob);
    size_t size = (size_t)git_blob_rawsize(blob);
    bool binary = size > 0 && text_is_binary(content, size);
    json_t *value = binary ? base64_value((const unsigned char *)content, size)
                           : json_stringn(size > 0 ? content : "", size);
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:s, s:o, s:I}", "path", llmspell_string(in->params, "file"),
                                     binary ? "content_base64" : "content", value, "bytes",
                                     (json_int_t)size));
}

/* ---- files ---- */

/* Folders that are open, from the root on, and what was found. */
struct listing {
    const struct inspection *in;
    git_odb *odb;
    git_tree *trees[DEPTH_MAX];
    size_t at[DEPTH_MAX];     /* the next entry of each */
    size_t length[DEPTH_MAX]; /* of the path of each */
    unsigned depth;
    size_t visited;
    struct text_buffer path;
    json_t *files;
};

static void listing_clear(struct listing *listing)
{
    for (unsigned i = 0; i < listing->depth; i++)
        git_tree_free(listing->trees[i]);
    text_buffer_free(&listing->path);
    git_odb_free(listing->odb);
    json_decref(listing->files);
}

/* Null for what is not in this repository: a submodule, or a file of a partial clone. */
static json_t *size_value(const struct listing *listing, const git_tree_entry *entry)
{
    size_t size;
    git_object_t type;
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
        git_odb_read_header(&size, &type, listing->odb, git_tree_entry_id(entry)) != 0)
        return json_null();
    return json_integer((json_int_t)size);
}

static int32_t add_file(struct listing *listing, const git_tree_entry *entry)
{
    char mode[16];
    snprintf(mode, sizeof mode, "%06o", (unsigned)git_tree_entry_filemode(entry));
    json_t *file = json_pack("{s:o, s:o, s:s}", "path",
                             text_value(listing->path.data, listing->path.len, NULL), "size",
                             size_value(listing, entry), "mode", mode);
    return json_array_append_new(listing->files, file) == 0 ? 0 : inspect_no_memory(listing->in);
}

static int32_t enter(struct listing *listing, const git_tree_entry *entry)
{
    const struct inspection *in = listing->in;
    if (listing->depth == DEPTH_MAX)
        return llmspell_fail_at(in->call, LLMSPELL_ELIMIT, "/ref",
                                "the folders are nested deeper than %d", DEPTH_MAX);
    git_tree **tree = &listing->trees[listing->depth];
    int error = git_tree_lookup(tree, in->repo, git_tree_entry_id(entry));
    if (error < 0)
        return inspect_fail(in, error, "a folder");
    text_buffer_putc(&listing->path, '/');
    listing->at[listing->depth] = 0;
    listing->length[listing->depth] = listing->path.len;
    listing->depth++;
    return 0;
}

static int32_t list_entry(struct listing *listing, const git_tree_entry *entry)
{
    int32_t rc = llmspell_cancelled(listing->in->call);
    if (rc < 0)
        return rc;
    if (++listing->visited > ENTRIES_MAX)
        return llmspell_fail_at(listing->in->call, LLMSPELL_ELIMIT, "/ref",
                                "there are more than %d files; name one folder as ref, such as "
                                "HEAD:folder",
                                ENTRIES_MAX);
    listing->path.len = listing->length[listing->depth - 1];
    text_buffer_puts(&listing->path, git_tree_entry_name(entry));
    if (listing->path.error)
        return text_buffer_check(listing->in->call, &listing->path);
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE)
        return enter(listing, entry);
    return add_file(listing, entry);
}

int32_t run_files(const struct inspection *in, json_t **ret_result)
{
    __attribute__((cleanup(listing_clear))) struct listing listing = {
        .in = in, .path = {.limit = 1u << 20}, .files = json_array()};
    int32_t rc = resolve_tree(in, llmspell_string(in->params, "ref"), "/ref", &listing.trees[0]);
    if (rc < 0)
        return rc;
    listing.depth = 1;
    int error = git_repository_odb(&listing.odb, in->repo);
    if (error < 0)
        return inspect_fail(in, error, "the objects");
    while (rc == 0 && listing.depth > 0) {
        unsigned top = listing.depth - 1;
        const git_tree_entry *entry = git_tree_entry_byindex(listing.trees[top], listing.at[top]++);
        if (entry)
            rc = list_entry(&listing, entry);
        else
            git_tree_free(listing.trees[--listing.depth]);
    }
    return rc < 0
               ? rc
               : llmspell_return(in->call, ret_result, json_pack("{s:O}", "files", listing.files));
}
