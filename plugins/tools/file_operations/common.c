/* SPDX-License-Identifier: Apache-2.0
 * Words and values that all operations use: messages for errno, times, versions, names, UTF-8. */
#include "file_operations.h"

#include <time.h>

void show_path(const char *path, char ret_shown[SHOWN_SIZE])
{
    size_t length = strlen(path), most = SHOWN_SIZE - 4;
    if (length <= most) {
        memcpy(ret_shown, path, length + 1);
        return;
    }
    while (most > 0 && ((unsigned char)path[most] & 0xC0) == 0x80)
        most--;
    memcpy(ret_shown, path, most);
    memcpy(ret_shown + most, "...", 4);
}

int32_t fail_errno(const struct job *job, const char *pointer, const char *step, const char *shown,
                   int error)
{
    int32_t code = LLMSPELL_EIO;
    switch (error) {
    case ENOENT:
        code = LLMSPELL_ENOTFOUND;
        break;
    case EEXIST:
    case ENOTEMPTY:
        code = LLMSPELL_EFAILED;
        break;
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL:
    case ENXIO:
        code = LLMSPELL_EINVAL;
        break;
    case ENOMEM:
        code = LLMSPELL_ENOMEM;
        break;
    default:
        break;
    }
    char text[128];
    const char *reason = error == EISDIR      ? "that is the name of a folder; give one of a file"
                         : error == ENOTDIR   ? "it, or a part of the path before it, is no folder"
                         : error == ENOENT    ? "it does not exist"
                         : error == ENOTEMPTY ? "that folder is not empty; empty it first"
                                              : strerror_r(error, text, sizeof text);
    return llmspell_fail_at(job->call, code, pointer, "cannot %s %s: %s", step, shown, reason);
}

/* ---- values ---- */

json_t *name_value(const char *name)
{
    size_t size = strlen(name), out = 0;
    if (utf8_length(name, size, &(bool){false}) == size)
        return json_stringn_nocheck(name, size);
    LLMSPELL_CLEANUP_FREE char *text = malloc(size * 3 + 1);
    if (!text)
        return NULL;
    while (size > 0) {
        size_t good = utf8_length(name, size, &(bool){false});
        memcpy(text + out, name, good);
        out += good;
        if (good < size) {
            memcpy(text + out, "\xEF\xBF\xBD", 3);
            out += 3;
            good++;
        }
        name += good;
        size -= good;
    }
    return json_stringn_nocheck(text, out);
}

static void version_text(const struct stat *st, char ret_text[80])
{
    long long ns = (long long)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
    snprintf(ret_text, 80, "%lld-%lld-%llu", ns, (long long)st->st_size,
             (unsigned long long)st->st_ino);
}

json_t *version_value(const struct stat *st)
{
    char text[80];
    version_text(st, text);
    return json_string(text);
}

json_t *time_value(const struct timespec *time)
{
    struct tm tm;
    char day[64], text[96];
    long ms = time->tv_nsec / 1000000;
    if (!gmtime_r(&time->tv_sec, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900)
        return json_string(time->tv_sec < 0 ? "0000-01-01T00:00:00Z" : "9999-12-31T23:59:59Z");
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        snprintf(text, sizeof text, "%s.%03ldZ", day, ms);
    else
        snprintf(text, sizeof text, "%sZ", day);
    return json_string(text);
}

char *join_path(const char *folder, const char *name)
{
    size_t length = strlen(folder), rest = strlen(name);
    bool slash = length > 0 && folder[length - 1] == '/';
    char *path = malloc(length + rest + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, length);
    if (!slash)
        path[length++] = '/';
    memcpy(path + length, name, rest + 1);
    return path;
}

const char *type_name(mode_t mode)
{
    return S_ISREG(mode)   ? "file"
           : S_ISDIR(mode) ? "directory"
           : S_ISLNK(mode) ? "symlink"
                           : "other";
}

bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* ---- parameters ---- */

bool overwrite_wanted(const struct job *job, bool fallback)
{
    return llmspell_bool(job->params, "overwrite", fallback);
}

bool names_folder(const char *path)
{
    const char *last = strrchr(path, '/');
    last = last ? last + 1 : path;
    return !*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

mode_t mode_wanted(const struct job *job, mode_t fallback)
{
    const char *text = llmspell_string(job->params, "mode");
    return text ? (mode_t)strtoul(text, NULL, 8) & 07777 : fallback;
}

/* ---- UTF-8 ---- */

/* The length that a lead byte announces, and the range of the byte after it: no overlong forms, no
 * surrogates, nothing above U+10FFFF. 0: no lead byte. */
static size_t lead_length(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *ret_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t utf8_length(const char *data, size_t size, bool *ret_cut)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t at = 0;
    *ret_cut = false;
    while (at < size) {
        unsigned char low, high;
        size_t want = lead_length(bytes[at], &low, &high), have = 1;
        if (want == 0)
            return at;
        while (have < want && at + have < size && bytes[at + have] >= low &&
               bytes[at + have] <= high) {
            low = 0x80;
            high = 0xBF;
            have++;
        }
        if (have < want) {
            *ret_cut = at + have == size;
            return at;
        }
        at += want;
    }
    return at;
}
