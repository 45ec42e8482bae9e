/* SPDX-License-Identifier: Apache-2.0
 * Rights that a sandboxed process gives up for good. Used by sandbox.c alone. */
#ifndef HOST_PRIVILEGES_H
#define HOST_PRIVILEGES_H

/* No rights by set-user-ID programs, no core file, no debugger of the same user. Returns 0 or
 * -errno of no_new_privs. */
int privileges_seal(void);

/* Drops root's Linux capabilities but those to read and write any file (Landlock says which).
 * Returns 0, also if there are none, or -errno. */
int privileges_drop(void);

#endif
