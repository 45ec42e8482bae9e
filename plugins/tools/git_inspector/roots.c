/* SPDX-License-Identifier: Apache-2.0
 * A repository may name folders elsewhere: by a .git file, as its working tree, to borrow objects.
 * The sandbox refuses them in any case; here they get an error that says so. */
#include "git_inspector.h"

#include <limits.h>

#define ALTERNATES_MAX (64u << 10) /* bytes of objects/info/alternates */
#define ALTERNATES_DEPTH 5         /* as git */

int32_t roots_check(const struct inspection *in, const char *path, bool folder)
{
    int32_t fd = in->fs->open(in->call, path, O_PATH | (folder ? O_DIRECTORY : 0), 0, "/path");
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (fd == LLMSPELL_EPERM)
        return llmspell_fail_at(in->call, fd, "/path",
                                "parts of the repository at %s lie outside of the folders that "
                                "this tool may read",
                                llmspell_string(in->params, "path"));
    return llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, "/path",
                            "parts of the repository at %s are missing",
                            llmspell_string(in->params, "path"));
}

static int32_t check_objects(const struct inspection *in, const char *objects, unsigned depth);

/* One line of alternates: a folder of objects, relative to that of the file. */
static int32_t check_alternate(const struct inspection *in, const char *objects, const char *line,
                               unsigned depth)
{
    char folder[PATH_MAX];
    int length = *line == '/' ? snprintf(folder, sizeof folder, "%s", line)
                              : snprintf(folder, sizeof folder, "%s/%s", objects, line);
    if (length < 0 || (size_t)length >= sizeof folder)
        return llmspell_fail_at(in->call, LLMSPELL_EPARSE, "/path",
                                "the repository borrows objects from a path that is too long");
    int32_t rc = roots_check(in, folder, true);
    if (rc == LLMSPELL_ENOTFOUND)
        return 0; /* git goes on without it */
    return rc < 0 ? rc : check_objects(in, folder, depth + 1);
}

static int32_t check_objects(const struct inspection *in, const char *objects, unsigned depth)
{
    char path[PATH_MAX];
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    int length = snprintf(path, sizeof path, "%s/info/alternates", objects);
    if (depth > ALTERNATES_DEPTH || length < 0 || (size_t)length >= sizeof path)
        return 0;
    int32_t rc = llmspell_fs_read(in->call, path, "/path", ALTERNATES_MAX, &text, &size);
    if (rc == LLMSPELL_ENOTFOUND)
        return 0;
    if (rc == LLMSPELL_EPERM)
        return roots_check(in, path, false);
    char *rest = text;
    for (char *line; rc == 0 && rest && (line = strsep(&rest, "\n"));)
        if (*line && *line != '#')
            rc = check_alternate(in, objects, line, depth);
    return rc;
}

int32_t roots_check_repository(const struct inspection *in)
{
    char objects[PATH_MAX];
    const char *folders[] = {git_repository_path(in->repo), git_repository_commondir(in->repo),
                             git_repository_workdir(in->repo)};
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof folders / sizeof *folders; i++)
        if (folders[i])
            rc = roots_check(in, folders[i], true);
    if (rc < 0)
        return rc;
    int length = snprintf(objects, sizeof objects, "%sobjects", folders[1]);
    if (length < 0 || (size_t)length >= sizeof objects)
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/path", "the path is too long");
    rc = roots_check(in, objects, true);
    return rc < 0 ? rc : check_objects(in, objects, 0);
}
