/* SPDX-License-Identifier: Apache-2.0
 * hash_tree and disk_usage, and the counting that copy, move and delete begin with. Links are never
 * followed: they count as files without bytes, and have no hash. */
#include "tree.h"

#include <openssl/evp.h>

/* ---- counting ---- */

struct counter {
    struct tree tree; /* first: the visitor is handed this */
    struct tree_size size;
    bool plain;
};

static int32_t visit_count(struct tree *tree, enum tree_event event, const struct tree_entry *entry)
{
    struct counter *counter = (struct counter *)tree;
    mode_t mode = entry->st->st_mode;
    if (event == TREE_ENTER)
        counter->size.folders++;
    if (event != TREE_ENTRY)
        return 0;
    if (counter->plain && !S_ISREG(mode) && !S_ISLNK(mode))
        return tree_fail(tree, "copy", entry->path, ENXIO);
    counter->size.files++;
    if (S_ISREG(mode))
        counter->size.bytes += (uint64_t)entry->st->st_size;
    return 0;
}

int32_t tree_measure(const struct job *job, int folder, const char *pointer, bool plain,
                     struct tree_size *ret_size)
{
    struct counter counter = {.plain = plain};
    counter.tree = (struct tree){.job = job,
                                 .pointer = pointer,
                                 .shown = job->shown,
                                 .max = ENTRIES_MAX,
                                 .visit = visit_count};
    int32_t rc = tree_walk(&counter.tree, folder);
    if (rc == 0)
        *ret_size = counter.size;
    return rc;
}

/* Opens path to be measured: a folder or a regular file. */
static int open_top(const struct job *job, struct stat *ret_st)
{
    int fd = job->fs->open(job->call, job->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, "/path");
    if (fd >= 0 && fstat(fd, ret_st) != 0) {
        int error = errno;
        close(fd);
        return fail_errno(job, "/path", "look at", job->shown, error);
    }
    return fd;
}

int32_t disk_usage_run(const struct job *job, json_t **ret_result)
{
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open_top(job, &st);
    if (fd < 0)
        return fd;
    struct tree_size size = {.bytes = (uint64_t)st.st_size, .files = 1};
    if (S_ISDIR(st.st_mode)) {
        int32_t rc = tree_measure(job, fd, "/path", false, &size);
        if (rc < 0)
            return rc;
    }
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:I,s:I,s:I}", "bytes", (json_int_t)size.bytes, "files",
                                     (json_int_t)size.files, "directories",
                                     (json_int_t)size.folders));
}

/* ---- hashing ---- */

#define HEX_SIZE 65
#define PROGRESS_FROM (32u << 20) /* bytes of a file that is reported by itself */

struct hashed {
    char *path; /* below the top */
    char hex[HEX_SIZE];
    uint64_t size;
};

struct hasher {
    struct tree tree;
    struct hashed *list;
    size_t count, room;
};

static void hasher_clear(struct hasher *hasher)
{
    for (size_t i = 0; i < hasher->count; i++)
        free(hasher->list[i].path);
    free(hasher->list);
}

static void digest_clear(EVP_MD_CTX **digest)
{
    EVP_MD_CTX_free(*digest);
}

#define CLEANUP_HASHER __attribute__((cleanup(hasher_clear)))
#define CLEANUP_DIGEST __attribute__((cleanup(digest_clear)))

static EVP_MD_CTX *digest_new(void)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1)
        return digest;
    EVP_MD_CTX_free(digest);
    return NULL;
}

static bool digest_hex(EVP_MD_CTX *digest, char ret_hex[HEX_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(digest, hash, NULL) != 1)
        return false;
    for (size_t i = 0; i < HEX_SIZE / 2; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
    return true;
}

static int32_t fail_large(const struct job *job)
{
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                            "%s is, or holds, a file larger than the limit of %llu bytes",
                            job->shown, STREAM_MAX);
}

