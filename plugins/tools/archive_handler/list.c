/* SPDX-License-Identifier: Apache-2.0
 * list and test: what is in an archive, and whether all of it can be unpacked. */
#include "archive_handler.h"

static const char *const type_names[] = {"file", "directory", "symlink", "hardlink", "other"};

static json_t *item_value(const struct item *item, uint64_t size)
{
    char mode[8];
    snprintf(mode, sizeof mode, "%04o", item->mode);
    return json_pack("{s:s, s:s, s:I, s:o, s:s, s:b, s:s*}", "name", item->name, "type",
                     type_names[item->type], "size", (json_int_t)size, "modified",
                     time_value(&item->time), "mode", mode, "encrypted", item->encrypted, "target",
                     item->target);
}

/* Reads what tells the size, or what has to be read to get past it. */
static int32_t measure(struct source *source, uint64_t *ret_size)
{
    *ret_size = source->item.size;
    if (!source->item.sized)
        return source_drain(source, ret_size);
    return source->filtered ? source_drain(source, NULL) : 0;
}

static int32_t list_item(struct source *source, json_t *entries, uint64_t *total)
{
    uint64_t size = 0;
    const struct item *item = &source->item;
    const struct job *job = source->job;
    int32_t rc = measure(source, &size);
    if (rc < 0 || !job_selects(job, item->name, item->type == ITEM_FOLDER))
        return rc;
    *total += item->type == ITEM_FILE ? size : 0;
    if (json_array_append_new(entries, item_value(item, size)) != 0)
        return no_memory(job);
    job->call->host->progress(job->call, (double)source->position, (double)source->size, "listing");
    return 0;
}

int32_t list_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_SOURCE struct source source = {.fd = -1};
    LLMSPELL_CLEANUP_JSON json_t *entries = json_array();
    uint64_t total = 0;
    char format[32];
    int32_t rc = entries ? source_open(&source, job) : no_memory(job);
    while (rc == 0 && (rc = source_next(&source)) > 0)
        rc = list_item(&source, entries, &total);
    if (rc < 0)
        return rc;
    format_describe(source.code, archive_filter_code(source.archive, 0), format, sizeof format);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s, s:O, s:I, s:I}", "format", format, "entries", entries,
                                     "count", (json_int_t)json_array_size(entries), "total_size",
                                     (json_int_t)total));
}

/* ---- test ---- */

static int32_t read_all(struct source *source, size_t *entries, uint64_t *bytes)
{
    const struct job *job = source->job;
    uint64_t size = 0;
    int32_t rc;
    while ((rc = source_next(source)) > 0) {
        rc = source_drain(source, &size);
        if (rc < 0)
            break;
        if (!job_selects(job, source->item.name, source->item.type == ITEM_FOLDER))
            continue;
        ++*entries;
        *bytes += size;
        job->call->host->progress(job->call, (double)source->position, (double)source->size,
                                  "testing");
    }
    return rc;
}

int32_t test_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_SOURCE struct source source = {.fd = -1};
    size_t entries = 0;
    uint64_t bytes = 0;
    int32_t rc = source_open(&source, job);
    if (rc == 0)
        rc = read_all(&source, &entries, &bytes);
    bool damaged = rc == LLMSPELL_EPARSE && *source.fault;
    if (rc < 0 && !damaged)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b, s:I, s:I, s:s*}", "ok", !damaged, "entries",
                                     (json_int_t)entries, "bytes", (json_int_t)bytes, "error",
                                     damaged ? source.fault : NULL));
}
