/* SPDX-License-Identifier: Apache-2.0
 * The manifest: a quick look at its head (for listings), and the whole of it, checked (before a
 * plugin is called or shown). Used by catalog.c, loader.c, tool/. */
#ifndef HOST_MANIFEST_H
#define HOST_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum plugin_kind { PLUGIN_TOOL, PLUGIN_PROTOCOL, PLUGIN_RUNTIME, PLUGIN_KINDS };

#define MANIFEST_NAME_MAX 64 /* bytes of a name */

/* What discovery needs of each of thousands of files. */
struct manifest_head {
    enum plugin_kind kind;
    char name[MANIFEST_NAME_MAX + 1];
    int abi_major, abi_minor;
};

const char *plugin_kind_name(enum plugin_kind kind); /* "tool" */

/* Reads kind, name and abi. Only the top level of the text is looked at (about 1 ns a byte).
 * EREFUSED with a sentence that starts with path. [any-thread] */
int manifest_scan(const char *text, size_t size, const char *path, struct manifest_head *ret_head,
                  struct error *ret_error);

/* Decodes the members named in keys (NULL-terminated) from the top level only: *ret_object is a new
 * object that holds those that are there, in their order. [any-thread] */
int manifest_members(const char *text, size_t size, const char *path, const char *const *keys,
                     json_t **ret_object, struct error *ret_error);

/* Decodes and checks the whole manifest: syntax, no duplicate keys, required members and their
 * types, known keys; for "native" the whole description (docs/native.md), which also supplies the
 * schemas that the manifest leaves out. *ret_manifest is a new reference. Unknown keys that do not
 * start with "x-" are named in *ret_warning (if not NULL; the caller frees it), not refused.
 * [any-thread] */
int manifest_parse(const char *text, size_t size, const char *path, json_t **ret_manifest,
                   char **ret_warning, struct error *ret_error);

/* "safe", "restricted" or "privileged", derived from a list of capabilities (never declared). */
const char *manifest_level(const json_t *capabilities);

#endif
