/* SPDX-License-Identifier: Apache-2.0
 * From a parameter to a folder's descriptor and a name in it. Only the file service is asked for
 * paths; links are followed by asking it again with the link's text. */
#include "file_operations.h"

#include <limits.h>
#include <sys/file.h>
#include <time.h>

#define LINKS_MAX 40
#define LOCK_TURNS 400 /* times 5 ms */

void place_clear(struct place *place)
{
    if (place->parent >= 0)
        close(place->parent);
    place->parent = -1;
}

int32_t place_find(const struct job *job, const char *path, bool for_write, const char *pointer,
                   struct place *ret_place)
{
    struct place place = PLACE_INIT;
    place.parent = job->fs->open_parent(job->call, path, for_write, pointer, place.name);
    if (place.parent < 0)
        return place.parent;
    place.exists = fstatat(place.parent, place.name, &place.st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!place.exists && errno != ENOENT) {
        int error = errno;
        char shown[SHOWN_SIZE];
        place_clear(&place);
        show_path(path, shown);
        return fail_errno(job, pointer, "look at", shown, error);
    }
    place_clear(ret_place);
    *ret_place = place;
    return 0;
}

/* Replaces the last name of text (a path to a link) by what the link says. 0 or an errno. */
static int follow_text(const struct place *place, char text[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t got = readlinkat(place->parent, place->name, target, sizeof target);
    if (got < 0)
        return errno;
    char *slash = strrchr(text, '/');
    size_t keep = target[0] == '/' || !slash ? 0 : (size_t)(slash - text) + 1;
    if (keep + (size_t)got >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(text + keep, target, (size_t)got);
    text[keep + (size_t)got] = '\0';
    return 0;
}

int32_t place_follow(const struct job *job, const char *path, const char *pointer,
                     struct place *ret_place)
{
    char text[PATH_MAX], shown[SHOWN_SIZE];
    /* The whole chain is judged at once, in the words of the caller; missing is no refusal here. */
    int fd = job->fs->open(job->call, path, O_PATH, 0, pointer);
    if (fd >= 0)
        close(fd);
    else if (fd != LLMSPELL_ENOTFOUND)
        return fd;
    snprintf(text, sizeof text, "%s", path); /* the service refused longer ones */
    bool linked = false;
    for (int i = 0; i <= LINKS_MAX; i++) {
        int32_t rc = place_find(job, text, true, pointer, ret_place);
        if (rc < 0)
            return rc;
        ret_place->linked = linked;
        if (!ret_place->exists || !S_ISLNK(ret_place->st.st_mode))
            return 0;
        linked = true;
        int error = follow_text(ret_place, text);
        if (error) {
            show_path(path, shown);
            return fail_errno(job, pointer, "follow", shown, error);
        }
    }
    show_path(path, shown);
    return fail_errno(job, pointer, "follow", shown, ELOOP);
}

/* ---- parents ---- */

/* Cuts the last component off (and `.` before it); false if that was the last. */
static bool cut_last(char *text)
{
    for (;;) {
        size_t length = strlen(text);
        while (length > 0 && text[length - 1] == '/')
            length--;
        while (length > 0 && text[length - 1] != '/')
            length--;
        while (length > 1 && text[length - 1] == '/')
            length--;
        text[length] = '\0';
        if (length == 0 || strcmp(text, "/") == 0)
            return false;
        if (!(length >= 2 && strcmp(text + length - 2, "/.") == 0) && strcmp(text, ".") != 0)
            return true;
    }
}

/* True if the folder fd is the folder st or lies in it: up from fd, by identity. */
static bool lies_in(int fd, const struct stat *st)
{
    int at = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat here, above;
    bool found = false;
    while (at >= 0 && fstat(at, &here) == 0 && !(found = same_file(&here, st))) {
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (up >= 0 && (fstat(up, &above) != 0 || same_file(&above, &here))) {
            close(up);
            break;
        }
        close(at);
        at = up;
    }
    if (at >= 0)
        close(at);
    return found;
}

/* Makes the folder name in *at and steps into it. */
static int make_step(int *at, const char *name, size_t length)
{
    char text[NAME_MAX + 1];
    if (length > NAME_MAX)
        return ENAMETOOLONG;
    memcpy(text, name, length);
    text[length] = '\0';
    if (length == 1 && text[0] == '.')
        return 0;
    if (strcmp(text, "..") == 0)
        return ENOENT; /* as the kernel answers: what it would leave did not exist */
    if (mkdirat(*at, text, 0755) != 0 && errno != EEXIST)
        return errno;
    int next = openat(*at, text, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0)
        return errno;
    close(*at);
    *at = next;
    return 0;
}

/* Makes all folders that rest names but for its last component. */
static int make_steps(int *at, const char *rest)
{
    for (;;) {
        rest += strspn(rest, "/");
        size_t length = strcspn(rest, "/");
        if (!rest[length + strspn(rest + length, "/")])
            return 0;
        int error = make_step(at, rest, length);
        if (error)
            return error;
        rest += length;
    }
}

/* Where the component that ends text starts. */
static size_t last_start(const char *text)
{
    const char *slash = strrchr(text, '/');
    return slash ? (size_t)(slash - text) + 1 : 0;
}

int32_t place_parents(const struct job *job, const char *path, const char *pointer,
                      const struct stat *source)
{
    bool make = llmspell_bool(job->params, "create_parents", 0);
    char text[PATH_MAX], name[LLMSPELL_FS_NAME_MAX], shown[SHOWN_SIZE];
    if (!make && !source)
        return 0; /* the place itself will tell */
    int at = job->fs->open_parent(job->call, path, 1, pointer, name);
    if (at < 0 && (at != LLMSPELL_ENOTFOUND || !make))
        return at;
    snprintf(text, sizeof text, "%s", path);
    bool missing = at < 0;
    while (at == LLMSPELL_ENOTFOUND && cut_last(text))
        at = job->fs->open_parent(job->call, text, 1, pointer, name);
    if (at < 0)
        return at;
    LLMSPELL_CLEANUP_CLOSE int folder = at;
    show_path(path, shown);
    if (source && lies_in(folder, source))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, pointer,
                                "%s lies in %s itself; choose a target outside of it", shown,
                                job->shown);
    int error = missing ? make_steps(&folder, path + last_start(text)) : 0;
    return error ? fail_errno(job, pointer, "make the folders above", shown, error) : 0;
}

/* ---- versions ---- */

/* Waits for other calls that hold the file for the same reason; what cannot be locked is not. */
static int32_t lock_file(const struct job *job, int fd)
{
    for (int i = 0; i < LOCK_TURNS; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR))
            return 0;
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/if_version",
                            "%s is locked by somebody else; try again", job->shown);
}

/* True if the entry is at this moment what version says. */
static bool has_version(const struct place *place, const char *version)
{
    struct stat st;
    if (fstatat(place->parent, place->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    LLMSPELL_CLEANUP_JSON json_t *now = version_value(&st);
    return now && strcmp(json_string_value(now), version) == 0;
}

int32_t place_check_version(const struct job *job, const struct place *place, int *ret_lock)
{
    const char *version = llmspell_string(job->params, "if_version");
    if (!version)
        return 0;
    if (place->exists && (S_ISREG(place->st.st_mode) || S_ISDIR(place->st.st_mode)))
        *ret_lock = openat(place->parent, place->name,
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int32_t rc = *ret_lock >= 0 ? lock_file(job, *ret_lock) : 0;
    if (rc < 0)
        return rc;
    if (place->exists && has_version(place, version))
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/if_version",
                            place->exists
                                ? "%s is of another version by now, not %.80s as if_version says; "
                                  "read it again"
                                : "%s does not exist, though if_version names its version %.80s; "
                                  "leave that out to make it anew",
                            job->shown, version);
}
