/* SPDX-License-Identifier: Apache-2.0
 * The systemd unit of a kernel: the file of conf/systemd with the paths of this installation. Used
 * by `kernel install-service`. */
#ifndef HOST_SERVICE_UNIT_H
#define HOST_SERVICE_UNIT_H

#include <stdbool.h>

#include "util/error.h"

struct service_wish {
    bool system;         /* for the machine; else for one user */
    bool forking;        /* Type=forking instead of Type=notify */
    const char *program; /* absolute path of llmspell */
    const char *home;    /* a user's $LLMSPELL_HOME; NULL: ~/.llmspell, or /var/lib/llmspell */
};

/* The text of llmspell@.service; the caller frees *ret_text. EINVAL: a path holds a character that
 * has a meaning in a unit. ENOMEM. */
int service_unit_text(const struct service_wish *wish, char **ret_text, struct error *ret_error);

/* sysusers.d/llmspell.conf, the user of the system unit; static. */
const char *service_unit_sysusers(void);

#endif
