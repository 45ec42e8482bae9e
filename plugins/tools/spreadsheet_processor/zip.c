/* SPDX-License-Identifier: Apache-2.0
 * A zip archive in memory. Its entries have no times: the same sheets give the same file. */
#include <archive.h>
#include <archive_entry.h>

#include "writer.h"

static la_ssize_t on_write(struct archive *archive, void *context, const void *data, size_t size)
{
    struct byte_buffer *out = context;
    (void)archive;
    buffer_add(out, data, size);
    return out->failed ? -1 : (la_ssize_t)size;
}

bool zip_open(struct zip *zip)
{
    zip->archive = archive_write_new();
    return zip->archive && archive_write_set_format_zip(zip->archive) == ARCHIVE_OK &&
           archive_write_set_bytes_in_last_block(zip->archive, 1) == ARCHIVE_OK &&
           archive_write_open(zip->archive, &zip->data, NULL, on_write, NULL) == ARCHIVE_OK;
}

bool zip_add(struct zip *zip, const char *name, const struct byte_buffer *text)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry || text->failed) {
        archive_entry_free(entry);
        return false;
    }
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)text->size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    bool ok = archive_write_header(zip->archive, entry) == ARCHIVE_OK &&
              archive_write_data(zip->archive, text->data, text->size) == (la_ssize_t)text->size;
    archive_entry_free(entry);
    return ok;
}

bool zip_finish(struct zip *zip)
{
    return archive_write_close(zip->archive) == ARCHIVE_OK && !zip->data.failed;
}

void zip_clear(struct zip *zip)
{
    if (zip->archive)
        archive_write_free(zip->archive);
    buffer_clear(&zip->data);
}
