/* SPDX-License-Identifier: Apache-2.0
 * What make_filters.c (at build time) and seccomp.c (at run time) agree on. */
#ifndef HOST_FILTER_VARIANTS_H
#define HOST_FILTER_VARIANTS_H

/* Bits of the index of a filter. */
#define FILTER_NET 1U
#define FILTER_EXEC 2U
#define FILTER_WRITE 4U
#define FILTER_METADATA 8U
#define FILTER_VARIANTS 16U

/* Stands for the process's own id until the filter is installed; above every possible id. */
#define FILTER_SELF 0x7e115e1fU

#endif
