/* SPDX-License-Identifier: Apache-2.0
 * What a tool may do here: what its manifest asks for, cut to what the operator grants. Used by
 * tool.c when a tool is described, by runners.c for the sandbox, by `tool info`. */
#ifndef HOST_GRANTS_H
#define HOST_GRANTS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sandbox/files.h"
#include "util/error.h"

#define GRANT_ROOTS_MAX 32

/* Immutable after grants_new; counted. */
struct grants {
    atomic_uint refs;
    char *workdir;
    struct files_root roots[GRANT_ROOTS_MAX]; /* paths owned */
    unsigned root_count;
    bool files;        /* the manifest asks for files at all */
    bool net;          /* sockets to the network */
    bool metadata;     /* modes, owners and times of files by path */
    json_t *exec;      /* absolute programs that it may start; "*" stands for any */
    json_t *env;       /* names of variables that it may see */
    json_t *denied;    /* capabilities that the manifest asks for and nobody granted */
    int64_t memory_mb; /* 0: the manifest's */
};

struct grant_wish {
    const char *workdir, *tmpdir;
    const char *home; /* for ${statedir} */
    const char *tool_name;
    const char *fs_roots; /* [policy] fs_roots; NULL: ${workdir}:${tmpdir} */
    const json_t *common; /* keys that every [tool.NAME] takes (config_common); may be NULL */
    bool trusted;         /* a bundled tool: gets what it asks for if nothing else is said */
};

/* ENOMEM, ELIMIT, EIO (state folder), EREFUSED: a capability that cannot be understood. */
int grants_new(const json_t *capabilities, const struct grant_wish *wish,
               struct grants **ret_grants, struct error *ret_error);
struct grants *grants_ref(struct grants *grants);
void grants_unref(struct grants *grants); /* NULL is fine */

/* The file service for these grants; *ret_files stays NULL if the tool asks for no files. */
int grants_files(const struct grants *grants, struct files **ret_files, struct error *ret_error);

/* {"read": [], "write": [], "net", "exec": [], "env": [], "denied": []}: a new reference. */
json_t *grants_json(const struct grants *grants);

#endif
