/* SPDX-License-Identifier: Apache-2.0
 * The runner: this binary as the sandboxed process of one tool. main.c comes here when the kernel
 * has spawned it (runners.c); it loads the tool and serves calls until the channel closes. */
#ifndef HOST_RUNNER_H
#define HOST_RUNNER_H

/* Returns the exit status. [main] */
int runner_main(void);

#endif
