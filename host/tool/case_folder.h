/* SPDX-License-Identifier: Apache-2.0
 * The folder of one case: filled as its "setup" says, removed afterwards. Used by tool/case.c. */
#ifndef HOST_CASE_FOLDER_H
#define HOST_CASE_FOLDER_H

#include <jansson.h>

#include "util/error.h"

/* setup: {"dirs": [name], "files": {name: text}, "files_base64": {name: bytes}, "links": {name:
 * target}} or NULL. Names stay below folder. EFAILED names what cannot be made. */
int case_folder_set_up(const char *folder, const json_t *setup, struct error *ret_error);

void case_folder_remove(const char *folder);

#endif
