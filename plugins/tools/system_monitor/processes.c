/* SPDX-License-Identifier: Apache-2.0
 * The part processes, from /proc/PID/stat of every process that can be seen: no command lines, no
 * environment. /proc is opened once through the file service; the files lie below its descriptor.
 */
#include <ctype.h>
#include <dirent.h>

#include "monitor.h"

#define CANCEL_EVERY 64 /* processes between two looks at the cancel flag */
#define STAT_MAX 2048

/* The fields of stat behind the name, counted from the state. */
enum { PPID = 1, UTIME = 11, STIME = 12, THREADS = 17, STARTED = 19, RSS = 21, FIELDS = 22 };

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

/* "1234 (name) S 1 …": the name may hold spaces and parentheses. */
static bool parse_stat(char *text, struct process *ret)
{
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    long long fields[FIELDS] = {0};
    if (!name || !end || end < name || end[1] != ' ' || !isalpha((unsigned char)end[2]))
        return false;
    name++;
    char *rest = end + 4;
    for (int i = 1; i < FIELDS; i++) {
        const char *word = next_word(&rest);
        if (!*word)
            return false;
        fields[i] = strtoll(word, NULL, 10);
    }
    size_t length = (size_t)(end - name);
    *ret = (struct process){.pid = (int)strtol(text, NULL, 10),
                            .ppid = (int)fields[PPID],
                            .state = end[2],
                            .ticks = (unsigned long long)(fields[UTIME] + fields[STIME]),
                            .started = (unsigned long long)fields[STARTED],
                            .threads = fields[THREADS],
                            .rss_bytes = fields[RSS] * sysconf(_SC_PAGESIZE),
                            .cpu_percent = UNKNOWN};
    ret->name_length = length < sizeof ret->name ? length : sizeof ret->name;
    memcpy(ret->name, name, ret->name_length);
    return true;
}

/* False if the process has ended since, or may not be seen. */
static bool read_process(int folder, const char *pid, struct process *ret)
{
    char path[64], text[STAT_MAX];
    snprintf(path, sizeof path, "%.20s/stat", pid);
    LLMSPELL_CLEANUP_CLOSE int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return parse_stat(text, ret);
}

static bool sample_add(struct process_sample *sample, size_t *room, const struct process *process)
{
    if (sample->count == *room) {
        size_t wider = *room ? *room * 2 : 256;
        struct process *grown = realloc(sample->items, wider * sizeof *grown);
        if (!grown)
            return false;
        sample->items = grown;
        *room = wider;
    }
    sample->items[sample->count++] = *process;
    return true;
}

static int compare_pid(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static int compare_cpu(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    if (x->cpu_percent != y->cpu_percent)
        return x->cpu_percent > y->cpu_percent ? -1 : 1;
    return compare_pid(a, b);
}

static int compare_memory(const void *a, const void *b)
{
    const struct process *x = a, *y = b;
    if (x->rss_bytes != y->rss_bytes)
        return x->rss_bytes > y->rss_bytes ? -1 : 1;
    return compare_pid(a, b);
}

int32_t processes_take(struct monitor *monitor, struct process_sample *ret_sample)
{
    int fd = monitor->fs->open(monitor->call, "/proc", O_RDONLY | O_DIRECTORY, 0, NULL);
    if (fd < 0)
        return 0;
    __attribute__((cleanup(close_folder))) DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return no_memory(monitor);
    }
    size_t room = 0, seen = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        struct process process;
        int32_t stop = ++seen % CANCEL_EVERY == 0 ? llmspell_cancelled(monitor->call) : 0;
        if (stop < 0)
            return stop;
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !read_process(dirfd(folder), entry->d_name, &process))
            continue;
        if (!sample_add(ret_sample, &room, &process))
            return no_memory(monitor);
    }
    if (ret_sample->count)
        qsort(ret_sample->items, ret_sample->count, sizeof *ret_sample->items, compare_pid);
    ret_sample->read = true;
    return 0;
}

/* Percent of one processor: over the interval, or over the life of the process. */
static double percent_of(const struct monitor *monitor, const struct process *now, double uptime)
{
    const struct process_sample *first = &monitor->processes[0];
    double hertz = (double)sysconf(_SC_CLK_TCK), ticks = (double)now->ticks;
    double seconds = monitor->seconds;
    if (monitor->since_boot) {
        if (uptime < 0)
            return UNKNOWN;
        seconds = uptime - (double)now->started / hertz;
    } else {
        const struct process *before =
            first->count ? bsearch(now, first->items, first->count, sizeof *now, compare_pid)
                         : NULL;
        if (before && before->started == now->started) /* else it is new: all its time counts */
            ticks -= (double)before->ticks;
    }
    if (seconds <= 0)
        return UNKNOWN;
    return ticks > 0 ? 100 * ticks / hertz / seconds : 0;
}

static json_t *process_of(const struct process *process, json_int_t boot)
{
    json_int_t hertz = sysconf(_SC_CLK_TCK);
    json_int_t started = boot < 0 ? UNKNOWN : boot + (json_int_t)process->started / hertz;
    char state[2] = {process->state, '\0'};
    return json_pack("{s:i, s:i, s:o, s:s, s:o, s:o, s:o, s:o}", "pid", process->pid, "ppid",
                     process->ppid, "name", value_text(process->name, process->name_length),
                     "state", state, "cpu_percent", value_number(process->cpu_percent), "rss_bytes",
                     value_integer(process->rss_bytes), "threads", value_integer(process->threads),
                     "started", value_time(started, 0));
}

static void sort_processes(struct monitor *monitor, struct process_sample *sample)
{
    int (*compare)(const void *, const void *) = compare_cpu;
    if (llmspell_is(monitor->params, "sort", "memory"))
        compare = compare_memory;
    else if (llmspell_is(monitor->params, "sort", "pid"))
        compare = compare_pid;
    if (sample->count)
        qsort(sample->items, sample->count, sizeof *sample->items, compare);
}

int32_t part_processes(struct monitor *monitor, json_t **ret_part)
{
    struct process_sample *now = &monitor->processes[1];
    if (!now->read)
        return part_return(monitor, ret_part, json_pack("{s:n, s:n}", "total", "processes"));
    double uptime = monitor->since_boot ? uptime_seconds(monitor) : UNKNOWN;
    json_int_t boot = boot_time(monitor);
    for (size_t i = 0; i < now->count; i++)
        now->items[i].cpu_percent = percent_of(monitor, &now->items[i], uptime);
    sort_processes(monitor, now);
    size_t limit = (size_t)llmspell_integer(monitor->params, "limit", 10);
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < now->count && i < limit; i++)
        if (json_array_append_new(list, process_of(&now->items[i], boot)) != 0)
            return no_memory(monitor);
    return part_return(monitor, ret_part,
                       json_pack("{s:I, s:O}", "total", (json_int_t)now->count, "processes", list));
}
