/* SPDX-License-Identifier: Apache-2.0
 * What extracting is made of: a plan (what may come where), a stage (a folder beside the outcome,
 * where files are unpacked), and the placing of what is on the stage when all went well. */
#ifndef ARCHIVE_HANDLER_EXTRACT_H
#define ARCHIVE_HANDLER_EXTRACT_H

#include "archive_handler.h"

enum kind { KIND_FOLDER, KIND_FILE, KIND_SYMLINK };

struct output {
    char *path;   /* below the target folder; clean */
    char *target; /* of a symbolic link */
    enum kind kind;
    bool exists; /* was there before */
    bool listed; /* mode and time are known */
    bool placed;
    unsigned mode;
    struct timespec time;
};

/* ---- plan.c ---- */

struct plan {
    const struct job *job;
    int target; /* the folder; -1 while there is none */
    struct output *list;
    size_t count, room, implied; /* implied: folders that entries lie in */
    json_t *index;               /* path → number in list */
    json_t *skipped;
    uint64_t bytes;
};

int32_t plan_init(struct plan *plan, const struct job *job, int target);

/* Judges an entry and takes it in. 1: extract it; 0: it is left out; or a negative code. For hard
 * links *ret_link is the path of the file that they lead to, borrowed. */
int32_t plan_consider(struct plan *plan, const struct item *item, struct output **ret_output,
                      const char **ret_link);
int32_t plan_fail(const struct plan *plan, const char *path, int error); /* an errno of writing */
void plan_sort(struct plan *plan);
void plan_clear(struct plan *plan);
#define CLEANUP_PLAN __attribute__((cleanup(plan_clear)))

/* ---- place.c ---- */

struct stage {
    const struct job *job;
    int target, folder; /* the target folder; the stage in it */
    char name[48];
    mode_t umask;
    size_t made[64]; /* lengths of the parts of target_path that were made for this */
    size_t made_count;
};

/* The target folder by its parameter; -1 if it does not exist; or a negative code in *ret_code. */
int target_open(const struct job *job, int32_t *ret_code);

/* Makes the target folder if it is missing, and a stage in it. */
int32_t stage_open(struct stage *stage, const struct job *job);

/* A new file on the stage, or that which was a hard link's before. Negative: an error of errno. */
int stage_create(struct stage *stage, const char *path);
int stage_link(struct stage *stage, const char *from, const char *path);

/* Moves everything to the target folder; what goes wrong is undone. */
int32_t stage_place(struct stage *stage, struct plan *plan);

/* Removes the stage; all: with the folders that were made for it. */
void stage_close(struct stage *stage, struct plan *plan, bool all);

#endif
