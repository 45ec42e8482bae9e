/* SPDX-License-Identifier: Apache-2.0
 * encrypt (AES-256, the password opens everything) and decrypt. */
#include "pdf.h"

#include "../shared/save_file.h"

#define PASSWORD_MAX 127 /* bytes that AES-256 in PDF looks at */

static int32_t check_target(const struct job *job)
{
    return save_file_check(job->call, llmspell_string(job->params, "target_path"),
                           llmspell_bool(job->params, "overwrite", 0));
}

/* A file that opens without a password has one for its owner: it may be encrypted anew. */
static int32_t open_plain(const struct job *job, struct document *document)
{
    struct job without = *job;
    without.password = NULL;
    int32_t rc = document_open(&without, document);
    document->job = job;
    if (document->locked)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path",
                                "%s is encrypted already; decrypt it first", document->path);
    return rc;
}

int32_t encrypt_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document document = {0};
    if (strlen(job->password) > PASSWORD_MAX)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, job->password_pointer,
                                "the password has more than %d bytes", PASSWORD_MAX);
    int32_t rc = open_plain(job, &document);
    if (rc == 0)
        rc = check_target(job);
    return rc < 0 ? rc : document_save(&document, ENCRYPTION_NEW, ret_result);
}

int32_t decrypt_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document document = {0};
    int32_t rc = document_open(job, &document);
    if (rc == 0)
        rc = check_target(job);
    return rc < 0 ? rc : document_save(&document, ENCRYPTION_NONE, ret_result);
}
