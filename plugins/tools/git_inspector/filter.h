/* SPDX-License-Identifier: Apache-2.0
 * Which commits log shows. */
#ifndef GIT_INSPECTOR_FILTER_H
#define GIT_INSPECTOR_FILTER_H

#include "../shared/guarded_regex.h"
#include "history.h"

/* A pattern of a parameter; code is NULL if the parameter is absent. */
struct filter_pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    const char *pointer;
};

struct filter {
    const struct inspection *in;
    const struct history *history;
    struct regex_guard guard;
    struct filter_pattern author, grep;
    int64_t since, until; /* seconds, both included */
    char *file;           /* NULL: any */
    bool file_seen;       /* it is in the newest tree, or a commit changed it */
    uint8_t *wanted;      /* with file, of each node: whether its line leads to the file */
};

int32_t filter_init(struct filter *filter, const struct inspection *in,
                    const struct history *history);
void filter_clear(struct filter *filter);
#define CLEANUP_FILTER __attribute__((cleanup(filter_clear)))

/* 1 if the commit is shown, 0, or a negative code. Called for each node of the history in order. */
int32_t filter_shows(struct filter *filter, uint32_t node, git_commit *commit);

#endif
