/* SPDX-License-Identifier: Apache-2.0
 * What the files of file_search share: the walk over a tree with its filters, the matcher, and the
 * two operations. */
#ifndef FILE_SEARCH_H
#define FILE_SEARCH_H

#include <stdbool.h>

#include <llmspell/fs.h>

#include "../shared/glob.h"

#define ENTRIES_MAX 1000000u /* names that one call looks at */

/* ---- filter.c: which names a call is about ---- */

struct filter {
    struct globs include, exclude, folders; /* folders: exclude_dirs, by name */
    struct globs extensions, no_extensions; /* as globs "*.txt" */
    bool hidden;
};

int32_t filter_init(struct filter *filter, struct llmspell_call *call, const json_t *params);
void filter_clear(struct filter *filter);

/* path: below the folder that is searched. Folders: whether to go into it. */
bool filter_takes_folder(const struct filter *filter, const char *path);
bool filter_takes_file(const struct filter *filter, const char *path, bool folder);

/* ---- ignore.c: .gitignore ---- */

struct ignore; /* the rules of one folder, and of those above */

/* Reads the .gitignore of a folder whose own path has the length base. *ret: NULL if there is
 * none and above is NULL; above is borrowed. False: out of memory. */
bool ignore_read(int folder, size_t base, const struct ignore *above, struct ignore **ret_ignore);
void ignore_free(struct ignore *ignore);
bool ignore_matches(const struct ignore *ignore, const char *path, bool folder);

/* ---- walk.c ---- */

struct found {
    int folder;         /* that holds it */
    const char *name;   /* in that folder */
    const char *path;   /* as results show it */
    unsigned char type; /* DT_REG, DT_DIR, DT_LNK, or DT_UNKNOWN for anything else */
    int fd;             /* what a link leads to, if links are followed; -1: open name */
};

struct walk {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    const char *path; /* the parameter */
    struct filter filter;
    bool recursive, gitignore, follow_links;
    bool want_folders; /* folders are visited as well */
    unsigned max_depth;
    size_t seen;    /* names so far */
    size_t skipped; /* what could not be read */
    void *context;
    /* 0, WALK_END, or a negative code that ends the walk. */
    int32_t (*visit)(struct walk *walk, const struct found *found);
};

#define WALK_END 1

int32_t walk_init(struct walk *walk, struct llmspell_call *call, const json_t *params);
void walk_clear(struct walk *walk);

/* Visits what the parameter path names, or what lies below it, by the byte order of the paths. */
int32_t walk_run(struct walk *walk);

/* ---- times.c ---- */

/* RFC 3339, or a day (its beginning in UTC). False: it is no such thing. */
bool time_parse(const char *text, struct timespec *ret_time);

/* ---- find.c, search.c ---- */

int32_t find_run(struct llmspell_call *call, const json_t *params, json_t **ret_result);
int32_t search_run(struct llmspell_call *call, const json_t *params, json_t **ret_result);

#endif
