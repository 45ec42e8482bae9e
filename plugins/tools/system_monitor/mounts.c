/* SPDX-License-Identifier: Apache-2.0
 * The mounted file systems as this process sees them, from /proc/PID/mountinfo. Used by disk.c,
 * cgroup.c and host.c. */
#include "monitor.h"

void mounts_free(struct mounts *mounts)
{
    free(mounts->text);
    free(mounts->items);
    *mounts = (struct mounts){0};
}

static bool is_octal(const char *text)
{
    return text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' && text[2] >= '0' &&
           text[2] <= '7';
}

/* Undoes the kernel's \040 for blanks, in place. */
static char *unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (*from == '\\' && is_octal(from + 1)) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
    return text;
}

/* id parent major:minor root dir options [optional …] - type device superoptions */
static bool parse_mount(char *line, struct mount *ret)
{
    char *rest = strstr(line, " - ");
    if (!rest)
        return false;
    *rest = '\0';
    rest += 3;
    next_word(&line);
    next_word(&line);
    ret->id = next_word(&line);
    ret->root = unescape(next_word(&line));
    ret->dir = unescape(next_word(&line));
    ret->type = unescape(next_word(&rest));
    ret->device = unescape(next_word(&rest));
    ret->options = next_word(&rest);
    return *ret->dir != '\0';
}

int32_t mounts_read(struct monitor *monitor)
{
    struct mounts *mounts = &monitor->mounts;
    if (mounts->text)
        return 0;
    mounts->text = read_own(monitor, "mountinfo");
    if (!mounts->text)
        return 0;
    size_t lines = 1;
    for (const char *at = mounts->text; *at; at++)
        lines += *at == '\n';
    mounts->items = calloc(lines, sizeof *mounts->items);
    if (!mounts->items)
        return no_memory(monitor);
    char *rest = mounts->text, *line;
    while ((line = next_line(&rest)))
        if (parse_mount(line, &mounts->items[mounts->count]))
            mounts->count++;
    mounts->read = true;
    return 0;
}
