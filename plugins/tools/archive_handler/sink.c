/* SPDX-License-Identifier: Apache-2.0
 * Writing an archive, to a temporary file that takes the archive's place in the end. */
#include "archive_handler.h"

#define PIECE (256u << 10)
#define PIECE_PACKED (16u << 10) /* xz takes some 10 ms for it */
#define WRITEBACK (8 << 20)
#define EPOCH_1980 315532800 /* 1980-01-01T00:00:00Z: zip knows no earlier time */

static int32_t sink_fail(struct sink *sink)
{
    const struct job *job = sink->job;
    const char *text = archive_error_string(sink->archive);
    if (sink->stop < 0)
        return sink->stop;
    if (archive_errno(sink->archive) == ENOMEM)
        return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
    return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path", "cannot write %.200s: %.200s",
                            job->path, text ? text : "libarchive does not say why");
}

/* The disk works while the archive grows, so that the fsync in the end has little left to wait for.
 */
static void begin_writeback(struct sink *sink)
{
    if (sink->written - sink->begun < WRITEBACK)
        return;
    sync_file_range(sink->save.fd, sink->begun, sink->written - sink->begun, SYNC_FILE_RANGE_WRITE);
    sink->begun = sink->written;
}

static la_ssize_t write_piece(struct archive *archive, void *context, const void *data, size_t size)
{
    struct sink *sink = context;
    if (sink->stop == 0)
        sink->stop = llmspell_cancelled(sink->job->call);
    for (size_t at = 0; sink->stop == 0 && at < size;) {
        ssize_t put = write(sink->save.fd, (const char *)data + at, size - at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            sink->stop = save_fail(&sink->save, errno);
        else
            at += (size_t)put;
    }
    sink->written += (off_t)size;
    begin_writeback(sink);
    if (sink->stop == 0)
        return (la_ssize_t)size;
    archive_set_error(archive, ECANCELED, "stopped");
    return -1;
}

/* ---- opening ---- */

static int set_format(struct archive *archive, const struct format *format)
{
    int status = format->code == ARCHIVE_FORMAT_ZIP    ? archive_write_set_format_zip(archive)
                 : format->code == ARCHIVE_FORMAT_7ZIP ? archive_write_set_format_7zip(archive)
                 : format->code == ARCHIVE_FORMAT_TAR
                     ? archive_write_set_format_pax_restricted(archive)
                     : archive_write_set_format_raw(archive);
    if (status == ARCHIVE_OK && format->filter != ARCHIVE_FILTER_NONE)
        status = archive_write_add_filter(archive, format->filter);
    return status;
}

/* bzip2 and zstd have no level 0; zip and 7z store then. */
static int set_level(struct archive *archive, const struct format *format, int level)
{
    bool stores = format->code == ARCHIVE_FORMAT_ZIP || format->code == ARCHIVE_FORMAT_7ZIP;
    bool from_one = format->filter == ARCHIVE_FILTER_BZIP2 || format->filter == ARCHIVE_FILTER_ZSTD;
    char text[8];
    snprintf(text, sizeof text, "%d", level == 0 && from_one ? 1 : level);
    if (stores && level == 0)
        return archive_write_set_format_option(archive, NULL, "compression", "store");
    if (stores)
        return archive_write_set_format_option(archive, NULL, "compression-level", text);
    if (format->filter == ARCHIVE_FILTER_GZIP)
        archive_write_set_filter_option(archive, "gzip", "timestamp", NULL);
    if (format->filter != ARCHIVE_FILTER_NONE)
        return archive_write_set_filter_option(archive, NULL, "compression-level", text);
    return ARCHIVE_OK;
}

static int32_t set_password(const struct sink *sink, const struct format *format)
{
    const struct job *job = sink->job;
    if (!job->password)
        return 0;
    if (format->code != ARCHIVE_FORMAT_ZIP)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, job->password_pointer,
                                "only zip archives can be encrypted, not %s", format->name);
    if (archive_write_set_format_option(sink->archive, "zip", "encryption", "aes256") != ARCHIVE_OK)
        return llmspell_fail_at(job->call, LLMSPELL_EUNAVAILABLE, job->password_pointer,
                                "libarchive was built without AES here");
    return archive_write_set_passphrase(sink->archive, job->password) == ARCHIVE_OK
               ? 0
               : no_memory(job);
}

int32_t sink_open(struct sink *sink, const struct job *job, const struct format *format,
                  bool overwrite)
{
    *sink = (struct sink){.job = job, .save = {.folder = -1, .fd = -1}};
    int32_t rc = save_start(&sink->save, job->call, job->path, "/path", overwrite);
    if (rc < 0)
        return rc;
    sink->piece = format->code == ARCHIVE_FORMAT_TAR && format->filter == ARCHIVE_FILTER_NONE
                      ? PIECE
                      : PIECE_PACKED;
    sink->buffer = malloc(PIECE);
    sink->archive = archive_write_new();
    if (!sink->buffer || !sink->archive)
        return no_memory(job);
    if (set_format(sink->archive, format) != ARCHIVE_OK ||
        set_level(sink->archive, format, job->level) != ARCHIVE_OK)
        return sink_fail(sink);
    rc = set_password(sink, format);
    if (rc < 0)
        return rc;
    archive_write_set_bytes_per_block(sink->archive, PIECE);
    archive_write_set_bytes_in_last_block(sink->archive, 1);
    if (archive_write_open2(sink->archive, sink, NULL, write_piece, NULL, NULL) != ARCHIVE_OK)
        return sink_fail(sink);
    return 0;
}

