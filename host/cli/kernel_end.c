/* SPDX-License-Identifier: Apache-2.0
 * A process is asked through a descriptor (pidfd), never by its number alone: that may be given to
 * another process meanwhile. */
#include "cli/kernel_end.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/pidfile.h"

/* The lock is asked again once the descriptor is open, so that it is the holder's process. */
int kernel_end_fd(const struct kernel_entry *entry, pid_t *ret_pid)
{
    pid_t pid = 0, again = 0;
    if (pidfile_check(entry->files.pidfile, &pid, NULL) != 1)
        return -1;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0 && (pidfile_check(entry->files.pidfile, &again, NULL) != 1 || again != pid)) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0 && ret_pid)
        *ret_pid = pid;
    return fd;
}

/* Waits until the process behind fd has ended; 0, or ETIMEOUT. */
static int wait_end(int fd, int timeout_ms)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&pollfd, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0 ? 0 : LLMSPELL_ETIMEOUT;
}

int kernel_end_stop(const struct kernel_entry *entry, bool force, int timeout_ms,
                    struct error *ret_error)
{
    pid_t pid = 0;
    LLMSPELL_CLEANUP_CLOSE int fd = kernel_end_fd(entry, &pid);
    if (fd < 0 || pid != entry->pid)
        return 0; /* ended meanwhile */
    if (syscall(SYS_pidfd_send_signal, fd, force ? SIGKILL : SIGTERM, NULL, 0) != 0 &&
        errno != ESRCH)
        return error_set(ret_error, LLMSPELL_EPERM, "cannot stop kernel %s (pid %d): %s",
                         entry->files.id, (int)pid, strerror(errno));
    if (wait_end(fd, timeout_ms) < 0)
        return error_set(ret_error, LLMSPELL_ETIMEOUT,
                         "kernel %s (pid %d) still runs after %d s; `llmspell kernel stop --force "
                         "%s` kills it",
                         entry->files.id, (int)pid, timeout_ms / 1000, entry->files.id);
    return 0;
}
