/* SPDX-License-Identifier: Apache-2.0
 * Errors of libgit2 as errors of the call. */
#include "git_inspector.h"

int32_t inspect_no_memory(const struct inspection *in)
{
    return llmspell_fail(in->call, LLMSPELL_ENOMEM, "out of memory");
}

/* Messages with a slash may show where things lie on this machine. */
static const char *reason(const git_error *error)
{
    bool shown = error && error->message && *error->message && !strchr(error->message, '/');
    return shown ? error->message
                 : "a file of it is missing, damaged or not readable; git fsck says which";
}

int32_t inspect_fail(const struct inspection *in, int error, const char *what)
{
    const git_error *last = git_error_last();
    int32_t stop = llmspell_cancelled(in->call);
    if (stop < 0)
        return stop;
    if (last && last->klass == GIT_ERROR_NOMEMORY)
        return inspect_no_memory(in);
    if (error == GIT_EUSER)
        return llmspell_fail_at(in->call, LLMSPELL_ELIMIT, "/path",
                                "there are more than %d %s; ask for less of the repository",
                                ENTRIES_MAX, what);
    if (last && last->klass == GIT_ERROR_OS)
        return llmspell_fail_at(in->call, LLMSPELL_EIO, "/path",
                                "cannot read %s of the repository: %s", what, reason(last));
    if (in->repo && git_repository_is_shallow(in->repo) == 1)
        return llmspell_fail_at(in->call, LLMSPELL_EFAILED, "/path",
                                "cannot read %s: the repository is a shallow clone, and holds only "
                                "a part of the history; fetch the rest",
                                what);
    return llmspell_fail_at(in->call, LLMSPELL_EPARSE, "/path",
                            "cannot read %s of the repository: %s", what, reason(last));
}
