/* SPDX-License-Identifier: Apache-2.0
 * JSON files that only their owner reads and that are whole or not there: connection files, state,
 * dumps. Used by host/daemon and host/cli. */
#ifndef HOST_PRIVATE_FILE_H
#define HOST_PRIVATE_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

/* Writes value, indented, to path: into a new file beside it (mode 0600), rename; so a link at path
 * is replaced, never followed. durable: with fsync, so that it survives the machine's crash, too.
 * EIO names path and the reason. [any-thread] */
int private_file_write(const char *path, const json_t *value, bool durable,
                       struct error *ret_error);

/* As private_file_write, but only into a folder of ours that is no link and that nobody else may
 * write to; EPERM otherwise. What stands above that folder is not looked at. [any-thread] */
int private_file_write_own(const char *path, const json_t *value, struct error *ret_error);

/* Reads an object from a regular file of ours that nobody else may read or write; ENOTFOUND,
 * EPERM, EPARSE. *ret_value is a new reference. [any-thread] */
int private_file_read(const char *path, json_t **ret_value, struct error *ret_error);

/* Makes the folder path (mode 0700) if it is missing; its parent must be there. */
int private_folder_make(const char *path, struct error *ret_error);

#endif