/* libarchive finishes what was not committed, for the compressors give their memory back only then;
 * nothing of it is written any more. */
void sink_close(struct sink *sink)
{
    save_end(&sink->save);
    sink->stop = LLMSPELL_ECANCELLED;
    if (sink->archive)
        archive_write_free(sink->archive);
    free(sink->buffer);
    *sink = (struct sink){.save = {.folder = -1, .fd = -1}};
}

/* ---- members ---- */

static struct archive_entry *member_entry(const struct job *job, const struct member *member)
{
    const struct stat *st = &member->st;
    bool plain = job->deterministic;
    unsigned usual = S_ISLNK(st->st_mode)                            ? 0777
                     : S_ISDIR(st->st_mode) || st->st_mode & S_IXUSR ? 0755
                                                                     : 0644;
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return NULL;
    archive_entry_copy_pathname(entry, member->name);
    archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
    archive_entry_set_perm(entry, plain ? usual : st->st_mode & 0777);
    archive_entry_set_mtime(entry, plain ? EPOCH_1980 : st->st_mtim.tv_sec,
                            plain ? 0 : st->st_mtim.tv_nsec);
    archive_entry_set_uid(entry, plain ? 0 : st->st_uid);
    archive_entry_set_gid(entry, plain ? 0 : st->st_gid);
    if (member->target)
        archive_entry_copy_symlink(entry, member->target);
    archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
    return entry;
}

static int32_t fail_member(const struct sink *sink, const struct member *member, const char *what)
{
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/files/%zu", member->index);
    return llmspell_fail_at(sink->job->call, LLMSPELL_EIO, pointer, "cannot read %.300s: %s",
                            member->source, what);
}

static int32_t write_data(struct sink *sink, const struct member *member, int fd)
{
    const struct job *job = sink->job;
    uint64_t left = (uint64_t)member->st.st_size;
    while (left > 0) {
        int32_t rc = llmspell_cancelled(job->call);
        if (rc < 0)
            return rc;
        ssize_t got = read(fd, sink->buffer, left < sink->piece ? (size_t)left : sink->piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail_member(sink, member,
                               got < 0 ? strerror(errno) : "it has become shorter meanwhile");
        if (archive_write_data(sink->archive, sink->buffer, (size_t)got) != got)
            return sink_fail(sink);
        left -= (uint64_t)got;
        sink->total += (uint64_t)got;
        job->call->host->progress(job->call, (double)sink->total, (double)sink->expected,
                                  "packing");
    }
    return 0;
}

static int32_t write_file(struct sink *sink, const struct member *member)
{
    struct stat st;
    char pointer[32];
    const struct job *job = sink->job;
    snprintf(pointer, sizeof pointer, "/files/%zu", member->index);
    LLMSPELL_CLEANUP_CLOSE int fd =
        job->fs->open(job->call, member->source, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, pointer);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0 || st.st_ino != member->st.st_ino || st.st_dev != member->st.st_dev)
        return fail_member(sink, member, "it was replaced meanwhile");
    return write_data(sink, member, fd);
}

static int32_t write_header(struct sink *sink, struct archive_entry *entry)
{
    int status = archive_write_header(sink->archive, entry);
    return status == ARCHIVE_OK || status == ARCHIVE_WARN ? 0 : sink_fail(sink);
}

int32_t sink_member(struct sink *sink, const struct member *member)
{
    int32_t rc = llmspell_cancelled(sink->job->call);
    if (rc < 0)
        return rc;
    struct archive_entry *entry = member_entry(sink->job, member);
    rc = entry ? write_header(sink, entry) : no_memory(sink->job);
    if (rc == 0 && S_ISREG(member->st.st_mode))
        rc = write_file(sink, member);
    archive_entry_free(entry);
    sink->files += !S_ISDIR(member->st.st_mode);
    return rc;
}

int32_t sink_copy(struct sink *sink, struct source *source)
{
    const struct job *job = sink->job;
    const struct item *item = &source->item;
    const void *data;
    size_t size;
    int64_t offset;
    int32_t rc = write_header(sink, item->entry);
    sink->files += item->type != ITEM_FOLDER;
    while (rc == 0 && (rc = source_data(source, &data, &size, &offset)) > 0) {
        if (archive_write_data(sink->archive, data, size) < 0)
            return sink_fail(sink);
        sink->total += size;
        job->call->host->progress(job->call, (double)source->position, (double)source->size,
                                  "copying");
        rc = 0;
    }
    return rc;
}

int32_t sink_commit(struct sink *sink)
{
    struct stat st;
    if (archive_write_close(sink->archive) != ARCHIVE_OK)
        return sink_fail(sink);
    if (fstat(sink->save.fd, &st) == 0)
        sink->bytes = (uint64_t)st.st_size;
    return save_commit(&sink->save);
}
