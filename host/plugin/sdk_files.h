/* SPDX-License-Identifier: Apache-2.0
 * Files of sdk/ that the program carries, so that it needs no installation to show them: made by
 * sdk_files.S.in. Used by `plugin new` and `plugin check`. */
#ifndef HOST_SDK_FILES_H
#define HOST_SDK_FILES_H

struct sdk_file {
    const char *name; /* "tool/my_tool.c" */
    const char *text;
};

extern const struct sdk_file sdk_templates[]; /* ends with a NULL name */
extern const char sdk_manifest_schema[];      /* sdk/manifest.schema.json */

#endif
