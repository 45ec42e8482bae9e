/* SPDX-License-Identifier: Apache-2.0
 * The part cgroup, and the memory limit for the part memory: the control group of this process in
 * the hierarchies that are mounted below /sys, v1 (also beside v2) or v2. A limit of a group holds
 * for those below it, so each is the lowest on the way up to the mount. */
#include <limits.h>

#include "monitor.h"

#define NO_LIMIT (1LL << 62) /* v1 has no word for "none" but a number beyond any memory */

/* Where the files of a controller lie: base holds the mount, path the group below it. */
struct group {
    const char *base;
    char path[PATH_MAX];
    bool found;
};

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

/* The path of the group in the hierarchy of controller ("" = v2) in /proc/PID/cgroup. */
static bool own_path(const char *text, const char *controller, char *ret_path, size_t size)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        char controllers[256];
        if (!path || (size_t)(path - list) > sizeof controllers)
            continue;
        size_t length = (size_t)(path - list) - 1;
        memcpy(controllers, list + 1, length);
        controllers[length] = '\0';
        if (*controller ? !has_word(controllers, controller) : length > 0)
            continue;
        length = strcspn(path + 1, "\n");
        if (length >= size)
            return false;
        memcpy(ret_path, path + 1, length);
        ret_path[length] = '\0';
        return true;
    }
    return false;
}

static const struct mount *find_hierarchy(const struct mounts *mounts, const char *controller)
{
    const char *type = *controller ? "cgroup" : "cgroup2";
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mount *mount = &mounts->items[i];
        if (strcmp(mount->type, type) == 0 &&
            (!*controller || has_word(mount->options, controller)))
            return mount;
    }
    return NULL;
}

/* A mount may show only a part of the hierarchy (root); a group outside of it is the mount. */
static void find_group(const struct mounts *mounts, const char *text, const char *controller,
                       struct group *ret)
{
    char path[PATH_MAX];
    const struct mount *mount = find_hierarchy(mounts, controller);
    *ret = (struct group){.base = mount ? mount->dir : NULL};
    ret->found = mount && own_path(text, controller, path, sizeof path);
    if (!ret->found)
        return;
    size_t root = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
    bool inside = strncmp(path, mount->root, root) == 0 && (path[root] == '/' || !path[root]);
    if (inside && !strstr(path, "/.."))
        memcpy(ret->path, path + root, strlen(path + root) + 1);
    if (strcmp(ret->path, "/") == 0)
        ret->path[0] = '\0';
}

static char *read_file(struct monitor *monitor, const struct group *group, const char *name)
{
    char path[PATH_MAX * 2];
    snprintf(path, sizeof path, "%s%s/%s", group->base, group->path, name);
    return read_text(monitor, path);
}

static json_int_t read_number(struct monitor *monitor, const struct group *group, const char *name)
{
    char path[PATH_MAX * 2];
    snprintf(path, sizeof path, "%s%s/%s", group->base, group->path, name);
    json_int_t value = read_integer(monitor, path);
    return value < NO_LIMIT ? value : UNKNOWN;
}

/* Goes to the group above; false at the mount. */
static bool ascend(struct group *group)
{
    char *slash = strrchr(group->path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

/* The lowest number that file name holds here and above. group is a copy. */
static json_int_t lowest_number(struct monitor *monitor, struct group group, const char *name)
{
    json_int_t lowest = UNKNOWN;
    if (!group.found)
        return UNKNOWN;
    do {
        json_int_t value = read_number(monitor, &group, name);
        if (value >= 0 && (lowest < 0 || value < lowest))
            lowest = value;
    } while (ascend(&group));
    return lowest;
}

/* Processors that one group may use, UNKNOWN: any number. */
static double quota_of(struct monitor *monitor, const struct group *group, int version)
{
    long long quota = 0, period = 0;
    if (version == 2) {
        LLMSPELL_CLEANUP_FREE char *text = read_file(monitor, group, "cpu.max");
        if (!text || sscanf(text, "%lld %lld", &quota, &period) != 2)
            return UNKNOWN;
    } else {
        quota = read_number(monitor, group, "cpu.cfs_quota_us");
        period = read_number(monitor, group, "cpu.cfs_period_us");
    }
    return quota > 0 && period > 0 ? (double)quota / (double)period : UNKNOWN;
}

static double lowest_quota(struct monitor *monitor, struct group group, int version)
{
    double lowest = UNKNOWN;
    if (!group.found)
        return UNKNOWN;
    do {
        double value = quota_of(monitor, &group, version);
        if (value >= 0 && (lowest < 0 || value < lowest))
            lowest = value;
    } while (ascend(&group));
    return lowest;
}

static void read_groups(struct monitor *monitor, const char *text, struct cgroup *ret)
{
    struct group cpu, memory, pids;
    find_group(&monitor->mounts, text, "cpu", &cpu);
    find_group(&monitor->mounts, text, "memory", &memory);
    find_group(&monitor->mounts, text, "pids", &pids);
    ret->version = 1;
    if (!cpu.found && !memory.found && !pids.found) {
        find_group(&monitor->mounts, text, "", &memory);
        ret->version = memory.found ? 2 : UNKNOWN;
        cpu = pids = memory;
    }
    bool v2 = ret->version == 2;
    ret->cpu_quota = lowest_quota(monitor, cpu, ret->version);
    ret->memory_limit = lowest_number(monitor, memory, v2 ? "memory.max" : "memory.limit_in_bytes");
    if (memory.found)
        ret->memory_used =
            read_number(monitor, &memory, v2 ? "memory.current" : "memory.usage_in_bytes");
    ret->pids_limit = lowest_number(monitor, pids, "pids.max");
}

void cgroup_read(struct monitor *monitor, struct cgroup *ret_cgroup)
{
    *ret_cgroup = (struct cgroup){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
    LLMSPELL_CLEANUP_FREE char *text = read_own(monitor, "cgroup");
    if (text && mounts_read(monitor) == 0 && monitor->mounts.read)
        read_groups(monitor, text, ret_cgroup);
}

int32_t part_cgroup(struct monitor *monitor, json_t **ret_part)
{
    struct cgroup cgroup;
    cgroup_read(monitor, &cgroup);
    json_t *part = json_pack("{s:o, s:o, s:o, s:o, s:o}", "version", value_integer(cgroup.version),
                             "cpu_quota", value_number(cgroup.cpu_quota), "memory_limit_bytes",
                             value_integer(cgroup.memory_limit), "memory_used_bytes",
                             value_integer(cgroup.memory_used), "pids_limit",
                             value_integer(cgroup.pids_limit));
    return part_return(monitor, ret_part, part);
}