static int32_t hash_file(const struct tree *tree, int fd, const struct stat *st, const char *path,
                         struct hashed *hashed)
{
    const struct job *job = tree->job;
    LLMSPELL_CLEANUP_FREE char *buffer = malloc(CHUNK);
    CLEANUP_DIGEST EVP_MD_CTX *digest = digest_new();
    if (!buffer || !digest)
        return tree_fail(tree, "hash", path, ENOMEM);
    for (;;) {
        ssize_t got = read(fd, buffer, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tree_fail(tree, "read", path, errno);
        if (got == 0)
            break;
        hashed->size += (uint64_t)got;
        if (hashed->size > STREAM_MAX)
            return fail_large(job); /* it grew since */
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
        if (EVP_DigestUpdate(digest, buffer, (size_t)got) != 1)
            return tree_fail(tree, "hash", path, ENOMEM);
        if (st->st_size > (off_t)PROGRESS_FROM)
            job->call->host->progress(job->call, (double)hashed->size, (double)st->st_size, path);
    }
    return digest_hex(digest, hashed->hex) ? 0 : tree_fail(tree, "hash", path, ENOMEM);
}

/* Hashes the open file and keeps it under path. */
static int32_t hasher_add(struct hasher *hasher, int fd, const struct stat *st, const char *path)
{
    struct tree *tree = &hasher->tree;
    if (hasher->count == hasher->room) {
        size_t room = hasher->room ? hasher->room * 2 : 64;
        struct hashed *list = realloc(hasher->list, room * sizeof *list);
        if (!list)
            return tree_fail(tree, "hash", path, ENOMEM);
        hasher->list = list;
        hasher->room = room;
    }
    struct hashed hashed = {0};
    if ((uint64_t)st->st_size > STREAM_MAX)
        return fail_large(tree->job);
    int32_t rc = hash_file(tree, fd, st, path, &hashed);
    if (rc < 0)
        return rc;
    hashed.path = strdup(path);
    if (!hashed.path)
        return tree_fail(tree, "hash", path, ENOMEM);
    hasher->list[hasher->count++] = hashed;
    struct llmspell_call *call = tree->job->call;
    call->host->progress(call, (double)hasher->count, 0, path);
    return 0;
}

static int32_t visit_hash(struct tree *tree, enum tree_event event, const struct tree_entry *entry)
{
    if (event != TREE_ENTRY || !S_ISREG(entry->st->st_mode))
        return 0;
    LLMSPELL_CLEANUP_CLOSE int fd = openat(
        entry->folder, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return tree_fail(tree, "open", entry->path, errno);
    if (!S_ISREG(st.st_mode))
        return tree_fail(tree, "open", entry->path, ESTALE);
    return hasher_add((struct hasher *)tree, fd, &st, entry->path);
}

static int compare_hashed(const void *a, const void *b)
{
    return strcmp(((const struct hashed *)a)->path, ((const struct hashed *)b)->path);
}

/* The files, and the hash over the lines "SHA256  PATH\n" that sha256sum would print for them. */
static json_t *hash_result(const struct job *job, const struct hasher *hasher, bool single)
{
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    CLEANUP_DIGEST EVP_MD_CTX *digest = digest_new();
    char hex[HEX_SIZE];
    for (size_t i = 0; files && digest && i < hasher->count; i++) {
        const struct hashed *hashed = &hasher->list[i];
        LLMSPELL_CLEANUP_FREE char *path =
            single ? strdup(job->path) : join_path(job->path, hashed->path);
        if (!path || json_array_append_new(files, json_pack("{s:o,s:s,s:I}", "path",
                                                            name_value(path), "sha256", hashed->hex,
                                                            "size", (json_int_t)hashed->size)) != 0)
            return NULL;
        if (EVP_DigestUpdate(digest, hashed->hex, HEX_SIZE - 1) != 1 ||
            EVP_DigestUpdate(digest, "  ", 2) != 1 ||
            EVP_DigestUpdate(digest, hashed->path, strlen(hashed->path)) != 1 ||
            EVP_DigestUpdate(digest, "\n", 1) != 1)
            return NULL;
    }
    if (!files || !digest || !digest_hex(digest, hex))
        return NULL;
    return json_pack("{s:O,s:s}", "files", files, "sha256", hex);
}

int32_t hash_tree_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_HASHER struct hasher hasher = {0};
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open_top(job, &st);
    if (fd < 0)
        return fd;
    hasher.tree = (struct tree){.job = job,
                                .pointer = "/path",
                                .shown = job->shown,
                                .max = ENTRIES_MAX,
                                .visit = visit_hash};
    bool single = !S_ISDIR(st.st_mode);
    const char *slash = strrchr(job->path, '/');
    int32_t rc = single ? hasher_add(&hasher, fd, &st, slash ? slash + 1 : job->path)
                        : tree_walk(&hasher.tree, fd);
    if (rc < 0)
        return rc;
    if (hasher.count)
        qsort(hasher.list, hasher.count, sizeof *hasher.list, compare_hashed);
    return llmspell_return(job->call, ret_result, hash_result(job, &hasher, single));
}
