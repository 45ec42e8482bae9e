/* SPDX-License-Identifier: Apache-2.0
 * The part disk: the mounted file systems and how full they are. A dead network mount holds
 * statvfs for good, so network, FUSE and memory file systems are asked only if the caller wants
 * them (include_virtual) or names them (mounts). */
#include <sys/statvfs.h>

#include "monitor.h"

/* Types without a block device that hold files on a disk all the same. */
static const char *const local_types[] = {"overlay", "aufs", "zfs", "bcachefs", "ubifs", "jffs2"};

struct selection {
    const struct mount **items;
    size_t count;
};

static void selection_free(struct selection *selection)
{
    free(selection->items);
}

/* Does filesystems (/proc/filesystems) list type, up to its subtype, as one without a device? */
static bool is_nodev(const char *filesystems, const char *type)
{
    size_t length = strcspn(type, ".");
    for (const char *at = filesystems; (at = strstr(at, "nodev\t")); at++) {
        const char *name = at + 6;
        if (strncmp(name, type, length) == 0 && (name[length] == '\n' || !name[length]))
            return true;
    }
    return false;
}

static bool is_virtual(const struct mount *mount, const char *filesystems)
{
    for (size_t i = 0; i < sizeof local_types / sizeof *local_types; i++)
        if (strcmp(mount->type, local_types[i]) == 0)
            return false;
    if (strncmp(mount->type, "fuse", 4) == 0)
        return true;
    return filesystems ? is_nodev(filesystems, mount->type) : mount->device[0] != '/';
}

/* By place; of two mounts on one place the later, which hides the other, comes last. */
static int compare_place(const void *a, const void *b)
{
    const struct mount *x = *(const struct mount *const *)a, *y = *(const struct mount *const *)b;
    int order = strcmp(x->dir, y->dir);
    return order ? order : (x > y) - (x < y);
}

/* By file system, then the shortest place, then the first in order. */
static int compare_system(const void *a, const void *b)
{
    const struct mount *x = *(const struct mount *const *)a, *y = *(const struct mount *const *)b;
    int order = strcmp(x->id, y->id);
    if (order)
        return order;
    size_t p = strlen(x->dir), q = strlen(y->dir);
    return p != q ? (p < q ? -1 : 1) : compare_place(a, b);
}

static void drop_hidden(struct selection *selection)
{
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++)
        if (i + 1 == selection->count ||
            strcmp(selection->items[i]->dir, selection->items[i + 1]->dir) != 0)
            selection->items[kept++] = selection->items[i];
    selection->count = kept;
}

/* One mount a file system: bind mounts and subvolumes would count the same disk again. */
static void drop_repeated(struct selection *selection)
{
    size_t kept = 0;
    qsort(selection->items, selection->count, sizeof *selection->items, compare_system);
    for (size_t i = 0; i < selection->count; i++)
        if (kept == 0 || strcmp(selection->items[kept - 1]->id, selection->items[i]->id) != 0)
            selection->items[kept++] = selection->items[i];
    selection->count = kept;
    qsort(selection->items, selection->count, sizeof *selection->items, compare_place);
}

/* Every place once, sorted. */
static int32_t select_visible(struct monitor *monitor, struct selection *ret)
{
    const struct mounts *mounts = &monitor->mounts;
    ret->items = calloc(mounts->count + 1, sizeof *ret->items);
    if (!ret->items)
        return no_memory(monitor);
    for (size_t i = 0; i < mounts->count; i++)
        ret->items[ret->count++] = &mounts->items[i];
    qsort(ret->items, ret->count, sizeof *ret->items, compare_place);
    drop_hidden(ret);
    return 0;
}

static void select_disks(struct monitor *monitor, struct selection *selection)
{
    LLMSPELL_CLEANUP_FREE char *filesystems = read_text(monitor, "/proc/filesystems");
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++)
        if (!is_virtual(selection->items[i], filesystems))
            selection->items[kept++] = selection->items[i];
    selection->count = kept;
    drop_repeated(selection);
}

/* The mount on a place that the caller names, also with slashes at its end. */
static const struct mount *find_mount(const struct selection *selection, const char *dir)
{
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    for (size_t i = 0; i < selection->count; i++)
        if (strlen(selection->items[i]->dir) == length &&
            strncmp(selection->items[i]->dir, dir, length) == 0)
            return selection->items[i];
    return NULL;
}

