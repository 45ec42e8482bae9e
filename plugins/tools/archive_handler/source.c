/* SPDX-License-Identifier: Apache-2.0
 * Reading an archive: what libarchive says, with limits. Compressed data is always read, never
 * skipped, so that a bomb and a cancelled call are noticed within a piece. */
#include "archive_handler.h"

#define PIECE (128u << 10)
#define PIECE_MIN 4096u /* behind a jump, where perhaps a header is all that is wanted */

/* ---- errors ---- */

static int32_t fail_limit(const struct job *job, const char *what)
{
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path", "%.200s %s", job->path, what);
}

/* The archive is to blame: "test" answers with that text. */
static int32_t fail_damaged(struct source *source, const char *text)
{
    LLMSPELL_CLEANUP_JSON json_t *clean = clean_text(text, strlen(text), true);
    snprintf(source->fault, sizeof source->fault, "%.300s", clean ? json_string_value(clean) : "");
    return llmspell_fail_at(source->job->call, LLMSPELL_EPARSE, "/path", "%.200s: %s",
                            source->job->path, source->fault);
}

int32_t source_fail(struct source *source)
{
    const struct job *job = source->job;
    const char *text = archive_error_string(source->archive);
    if (source->stop < 0)
        return source->stop;
    text = text ? text : "the data is damaged";
    if (archive_errno(source->archive) == ENOMEM)
        return fail_limit(job, "needs more memory to be unpacked than this tool may have");
    if (strcasestr(text, "passphrase"))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, job->password_pointer,
                                "%.200s is encrypted, and %s", job->path,
                                job->password ? "the password is wrong" : "needs its password");
    if (strcasestr(text, "encrypt"))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, job->password_pointer,
                                "%.200s is encrypted in a way that cannot be read: %.200s",
                                job->path, text);
    if (source->item.encrypted && job->password) /* one in 256 gets past ZipCrypto's own check */
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, job->password_pointer,
                                "%.200s cannot be decrypted: the password is wrong, or the data "
                                "damaged",
                                job->path);
    if (archive_errno(source->archive) == EIO)
        return llmspell_fail_at(job->call, LLMSPELL_EIO, "/path", "%.200s: %.200s", job->path,
                                text);
    return fail_damaged(source, text);
}

static int32_t check_unpacked(const struct source *source, uint64_t unpacked)
{
    const struct job *job = source->job;
    if (unpacked > job->max_total)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                                "%.200s unpacks to more than the %llu bytes of max_total",
                                job->path, (unsigned long long)job->max_total);
    if (unpacked > RATIO_FROM && unpacked / RATIO_MAX >= source->size)
        return fail_limit(job, "unpacks to more than 200 times its size");
    return 0;
}

/* ---- the file ---- */

static la_ssize_t read_piece(struct archive *archive, void *context, const void **ret_data)
{
    struct source *source = context;
    la_int64_t unpacked = archive_filter_bytes(archive, 0);
    source->stop = llmspell_cancelled(source->job->call);
    if (source->stop == 0 && source->filtered && unpacked > 0)
        source->stop = check_unpacked(source, (uint64_t)unpacked);
    if (source->stop < 0) {
        archive_set_error(archive, ECANCELED, "stopped");
        return ARCHIVE_FATAL;
    }
    ssize_t got;
    do
        got = pread(source->fd, source->buffer, source->piece, (off_t)source->position);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        archive_set_error(archive, errno, "cannot read: %s", strerror(errno));
        return ARCHIVE_FATAL;
    }
    source->position += (uint64_t)got;
    source->piece = source->piece < PIECE ? source->piece * 2 : PIECE;
    *ret_data = source->buffer;
    return got;
}

static la_int64_t skip_piece(struct archive *archive, void *context, la_int64_t want)
{
    (void)archive;
    struct source *source = context;
    uint64_t left = source->position < source->size ? source->size - source->position : 0;
    uint64_t step = (uint64_t)want < left ? (uint64_t)want : left;
    source->position += step;
    source->piece = PIECE_MIN;
    return (la_int64_t)step;
}

