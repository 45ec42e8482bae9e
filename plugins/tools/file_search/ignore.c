/* SPDX-License-Identifier: Apache-2.0
 * .gitignore as git reads it: the last rule that matches decides, a file in a deeper folder before
 * one above. Whoever walks does not go into ignored folders, so that nothing in them comes back. */
#include "file_search.h"

#define IGNORE_MAX (1u << 20) /* bytes of a .gitignore that are read */

struct rule {
    const char *glob; /* in text */
    bool negate, only_folders, anchored;
};

struct ignore {
    const struct ignore *above;
    size_t base; /* length of the folder's path: rules see what is behind it */
    char *text;
    struct rule *rules;
    size_t count, room;
};

void ignore_free(struct ignore *ignore)
{
    if (!ignore)
        return;
    free(ignore->text);
    free(ignore->rules);
    free(ignore);
}

/* The whole file, NUL-terminated; NULL if there is none that can be read. */
static char *read_text(int folder)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(folder, ".gitignore", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    size_t want = st.st_size < (off_t)IGNORE_MAX ? (size_t)st.st_size : IGNORE_MAX, size = 0;
    char *text = malloc(want + 1);
    while (text && size < want) {
        ssize_t got = read(fd, text + size, want - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    if (text)
        text[size] = '\0';
    return text;
}

/* Trailing blanks do not count unless a backslash keeps them. */
static void cut_blanks(char *line)
{
    size_t size = strlen(line);
    if (size > 0 && line[size - 1] == '\r')
        line[--size] = '\0';
    while (size > 0 && line[size - 1] == ' ' && !(size > 1 && line[size - 2] == '\\'))
        line[--size] = '\0';
}

/* False: out of memory. */
static bool add_rule(struct ignore *ignore, char *line)
{
    struct rule rule = {0};
    cut_blanks(line);
    if (*line == '#')
        return true;
    rule.negate = *line == '!';
    line += rule.negate;
    size_t size = strlen(line);
    rule.only_folders = size > 0 && line[size - 1] == '/';
    if (rule.only_folders)
        line[size - 1] = '\0';
    if (!*line)
        return true;
    rule.anchored = strchr(line, '/') != NULL;
    rule.glob = line + (*line == '/');
    if (ignore->count == ignore->room) {
        size_t room = ignore->room ? ignore->room * 2 : 16;
        struct rule *rules = realloc(ignore->rules, room * sizeof *rules);
        if (!rules)
            return false;
        ignore->rules = rules;
        ignore->room = room;
    }
    ignore->rules[ignore->count++] = rule;
    return true;
}

bool ignore_read(int folder, size_t base, const struct ignore *above, struct ignore **ret_ignore)
{
    char *text = read_text(folder);
    *ret_ignore = NULL;
    if (!text)
        return true;
    struct ignore *ignore = calloc(1, sizeof *ignore);
    if (!ignore) {
        free(text);
        return false;
    }
    *ignore = (struct ignore){.above = above, .base = base, .text = text};
    char *rest = text;
    if (strncmp(rest, "\xEF\xBB\xBF", 3) == 0)
        rest += 3;
    while (rest) {
        char *line = strsep(&rest, "\n");
        if (!add_rule(ignore, line)) {
            ignore_free(ignore);
            return false;
        }
    }
    *ret_ignore = ignore;
    return true;
}

bool ignore_matches(const struct ignore *ignore, const char *path, bool folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (; ignore; ignore = ignore->above) {
        const char *below = path + ignore->base + (ignore->base > 0);
        for (size_t i = ignore->count; i > 0; i--) {
            const struct rule *rule = &ignore->rules[i - 1];
            if (rule->only_folders && !folder)
                continue;
            if (glob_match(rule->glob, rule->anchored ? below : name))
                return !rule->negate;
        }
    }
    return false;
}
