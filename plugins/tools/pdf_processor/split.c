/* SPDX-License-Identifier: Apache-2.0
 * split: a file for every so many pages, named after target_path. */
#include "pdf.h"

#include "../shared/byte_buffer.h"
#include "../shared/save_file.h"

/* The name of a part, from 1: %d replaced, or -1 before the extension. */
static void part_name(const char *target, size_t number, struct byte_buffer *out)
{
    const char *mark = strstr(target, "%d");
    const char *slash = strrchr(target, '/');
    const char *name = slash ? slash + 1 : target;
    const char *dot = strrchr(name, '.');
    size_t stem = dot && dot > name ? (size_t)(dot - target) : strlen(target);
    if (mark) {
        buffer_add(out, target, (size_t)(mark - target));
        buffer_printf(out, "%zu%s", number, mark + 2);
    } else {
        buffer_add(out, target, stem);
        buffer_printf(out, "-%zu%s", number, target + stem);
    }
}

struct split {
    const struct document *source;
    const struct selection *selection;
    const char *target;
    size_t every, parts;
    bool overwrite;
    json_t *files; /* borrowed */
};

/* All names are looked at before the first file is written. */
static int32_t check_names(const struct split *split)
{
    const struct job *job = split->source->job;
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < split->parts; i++) {
        CLEANUP_BUFFER struct byte_buffer name = {0};
        part_name(split->target, i + 1, &name);
        if (name.failed)
            return job_no_memory(job);
        rc = save_file_check(job->call, name.data, split->overwrite);
        if (rc == 0)
            rc = llmspell_cancelled(job->call);
    }
    return rc;
}

static int32_t write_part(const struct split *split, size_t index)
{
    const struct job *job = split->source->job;
    CLEANUP_DOCUMENT struct document part = {0};
    CLEANUP_BUFFER struct byte_buffer name = {0};
    const char *bytes = NULL;
    size_t size = 0, first = index * split->every;
    part_name(split->target, index + 1, &name);
    int32_t rc = name.failed ? job_no_memory(job) : document_new(job, &part);
    for (size_t i = first; rc == 0 && i < first + split->every && i < split->selection->count; i++)
        rc = document_add(&part, split->source, split->selection->pages[i]);
    if (rc < 0)
        return rc;
    document_copy_info(&part, split->source);
    rc = document_write(&part, ENCRYPTION_NONE, &bytes, &size);
    if (rc == 0)
        rc = save_file(job->call, name.data, split->overwrite, bytes, size);
    if (rc == 0 && json_array_append_new(split->files, json_pack("{s:s,s:I}", "path", name.data,
                                                                 "pages", (json_int_t)part.pages)))
        rc = job_no_memory(job);
    return rc;
}

int32_t split_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document source = {0};
    CLEANUP_SELECTION struct selection selection = {0};
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    int32_t rc = document_open(job, &source);
    if (rc == 0)
        rc = selection_read(&source, &selection);
    if (rc < 0)
        return rc;
    struct split split = {.source = &source,
                          .selection = &selection,
                          .target = llmspell_string(job->params, "target_path"),
                          .every = (size_t)llmspell_integer(job->params, "every", 1),
                          .overwrite = llmspell_bool(job->params, "overwrite", 0),
                          .files = files};
    split.parts = (selection.count + split.every - 1) / split.every;
    rc = check_names(&split);
    for (size_t i = 0; rc == 0 && i < split.parts; i++) {
        job->call->host->progress(job->call, (double)i, (double)split.parts, "writing");
        rc = write_part(&split, i);
    }
    return rc < 0 ? rc
                  : llmspell_return(
                        job->call, ret_result,
                        json_pack("{s:O,s:I}", "files", files, "count", (json_int_t)split.parts));
}