static la_int64_t seek_piece(struct archive *archive, void *context, la_int64_t offset, int whence)
{
    struct source *source = context;
    int64_t from = whence == SEEK_SET   ? 0
                   : whence == SEEK_CUR ? (int64_t)source->position
                                        : (int64_t)source->size;
    if (offset < -from || offset > (int64_t)source->size - from) {
        archive_set_error(archive, EINVAL, "it refers to a place outside of the file");
        return ARCHIVE_FATAL;
    }
    source->position = (uint64_t)(from + offset);
    source->piece = PIECE_MIN;
    return (la_int64_t)source->position;
}

/* ---- opening ---- */

static void allow_filters(struct archive *archive, const struct format *format)
{
    if (format) {
        if (format->filter != ARCHIVE_FILTER_NONE)
            archive_read_support_filter_by_code(archive, format->filter);
        return;
    }
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_lzma(archive);
    archive_read_support_filter_lzip(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_filter_compress(archive);
}

/* zip by its directory alone: without it the file is cut. */
static void allow_formats(struct archive *archive, const struct format *format)
{
    int code = format ? format->code : 0;
    if (!format || code == ARCHIVE_FORMAT_ZIP)
        archive_read_support_format_zip_seekable(archive);
    if (!format || code == ARCHIVE_FORMAT_TAR)
        archive_read_support_format_tar(archive);
    if (!format || code == ARCHIVE_FORMAT_7ZIP)
        archive_read_support_format_7zip(archive);
    if (!format || code == ARCHIVE_FORMAT_RAW) {
        archive_read_support_format_raw(archive);
        archive_read_support_format_empty(archive);
    }
    if (format)
        return;
    archive_read_support_format_rar(archive);
    archive_read_support_format_rar5(archive);
    archive_read_support_format_cab(archive);
    archive_read_support_format_iso9660(archive);
    archive_read_support_format_cpio(archive);
    archive_read_support_format_ar(archive);
}

static int32_t open_file(struct source *source)
{
    struct stat st;
    const struct job *job = source->job;
    source->fd = llmspell_fs_open_file(job->call, job->path, "/path", ARCHIVE_MAX, &source->size);
    if (source->fd < 0)
        return source->fd;
    if (fstat(source->fd, &st) == 0)
        source->time = st.st_mtim;
    source->buffer = malloc(PIECE);
    source->archive = archive_read_new();
    if (!source->buffer || !source->archive)
        return no_memory(job);
    return 0;
}

static int32_t open_as(struct source *source, const struct job *job, const struct format *format)
{
    *source = (struct source){.job = job, .fd = -1, .piece = PIECE};
    int32_t rc = open_file(source);
    if (rc < 0)
        return rc;
    allow_filters(source->archive, format);
    allow_formats(source->archive, format);
    if (job->password && archive_read_add_passphrase(source->archive, job->password) != ARCHIVE_OK)
        return no_memory(job);
    archive_read_set_read_callback(source->archive, read_piece);
    archive_read_set_skip_callback(source->archive, skip_piece);
    archive_read_set_seek_callback(source->archive, seek_piece);
    archive_read_set_callback_data(source->archive, source);
    if (archive_read_open1(source->archive) != ARCHIVE_OK)
        return source_fail(source);
    source->filtered = archive_filter_code(source->archive, 0) != ARCHIVE_FILTER_NONE;
    if (archive_filter_count(source->archive) > 2)
        return fail_damaged(source, "it is compressed more than once; extract it with the format "
                                    "gz, bz2, xz or zst first");
    return 0;
}

int32_t source_open(struct source *source, const struct job *job)
{
    return open_as(source, job, job->format);
}

void source_close(struct source *source)
{
    item_clear(&source->item);
    json_decref(source->cut_names);
    if (source->archive)
        archive_read_free(source->archive);
    free(source->buffer);
    if (source->fd >= 0)
        close(source->fd);
    *source = (struct source){.fd = -1};
}

/* ---- entries ---- */

/* libarchive does not know a zip file without entries: 22 bytes, and perhaps a comment. */
static bool is_empty_zip(const struct source *source)
{
    char start[4];
    const struct format *format = source->job->format;
    return (!format || format->code == ARCHIVE_FORMAT_ZIP) &&
           pread(source->fd, start, sizeof start, 0) == sizeof start &&
           memcmp(start, "PK\5\6", sizeof start) == 0;
}

/* What libarchive has found out with the first header, or with the end. 1: a compressed empty
 * file, which it does not show. */
static int32_t check_format(struct source *source)
{
    bool empty = source->code == ARCHIVE_FORMAT_EMPTY;
    source->zip = source->code == ARCHIVE_FORMAT_ZIP;
    source->raw = source->code == ARCHIVE_FORMAT_RAW || empty;
    if (source->zip) {
        source->cut_names = zip_names_cut(source->fd, source->size);
        return source->cut_names ? 0 : no_memory(source->job);
    }
    if (source->raw && !source->filtered)
        return fail_damaged(source, "it is no archive of a known format, or cut off");
    return empty ? 1 : 0;
}

/* Sets ended at the end. */
static int32_t read_header(struct source *source)
{
    if (!source->started && is_empty_zip(source)) {
        source->code = ARCHIVE_FORMAT_ZIP;
        source->ended = true;
        return 0;
    }
    int status = archive_read_next_header(source->archive, &source->item.entry);
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN && status != ARCHIVE_EOF)
        return source_fail(source);
    source->ended = status == ARCHIVE_EOF;
    if (source->ended)
        source->item.entry = NULL;
    int code = archive_format(source->archive);
    source->code = code == ARCHIVE_FORMAT_EMPTY ? code : code & ARCHIVE_FORMAT_BASE_MASK;
    return 0;
}

