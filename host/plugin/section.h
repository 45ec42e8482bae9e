/* SPDX-License-Identifier: Apache-2.0
 * The sections of plugins in the configuration, held against the plugins' manifests. Used by
 * `config check` and by a kernel that starts or reloads. */
#ifndef HOST_SECTION_H
#define HOST_SECTION_H

#include "config/config.h"
#include "plugin/catalog.h"

/* Is what stands in [section] what its plugin takes? ENOTFOUND: there is no such plugin; EINVAL: a
 * key or value that it does not take, with file and line. [main] */
int section_check(const struct config *config, const struct catalog *catalog, const char *section,
                  struct error *ret_error);

#endif
