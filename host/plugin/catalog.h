/* SPDX-License-Identifier: Apache-2.0
 * Which plugins there are: discovery in the plugin folders. Reads notes, runs no plugin code.
 * Used by every command and by the kernel. */
#ifndef HOST_CATALOG_H
#define HOST_CATALOG_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "plugin/call.h"
#include "plugin/manifest.h"
#include "plugin/note.h"
#include "util/error.h"

enum plugin_state {
    PLUGIN_READY,    /* can be loaded */
    PLUGIN_SHADOWED, /* another file with this kind and name comes first */
    PLUGIN_REFUSED   /* reason says why and the cure */
};

/* One plugin file. Immutable after discovery but for what `lock` guards. Counted: owned by the
 * catalogs that list it and, once it is loaded, by the process for ever. */
struct plugin {
    atomic_uint refs;
    char *path;
    struct manifest_head head; /* of a refused file: name is the file's */
    bool has_head;             /* kind and name come from a manifest */
    bool bundled;              /* came with the host, not from somebody else */
    bool bare;                 /* the file is a manifest alone (bare.h), not a shared object */
    char *text;                /* the manifest as it is in the file; NULL if refused before */
    size_t text_size;
    struct note_stamp stamp;
    _Atomic(enum plugin_state) state;    /* leaves READY at most once, when `reason` is set */
    char source[MANIFEST_NAME_MAX + 12]; /* "tool:calculator" */
    struct llmspell_ctx ctx;             /* what the plugin gets; source is set */

    atomic_bool overwritten; /* its file was written to after it was discovered */
    char *reason;            /* why refused or shadowed; set before state says so, for good */

    pthread_mutex_t lock;
    json_t *manifest;  /* whole and checked, once asked for */
    const void *entry; /* the entry struct, once loaded */
    void *handle;      /* of dlopen, once loaded; NULL if bare */
};

struct catalog;

struct catalog_options {
    const char *const *folders; /* in order of precedence; NULL-terminated; missing ones are fine */
    bool allow_writable;        /* accept files and folders that group or others may write */
    const char *const *bundled; /* those of folders that come with the host; or NULL */
    const struct catalog
        *previous; /* a rescan: unchanged files stay the same struct plugin; or NULL */
};

/* Reads the folders (each, and its subfolders tools, protocols, runtimes; *.so and bare
 * manifests in byte order).
 * Fails only with ENOMEM: a bad file is a refused plugin. [main] */
int catalog_open(const struct catalog_options *options, struct catalog **ret_catalog,
                 struct error *ret_error);

/* One more owner; the last catalog_unref frees it, but no plugin that was loaded. [any-thread] */
struct catalog *catalog_ref(const struct catalog *catalog);
void catalog_unref(struct catalog *catalog);

/* One file, without a catalog (a runner): no check of who may write it. EREFUSED and EIO name the
 * reason. *ret_plugin: a new reference. */
int plugin_from_file(const char *path, struct plugin **ret_plugin, struct error *ret_error);

/* All plugins, sorted by kind, name, precedence. Borrowed; NULL at the end. [any-thread] */
struct plugin *catalog_at(const struct catalog *catalog, size_t index);
size_t catalog_count(const struct catalog *catalog);

/* The one that a name means, or NULL. [any-thread] */
struct plugin *catalog_find(const struct catalog *catalog, enum plugin_kind kind, const char *name);

/* The whole manifest, read and checked at the first call; borrowed from plugin. EREFUSED: it is
 * marked as refused, too. [any-thread] */
int plugin_manifest(struct plugin *plugin, const json_t **ret_manifest, struct error *ret_error);

/* One more owner. [any-thread] */
struct plugin *plugin_ref(struct plugin *plugin);
void plugin_unref(struct plugin *plugin);

/* EREFUSED with the reason if it was refused meanwhile. [any-thread] */
int plugin_check(struct plugin *plugin, struct error *ret_error);

/* Marks a plugin as refused; the first reason stays. [any-thread] */
void plugin_refuse(struct plugin *plugin, const char *reason);

/* A new object with some top-level members of the manifest, without checking the rest. */
int plugin_members(const struct plugin *plugin, const char *const *keys, json_t **ret_object,
                   struct error *ret_error);

#endif