/* Compressed zeros look like a tar without entries: unless the name says tar, they are a file. */
static int32_t reopen_zeros(struct source *source)
{
    const struct job *job = source->job;
    const struct format *named = format_of_file(job->path);
    const struct format *single =
        format_of_codes(ARCHIVE_FORMAT_RAW, archive_filter_code(source->archive, 0));
    bool tar = job->format || (named && named->code == ARCHIVE_FORMAT_TAR);
    if (!source->ended || !source->filtered || source->code != ARCHIVE_FORMAT_TAR || tar || !single)
        return 0;
    source_close(source);
    int32_t rc = open_as(source, job, single);
    return rc == 0 ? read_header(source) : rc;
}

int32_t source_next(struct source *source)
{
    item_clear(&source->item);
    int32_t rc = llmspell_cancelled(source->job->call);
    if (rc < 0 || source->ended)
        return rc;
    rc = read_header(source);
    if (rc == 0 && !source->started)
        rc = reopen_zeros(source);
    if (rc == 0 && !source->started)
        rc = check_format(source);
    source->started = true;
    if (rc < 0 || (rc == 0 && source->ended))
        return rc;
    if (++source->entries > source->job->max_files)
        return llmspell_fail_at(source->job->call, LLMSPELL_ELIMIT, "/path",
                                "%.200s has more entries than the %zu of max_files",
                                source->job->path, source->job->max_files);
    return item_fill(source);
}

int32_t source_data(struct source *source, const void **ret_data, size_t *ret_size,
                    int64_t *ret_offset)
{
    int32_t rc = llmspell_cancelled(source->job->call);
    if (rc < 0 || !source->item.entry)
        return rc;
    int status = archive_read_data_block(source->archive, ret_data, ret_size, ret_offset);
    if (status == ARCHIVE_EOF)
        return 0;
    if (status != ARCHIVE_OK) /* also a warning: a checksum that is wrong */
        return source_fail(source);
    source->unpacked += *ret_size;
    rc = check_unpacked(source, source->unpacked);
    return rc < 0 ? rc : 1;
}

int32_t source_drain(struct source *source, uint64_t *ret_size)
{
    const void *data;
    size_t size;
    int64_t offset;
    uint64_t total = 0;
    int32_t rc;
    struct llmspell_call *call = source->job->call;
    while ((rc = source_data(source, &data, &size, &offset)) > 0) {
        total += size;
        call->host->progress(call, (double)source->position, (double)source->size, "unpacking");
    }
    if (ret_size)
        *ret_size = total;
    return rc;
}
