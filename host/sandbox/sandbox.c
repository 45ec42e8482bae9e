/* SPDX-License-Identifier: Apache-2.0
 * The order of the steps: limits while /proc can be read, Landlock's ruleset while paths can be
 * opened, privileges, then the two that close the door. */
#include "sandbox/sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "sandbox/landlock.h"
#include "sandbox/limits.h"
#include "sandbox/privileges.h"
#include "sandbox/seccomp.h"

/* One more part of the sentence; one that does not fit is left out whole. */
__attribute__((format(printf, 2, 3))) static void lack(struct sandbox_report *report,
                                                       const char *format, ...)
{
    char part[sizeof report->missing];
    size_t used = strlen(report->missing), room = sizeof report->missing - used;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    const char *before = used ? "; " : "not enforced here: ";
    if (strlen(before) + strlen(part) < room)
        snprintf(report->missing + used, room, "%s%s", before, part);
}

/* What follows from which layers are on. */
static void describe(struct sandbox_report *report, bool exec)
{
    if (!report->landlock)
        lack(report, "access to files (no Landlock)");
    if (!report->seccomp)
        lack(report, "system calls, processes and sockets (no seccomp)");
    if (!report->no_new_privs)
        lack(report, "no_new_privs");
    if (!report->limits)
        lack(report, "some of the resource limits");
    if (exec && !(report->landlock && report->landlock_abi >= LANDLOCK_ABI_SCOPE))
        lack(report, "signals of a tool with exec to this user's processes");
    if (exec && geteuid() == 0)
        lack(report, "the number of processes (root)");
}

static int check_paths(const char *const *paths, bool star, struct error *ret_error)
{
    for (; paths && *paths; paths++)
        if (**paths != '/' && !(star && strcmp(*paths, "*") == 0))
            return error_set(ret_error, LLMSPELL_EINVAL,
                             "the sandbox takes absolute paths, not \"%s\"", *paths);
    return 0;
}

static int check(const struct sandbox_rules *rules, struct error *ret_error)
{
    const char *plugin[] = {rules->plugin, NULL};
    int rc = check_paths(rules->read_roots, false, ret_error);
    if (rc == 0)
        rc = check_paths(rules->write_roots, false, ret_error);
    if (rc == 0)
        rc = check_paths(rules->exec_files, true, ret_error);
    return rc == 0 ? check_paths(plugin, false, ret_error) : rc;
}

int sandbox_enter(const struct sandbox_rules *rules, struct sandbox_report *ret_report,
                  struct error *ret_error)
{
    struct sandbox_report report = {.landlock_abi = landlock_abi()};
    LLMSPELL_CLEANUP_CLOSE int ruleset = -1;
    int rc = check(rules, ret_error);
    if (rc != 0)
        return rc;
    report.limits = limits_apply(rules) == 0;
    if (report.landlock_abi > 0)
        rc = landlock_open(rules, report.landlock_abi, &ruleset, ret_error);
    if (rc != 0)
        return rc;
    report.no_new_privs = privileges_seal() == 0;
    report.landlock = ruleset >= 0 && landlock_enter(ruleset) == 0;
    if (privileges_drop() != 0)
        lack(&report, "giving up root's privileges");
    report.seccomp = seccomp_enter(rules, report.landlock ? report.landlock_abi : 0) == 0;
    describe(&report, rules->exec_files && *rules->exec_files);
    *ret_report = report;
    return 0;
}

void sandbox_probe(struct sandbox_report *ret_report)
{
    struct sandbox_report report = {.landlock_abi = landlock_abi(), .limits = true};
    report.landlock = report.landlock_abi > 0;
    report.seccomp = seccomp_available();
    report.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
    describe(&report, true);
    *ret_report = report;
}
