/* SPDX-License-Identifier: Apache-2.0
 * The version of llmspell and of its plugin ABI. Read by every plugin and by the host.
 * ABI rule: a plugin loads if its major equals the host's and its needs_minor <= the host's minor.
 */
#ifndef LLMSPELL_VERSION_H
#define LLMSPELL_VERSION_H

#define LLMSPELL_VERSION "0.1.0"

#define LLMSPELL_ABI_MAJOR 1 /* changes only when an old plugin can no longer be called */
#define LLMSPELL_ABI_MINOR 4 /* grows when a member or an extension is appended */

#endif
