/* SPDX-License-Identifier: Apache-2.0
 * What the files of archive_handler share: one call (struct job), the formats, names in archives,
 * and reading and writing archives piece by piece. */
#ifndef ARCHIVE_HANDLER_H
#define ARCHIVE_HANDLER_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdint.h>

#include <llmspell/fs.h>

#include "../shared/file_values.h"
#include "../shared/glob.h"
#include "../shared/save_file.h"

#define ARCHIVE_MAX (500u << 20) /* bytes of an archive that is read */
#define RATIO_MAX 200u           /* unpacked to packed, once RATIO_FROM is reached */
#define RATIO_FROM (10u << 20)
#define FOLDERS_MAX 250u /* within each other, of what is extracted */

/* ---- archive_handler.c ---- */

struct job {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    const char *path, *target_path;
    const struct format *format; /* NULL: auto */
    struct globs include, exclude;
    uint64_t max_total;
    size_t max_files, strip;
    bool overwrite, deterministic, skip_unsafe;
    int level;
    char *password; /* NULL: none */
    size_t password_size;
    const char *password_pointer;
};

int32_t no_memory(const struct job *job);

/* Whether include and exclude let an entry through; what they say of a folder holds below it. */
bool job_selects(const struct job *job, const char *name, bool folder);
bool job_excludes(const struct job *job, const char *name, bool folder);

/* ---- format.c ---- */

struct format {
    const char *name;
    int code, filter;          /* of libarchive; code RAW: one compressed file */
    const char *extensions[5]; /* what names of such archives end with */
};

const struct format *format_named(const char *name);        /* NULL: none */
const struct format *format_of_file(const char *path);      /* by the extension; NULL: none */
const struct format *format_of_codes(int code, int filter); /* that we can write; NULL: none */

/* How results call what was read: "tar.gz", "rar". */
void format_describe(int code, int filter, char *ret_text, size_t room);

/* ---- names.c ---- */

/* The name as UTF-8: what it is not is taken for code page 437 (zip) or Latin-1. malloc'ed. */
char *name_text(const char *raw, bool zip);

/* Without "." components, doubled slashes, and slashes at the end. malloc'ed; NULL: no memory. */
char *name_clean(const char *name);

/* Why an entry may not be called so; NULL: it may. */
const char *name_fault(const char *name);

/* Why a symbolic link `name` (clean) may not lead to target; NULL: it may. */
const char *link_fault(const char *name, const char *target);

/* Whether no system could hold a clean name, or nobody would get rid of its folders again. */
bool name_too_long(const char *name);

/* What is left of a clean name behind count components; NULL: nothing. */
const char *name_strip(const char *name, size_t count);

/* ---- zip_names.c ---- */

/* Names in the directory of a zip file that hold a NUL, cut there, as the keys of an object;
 * libarchive shows no more of them. NULL: out of memory. */
json_t *zip_names_cut(int fd, uint64_t size);

/* ---- an archive that is read ---- */

enum item_type { ITEM_FILE, ITEM_FOLDER, ITEM_SYMLINK, ITEM_HARDLINK, ITEM_OTHER };

struct item {
    struct archive_entry *entry; /* borrowed until the next one; NULL: of a compressed empty file */
    char *name, *target;         /* UTF-8; target: of links */
    enum item_type type;
    uint64_t size;
    bool sized, encrypted, cut_name;
    unsigned mode;
    struct timespec time;
};

struct source {
    const struct job *job;
    struct archive *archive;
    int fd;
    uint64_t size, position; /* of the file */
    char *buffer;
    size_t piece; /* bytes to read next */
    int32_t stop; /* why the read callback gave up */
    int code;     /* of the format, as libarchive numbers them */
    bool started, raw, zip, filtered, ended;
    struct timespec time; /* of the file */
    json_t *cut_names;    /* of a zip file */
    size_t entries;
    uint64_t unpacked;
    char fault[304]; /* what is wrong with the archive; "": nothing was found */
    struct item item;
};

/* ---- item.c ---- */

/* Fills source->item from its entry: 1, or a negative code. */
int32_t item_fill(struct source *source);
void item_clear(struct item *item);

/* ---- source.c ---- */

int32_t source_open(struct source *source, const struct job *job);

/* The next entry in source->item: 1, 0 at the end, or a negative code. */
int32_t source_next(struct source *source);

/* The next piece of its content: 1, 0 at the end, or a negative code. */
int32_t source_data(struct source *source, const void **ret_data, size_t *ret_size,
                    int64_t *ret_offset);

/* Reads to the end of the content. *ret_size: how much it was; may be NULL. */
int32_t source_drain(struct source *source, uint64_t *ret_size);

/* Sets the error that libarchive reports about the archive, and returns its code. */
int32_t source_fail(struct source *source);

void source_close(struct source *source);
#define CLEANUP_SOURCE __attribute__((cleanup(source_close)))

int32_t list_run(const struct job *job, json_t **ret_result);
int32_t test_run(const struct job *job, json_t **ret_result);
int32_t extract_run(const struct job *job, json_t **ret_result);

/* ---- gather.c: the files that go into an archive ---- */

struct member {
    char *name;   /* in the archive; no "/" at the end */
    char *source; /* the path to open */
    char *target; /* of a symbolic link */
    struct stat st;
    size_t index; /* of the parameter files */
};

struct members {
    struct member *list;
    size_t count, room;
};

int32_t members_gather(const struct job *job, const struct stat *archive, struct members *ret);
void members_clear(struct members *members);

/* The first member of that name, or NULL; the list must be sorted by name. */
const struct member *members_find(const struct members *members, const char *name);
void members_sort(struct members *members);

/* ---- sink.c: an archive that is written ---- */

struct sink {
    const struct job *job;
    struct archive *archive;
    struct save save;
    char *buffer;
    size_t piece; /* bytes to pack at once */
    int32_t stop; /* why the write callback gave up */
    uint64_t bytes, total, expected;
    off_t written, begun; /* bytes of the file; of them, those on their way to the disk */
    size_t files;
};

int32_t sink_open(struct sink *sink, const struct job *job, const struct format *format,
                  bool overwrite);
int32_t sink_member(struct sink *sink, const struct member *member);
int32_t sink_copy(struct sink *sink, struct source *source); /* the source's current entry */
int32_t sink_commit(struct sink *sink);
void sink_close(struct sink *sink);
#define CLEANUP_SINK __attribute__((cleanup(sink_close)))

int32_t create_run(const struct job *job, json_t **ret_result);
int32_t add_run(const struct job *job, json_t **ret_result);

#endif
