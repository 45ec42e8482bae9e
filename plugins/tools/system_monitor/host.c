/* SPDX-License-Identifier: Apache-2.0
 * The parts host and load. The operating system is what uname calls it: files of a distribution
 * lie outside what this tool may read. */
#include <sys/utsname.h>

#include <llmspell/clock.h>

#include "monitor.h"

#define INITIAL_PID_NAMESPACE "pid:[4026531836]" /* PROC_PID_INIT_INO, the same in every kernel */

/* Is this process in a PID namespace of its own? -1: unknown. */
static int in_pid_namespace(struct monitor *monitor)
{
    char path[64], name[LLMSPELL_FS_NAME_MAX], target[64];
    snprintf(path, sizeof path, "/proc/%ld/ns/pid", (long)getpid());
    LLMSPELL_CLEANUP_CLOSE int fd = monitor->fs->open_parent(monitor->call, path, 0, NULL, name);
    if (fd < 0)
        return -1;
    ssize_t n = readlinkat(fd, name, target, sizeof target - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    return strcmp(target, INITIAL_PID_NAMESPACE) != 0;
}

/* Do the control groups of the first process carry the name of a container engine? -1: unknown. */
static int in_container_cgroup(struct monitor *monitor)
{
    static const char *const marks[] = {"docker", "kubepods", "containerd", "libpod", "lxc"};
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, "/proc/1/cgroup");
    if (!text)
        return -1;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(text, marks[i]))
            return 1;
    return 0;
}

static int has_overlay_root(struct monitor *monitor)
{
    if (mounts_read(monitor) < 0 || !monitor->mounts.read)
        return -1;
    for (size_t i = 0; i < monitor->mounts.count; i++)
        if (strcmp(monitor->mounts.items[i].dir, "/") == 0 &&
            strcmp(monitor->mounts.items[i].type, "overlay") == 0)
            return 1;
    return 0;
}

/* One sign is enough; false only if at least one could be looked at. */
static int is_containerized(struct monitor *monitor)
{
    int signs[] = {in_pid_namespace(monitor), in_container_cgroup(monitor),
                   has_overlay_root(monitor)};
    int result = -1;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i] > result)
            result = signs[i];
    return result;
}

static json_t *name_or_null(const char *name)
{
    return name ? value_text(name, strlen(name)) : json_null();
}

int32_t part_host(struct monitor *monitor, json_t **ret_part)
{
    struct utsname names;
    struct timespec now = llmspell_now(monitor->call);
    bool known = uname(&names) == 0;
    json_t *part = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "hostname",
                             name_or_null(known ? names.nodename : NULL), "kernel",
                             name_or_null(known ? names.release : NULL), "os",
                             name_or_null(known ? names.sysname : NULL), "architecture",
                             name_or_null(known ? names.machine : NULL), "boot_time",
                             value_time(boot_time(monitor), 0), "time",
                             value_time((json_int_t)now.tv_sec, (int)(now.tv_nsec / 1000000)),
                             "containerized", value_bool(is_containerized(monitor)));
    return part_return(monitor, ret_part, part);
}

/* "0.17" as the kernel writes it, whatever the locale. */
static double parse_hundredths(const char *text)
{
    unsigned whole, hundredths;
    if (sscanf(text, "%u.%2u", &whole, &hundredths) != 2)
        return UNKNOWN;
    return whole + hundredths / 100.0;
}

static json_t *averages_of(char **text)
{
    json_t *averages = json_array();
    for (int i = 0; i < 3; i++) {
        if (json_array_append_new(averages, value_number(parse_hundredths(next_word(text)))) != 0) {
            json_decref(averages);
            return NULL;
        }
    }
    return averages;
}

/* "0.17 0.04 0.01 1/123 4567" */
int32_t part_load(struct monitor *monitor, json_t **ret_part)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, "/proc/loadavg");
    char *rest = text;
    json_t *averages = text ? averages_of(&rest) : json_null();
    long running = UNKNOWN, total = UNKNOWN;
    if (text && sscanf(rest, "%ld/%ld", &running, &total) != 2)
        running = total = UNKNOWN;
    json_t *part = json_pack("{s:o, s:o, s:o, s:o}", "load_average", averages, "uptime_seconds",
                             value_number(uptime_seconds(monitor)), "running",
                             value_integer(running), "total", value_integer(total));
    return part_return(monitor, ret_part, part);
}
