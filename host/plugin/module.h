/* SPDX-License-Identifier: Apache-2.0
 * Parts of the host that are loaded only when they are needed, because their libraries are heavy:
 * <libdir>/llmspell/extensions/NAME.so, built and installed with the host. */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

#include <limits.h>

#include "util/error.h"

/* The table `symbol` of the module NAME, which lives as long as the process. Its first member is a
 * const char *, the version of its build. Folders are those beside the program, as for plugins.
 * EUNAVAILABLE: not installed, a library is missing, of another build, or others may write to it.
 * [any-thread] */
int module_load(const char *name, const char *symbol, const void **ret_table,
                struct error *ret_error);

/* The folder of the modules, for a sandbox. EUNAVAILABLE. [any-thread] */
int module_folder(char folder[PATH_MAX], struct error *ret_error);

#endif
