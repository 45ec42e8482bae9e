/* SPDX-License-Identifier: Apache-2.0
 * Commands that go on until Ctrl-C: `kernel status --watch`, `kernel logs --follow`. */
#ifndef HOST_INTERRUPTED_H
#define HOST_INTERRUPTED_H

/* From now on SIGINT, SIGTERM and SIGHUP, where they are not ignored, end the process at once with
 * 128 + their number, also while it waits or writes. What stdio holds then is lost: flush first. */
void interrupted_ends(void);

/* The same, on a terminal whose second screen is shown: it gives the first one back. */
void interrupted_ends_screen(void);

/* To the second screen, without a cursor; and back. */
void interrupted_show_screen(void);
void interrupted_hide_screen(void);

#endif