/* The named mounts, in the order of the names. */
static int32_t select_named(struct monitor *monitor, const json_t *names,
                            struct selection *selection)
{
    const struct mount **items = calloc(json_array_size(names) + 1, sizeof *items);
    struct selection named = {items, 0};
    const json_t *name;
    size_t index;
    int32_t rc = items ? 0 : no_memory(monitor);
    json_array_foreach(names, index, name)
    {
        char pointer[32];
        const char *dir = json_string_value(name);
        const struct mount *mount = find_mount(selection, dir);
        snprintf(pointer, sizeof pointer, "/mounts/%zu", index);
        if (strlen(dir) != json_string_length(name))
            rc = llmspell_fail_at(monitor->call, LLMSPELL_EINVAL, pointer,
                                  "a mount point holds no NUL character");
        else if (!mount && rc == 0)
            rc = llmspell_fail_at(monitor->call, LLMSPELL_ENOTFOUND, pointer,
                                  "no file system is mounted on %s; include_virtual without mounts "
                                  "shows where they are",
                                  dir);
        if (rc < 0)
            break;
        named.items[named.count++] = mount;
    }
    if (rc < 0) {
        free(items);
        return rc;
    }
    selection_free(selection);
    *selection = named;
    return 0;
}

static json_int_t blocks(const struct statvfs *fs, unsigned long long count)
{
    unsigned long long bytes;
    if (__builtin_mul_overflow(count, (unsigned long long)fs->f_frsize, &bytes) ||
        bytes > 9007199254740992ULL)
        return UNKNOWN;
    return (json_int_t)bytes;
}

static json_t *disk_of(const struct mount *mount)
{
    struct statvfs fs;
    json_int_t total = UNKNOWN, used = UNKNOWN, available = UNKNOWN;
    json_int_t inodes = UNKNOWN, inodes_used = UNKNOWN;
    if (statvfs(mount->dir, &fs) == 0) {
        total = blocks(&fs, fs.f_blocks);
        used = blocks(&fs, fs.f_blocks > fs.f_bfree ? fs.f_blocks - fs.f_bfree : 0);
        available = blocks(&fs, fs.f_bavail);
        if (fs.f_files > 0 && fs.f_files >= fs.f_ffree) { /* 0: inodes are made as needed */
            inodes = (json_int_t)fs.f_files;
            inodes_used = (json_int_t)(fs.f_files - fs.f_ffree);
        }
    }
    double room = used >= 0 && available >= 0 ? (double)used + (double)available : UNKNOWN;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "mount",
                     value_text(mount->dir, strlen(mount->dir)), "device",
                     value_text(mount->device, strlen(mount->device)), "filesystem",
                     value_text(mount->type, strlen(mount->type)), "total_bytes",
                     value_integer(total), "used_bytes", value_integer(used), "available_bytes",
                     value_integer(available), "usage_percent", value_percent((double)used, room),
                     "inodes_total", value_integer(inodes), "inodes_used",
                     value_integer(inodes_used));
}

static int32_t measure(struct monitor *monitor, const struct selection *selection,
                       json_t **ret_part)
{
    LLMSPELL_CLEANUP_JSON json_t *disks = json_array();
    for (size_t i = 0; i < selection->count; i++) {
        int32_t stop = llmspell_cancelled(monitor->call);
        if (stop < 0)
            return stop;
        if (json_array_append_new(disks, disk_of(selection->items[i])) != 0)
            return no_memory(monitor);
    }
    return part_return(monitor, ret_part, json_pack("{s:O}", "disks", disks));
}

/* What the caller wants to see; nothing where the mounts cannot be read. */
static int32_t select_mounts(struct monitor *monitor, struct selection *ret)
{
    const json_t *names = json_object_get(monitor->params, "mounts");
    int32_t rc = mounts_read(monitor);
    if (rc < 0 || !monitor->mounts.read)
        return rc;
    rc = select_visible(monitor, ret);
    if (rc == 0 && names)
        rc = select_named(monitor, names, ret);
    else if (rc == 0 && !llmspell_bool(monitor->params, "include_virtual", 0))
        select_disks(monitor, ret);
    return rc;
}

int32_t disk_check(struct monitor *monitor)
{
    __attribute__((cleanup(selection_free))) struct selection selection = {0};
    return json_object_get(monitor->params, "mounts") ? select_mounts(monitor, &selection) : 0;
}

int32_t part_disk(struct monitor *monitor, json_t **ret_part)
{
    __attribute__((cleanup(selection_free))) struct selection selection = {0};
    int32_t rc = select_mounts(monitor, &selection);
    if (rc == 0 && !monitor->mounts.read)
        return part_return(monitor, ret_part, json_pack("{s:n}", "disks"));
    return rc < 0 ? rc : measure(monitor, &selection, ret_part);
}
