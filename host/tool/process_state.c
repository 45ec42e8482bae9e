/* SPDX-License-Identifier: Apache-2.0
 * The state of this process as JSON, part by part, so that one comparison does for all. */
#include "tool/process_state.h"

#include <dirent.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <llmspell/tool.h>

/* ---- reading ---- */

static json_t *read_cwd(void)
{
    LLMSPELL_CLEANUP_FREE char *path = getcwd(NULL, 0);
    return json_string(path ? path : "(gone)");
}

/* The umask can be asked for without changing it only here. */
static json_t *read_umask(void)
{
    char line[256], value[16] = "";
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Umask: %15s", value) == 1)
            break;
    return json_string(value);
}

static json_t *read_locale(void)
{
    const char *name = setlocale(LC_ALL, NULL);
    return json_string(name ? name : "");
}

static json_t *read_rounding(void)
{
    return json_integer(fegetround());
}

static json_t *read_handlers(void)
{
    json_t *handlers = json_object();
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        char key[32], value[32];
        if (sigaction(number, NULL, &action) != 0)
            continue;
        const char *name = sigabbrev_np(number);
        if (name)
            snprintf(key, sizeof key, "SIG%s", name);
        else
            snprintf(key, sizeof key, "signal %d", number);
        snprintf(value, sizeof value, "%lx",
                 (unsigned long)(uintptr_t)action.sa_handler ^
                     ((unsigned long)action.sa_flags << 1));
        json_object_set_new(handlers, key, json_string(value));
    }
    return handlers;
}

static json_t *read_mask(void)
{
    sigset_t set;
    json_t *blocked = json_object();
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    for (int number = 1; number < NSIG; number++) {
        char key[32];
        snprintf(key, sizeof key, "%d", number);
        if (sigismember(&set, number) == 1)
            json_object_set_new(blocked, key, json_true());
    }
    return blocked;
}

/* name=value as a member; json_string is NULL for bytes that are not UTF-8: then only its name. */
static json_t *read_environment(void)
{
    json_t *variables = json_object();
    for (char **at = environ; at && *at; at++) {
        const char *equals = strchr(*at, '=');
        LLMSPELL_CLEANUP_FREE char *name = strndup(*at, equals ? (size_t)(equals - *at) : 255);
        json_t *value = json_string(equals ? equals + 1 : "");
        json_object_set_new(variables, name ? name : "", value ? value : json_true());
    }
    return variables;
}

static json_t *read_timers(void)
{
    static const int kinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    bool armed = false;
    for (size_t i = 0; i < 3; i++) {
        struct itimerval timer;
        armed |= getitimer((__itimer_which_t)kinds[i], &timer) == 0 &&
                 (timer.it_value.tv_sec || timer.it_value.tv_usec);
    }
    return json_boolean(armed);
}

static json_t *read_children(void)
{
    siginfo_t info;
    return json_boolean(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
}

static json_t *read_descriptors(void)
{
    json_t *descriptors = json_object();
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char target[512];
        ssize_t n = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (n < 0 || strtol(entry->d_name, NULL, 10) == dirfd(folder))
            continue;
        target[n] = '\0';
        json_t *text = json_string(target);
        json_object_set_new(descriptors, entry->d_name, text ? text : json_true());
    }
    if (folder)
        closedir(folder);
    return descriptors;
}

static json_t *read_threads(void)
{
    json_t *threads = json_object();
    DIR *folder = opendir("/proc/self/task");
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)))
        if (*entry->d_name != '.')
            json_object_set_new(threads, entry->d_name, json_true());
    if (folder)
        closedir(folder);
    return threads;
}

struct part {
    const char *name, *what, *cure;
    json_t *(*read)(void);
    bool held; /* PROCESS_STATE_HELD */
};

static const struct part PARTS[] = {
    {"cwd", "the working directory", "use openat() with a descriptor of the folder", read_cwd,
     false},
    {"umask", "the umask", "use fchmod() on what you made", read_umask, false},
    {"locale", "the locale", "use newlocale() and the functions that end in _l", read_locale,
     false},
    {"rounding", "the rounding of floating point", "put it back with fesetround()", read_rounding,
     false},
    {"handlers", "signal handlers", "a tool leaves signals alone", read_handlers, false},
    {"mask", "the signal mask", "put it back with pthread_sigmask()", read_mask, false},
    {"environment", "the environment",
     "other threads read it: hand values to children with posix_spawn()", read_environment, false},
    {"timers", "an alarm or interval timer", "use clock_nanosleep() or a poll() timeout",
     read_timers, false},
    {"children", "child processes that nobody waited for", "call waitpid() for each", read_children,
     false},
    {"descriptors", "open descriptors", "close what you open; see LLMSPELL_CLEANUP_CLOSE",
     read_descriptors, true},
    {"threads", "threads", "join them before the call ends, or in close", read_threads, true},
};

#define PART_COUNT (sizeof PARTS / sizeof PARTS[0])

json_t *process_state_read(void)
{
    json_t *state = json_object();
    for (size_t i = 0; i < PART_COUNT; i++)
        json_object_set_new(state, PARTS[i].name, PARTS[i].read());
    return state;
}

/* ---- comparing ---- */

/* Writes which members are new, gone or other: "+5 /tmp/a, -SIGINT, PATH". */
static void list_members(const json_t *before, const json_t *after, bool values, FILE *out)
{
    const char *key, *separator = " (";
    json_t *value;
    json_object_foreach((json_t *)after, key, value)
    {
        const json_t *old = json_object_get(before, key);
        if (old && json_equal(old, value))
            continue;
        const char *text = values ? json_string_value(value) : NULL;
        fprintf(out, "%s%s%s%s%s", separator, old ? "" : "+", key, text ? " " : "",
                text ? text : "");
        separator = ", ";
    }
    json_object_foreach((json_t *)before, key, value)
    {
        if (json_object_get(after, key))
            continue;
        fprintf(out, "%s-%s", separator, key);
        separator = ", ";
    }
    fputc(')', out);
}

static void describe(const struct part *part, const json_t *before, const json_t *after, FILE *out)
{
    if (ftell(out) > 0)
        fputs("; ", out);
    fprintf(out, "changed %s", part->what);
    if (json_is_object(after))
        list_members(before, after, part->held, out);
    else if (json_is_string(after))
        fprintf(out, " (from %s to %s)", json_string_value(before), json_string_value(after));
    fprintf(out, ": %s", part->cure);
}

int process_state_compare(const json_t *before, const json_t *after, unsigned leave_out,
                          struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; i < PART_COUNT; i++) {
        const json_t *old = json_object_get(before, PARTS[i].name);
        const json_t *new = json_object_get(after, PARTS[i].name);
        if (PARTS[i].held && (leave_out & PROCESS_STATE_HELD))
            continue;
        if (!json_equal(old, new))
            describe(&PARTS[i], old, new, out);
    }
    fclose(out);
    return size == 0 ? 0 : error_set(ret_error, LLMSPELL_EFAILED, "%s", text);
}
