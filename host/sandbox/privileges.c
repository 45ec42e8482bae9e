/* SPDX-License-Identifier: Apache-2.0
 * Linux capabilities by raw system calls, so that libcap is not needed. With no_new_privs, a
 * program that root starts does not get them back. */
#include "sandbox/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEEP ((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH)) /* both in the first word */

int privileges_seal(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

int privileges_drop(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &header, words) != 0)
        return -errno;
    if (((words[0].permitted & ~KEEP) | words[1].permitted) == 0)
        return 0;
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        words[i].permitted &= i == 0 ? KEEP : 0;
        words[i].effective &= words[i].permitted;
        words[i].inheritable = 0;
    }
    return syscall(SYS_capset, &header, words) == 0 ? 0 : -errno;
}
