/* SPDX-License-Identifier: Apache-2.0
 * What the entry of a plugin must have, by kind. Used by loader.c and check_elf.c. */
#ifndef HOST_ENTRY_H
#define HOST_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "plugin/manifest.h"

struct plugin_entry {
    const char *symbol;
    uint32_t size;      /* of ABI 1.0: an entry may be larger, not smaller */
    size_t required[8]; /* offsets of functions that must be there; 0 ends */
};

extern const struct plugin_entry PLUGIN_ENTRIES[PLUGIN_KINDS];

#endif
