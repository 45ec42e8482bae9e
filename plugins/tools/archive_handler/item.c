/* SPDX-License-Identifier: Apache-2.0
 * What libarchive says of an entry, as an item: for source.c. */
#include "archive_handler.h"

#define RAW_MODE 0644

void item_clear(struct item *item)
{
    free(item->name);
    free(item->target);
    *item = (struct item){0};
}

/* What is compressed alone has no name of its own: that of the file without .gz. */
static char *raw_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t size = dot && dot > name ? (size_t)(dot - name) : 0;
    char *text = NULL;
    if (size > 0)
        return strndup(name, size);
    return asprintf(&text, "%s.out", name) < 0 ? NULL : text;
}

static enum item_type type_of(const struct source *source, struct archive_entry *entry)
{
    bool plain = source->code == ARCHIVE_FORMAT_AR && archive_entry_filetype(entry) == 0;
    if (archive_entry_hardlink(entry) || archive_entry_hardlink_utf8(entry))
        return ITEM_HARDLINK;
    if (plain)
        return ITEM_FILE; /* ar D writes a mode that names no kind */
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return ITEM_FILE;
    case AE_IFDIR:
        return ITEM_FOLDER;
    case AE_IFLNK:
        return ITEM_SYMLINK;
    default:
        return ITEM_OTHER;
    }
}

/* raw: as it stands in the archive; NULL where it cannot be shown in this locale. */
static char *item_text(const struct source *source, const char *raw, const char *utf8)
{
    return name_text(raw ? raw : utf8 ? utf8 : "", source->zip);
}

static int32_t item_fill_raw(struct source *source)
{
    struct item *item = &source->item;
    item->name = raw_name(source->job->path);
    item->mode = RAW_MODE;
    item->time = source->time;
    item->sized = !item->entry;
    if (item->entry && archive_entry_mtime_is_set(item->entry) && archive_entry_mtime(item->entry))
        item->time = (struct timespec){.tv_sec = archive_entry_mtime(item->entry)};
    return item->name ? 1 : no_memory(source->job);
}

int32_t item_fill(struct source *source)
{
    struct item *item = &source->item;
    struct archive_entry *entry = item->entry;
    if (source->raw)
        return item_fill_raw(source);
    item->type = type_of(source, entry);
    item->name =
        item_text(source, archive_entry_pathname(entry), archive_entry_pathname_utf8(entry));
    if (item->type == ITEM_SYMLINK)
        item->target =
            item_text(source, archive_entry_symlink(entry), archive_entry_symlink_utf8(entry));
    if (item->type == ITEM_HARDLINK)
        item->target =
            item_text(source, archive_entry_hardlink(entry), archive_entry_hardlink_utf8(entry));
    if (!item->name || (item->type >= ITEM_SYMLINK && item->type < ITEM_OTHER && !item->target))
        return no_memory(source->job);
    item->sized = archive_entry_size_is_set(entry) || item->type != ITEM_FILE;
    item->size =
        archive_entry_size(entry) > 0 && (item->type == ITEM_FILE || item->type == ITEM_HARDLINK)
            ? (uint64_t)archive_entry_size(entry)
            : 0;
    item->mode = archive_entry_perm(entry) & 07777;
    item->time = (struct timespec){archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    item->encrypted = archive_entry_is_encrypted(entry) > 0;
    item->cut_name = source->cut_names && json_object_get(source->cut_names, item->name);
    return 1;
}
