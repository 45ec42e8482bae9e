/* SPDX-License-Identifier: Apache-2.0
 * The state dump: what an operator asks of a kernel that behaves oddly, in one private file. */
#include <ctype.h>
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/crash.h"
#include "daemon/internal.h"
#include "log/logger.h"
#include "util/private_file.h"
#include "util/timestamp.h"

/* ---- what the system knows of this process ---- */

/* The first size bytes of a file of /proc, as text. */
static size_t read_proc(const char *path, char *text, size_t size)
{
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, size - 1, file) : 0;
    text[length] = '\0';
    return length;
}

/* Of a "Name:   123 kB" line, in bytes; -1 if it is not there. */
static json_int_t kilobytes(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? (json_int_t)strtoll(at + strlen(name), NULL, 10) * 1024 : -1;
}

static json_t *memory(void)
{
    char text[4096];
    struct mallinfo2 heap = mallinfo2();
    read_proc("/proc/self/smaps_rollup", text, sizeof text);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "rss_bytes", kilobytes(text, "\nRss:"),
                     "pss_bytes", kilobytes(text, "\nPss:"), "private_dirty_bytes",
                     kilobytes(text, "\nPrivate_Dirty:"), "swap_bytes", kilobytes(text, "\nSwap:"),
                     "heap_used_bytes", (json_int_t)(heap.uordblks + heap.hblkhd),
                     "heap_free_bytes", (json_int_t)heap.fordblks);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static json_t *usage(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return json_pack("{s:f, s:f, s:I, s:I, s:I, s:I}", "user_s", seconds(&usage.ru_utime),
                     "system_s", seconds(&usage.ru_stime), "minor_faults",
                     (json_int_t)usage.ru_minflt, "major_faults", (json_int_t)usage.ru_majflt,
                     "voluntary_switches", (json_int_t)usage.ru_nvcsw, "involuntary_switches",
                     (json_int_t)usage.ru_nivcsw);
}

/* {id, name, state, cpu_s} of /proc/self/task/ID/stat: "ID (name) S 1 2 …". */
static json_t *thread_json(const char *id)
{
    char path[320], text[1024];
    snprintf(path, sizeof path, "/proc/self/task/%s/stat", id);
    if (read_proc(path, text, sizeof text) == 0)
        return NULL;
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    unsigned long user = 0, system = 0;
    if (!name || !end ||
        sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) !=
            2)
        return NULL;
    char state[2] = {end[2], '\0'};
    *end = '\0';
    double ticks = (double)sysconf(_SC_CLK_TCK);
    return json_pack("{s:I, s:s, s:s, s:f}", "id", (json_int_t)strtoll(id, NULL, 10), "name",
                     name + 1, "state", state, "cpu_s", (double)(user + system) / ticks);
}

static json_t *threads(void)
{
    json_t *array = json_array();
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        json_t *row = isdigit((unsigned char)entry->d_name[0]) ? thread_json(entry->d_name) : NULL;
        if (row)
            json_array_append_new(array, row);
    }
    if (folder)
        closedir(folder);
    return array;
}

/* How many files are open; the one that lists them does not count. */
static json_int_t open_files(void)
{
    json_int_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += isdigit((unsigned char)entry->d_name[0]) != 0;
    if (!folder)
        return -1;
    closedir(folder);
    return count - 1;
}

/* ---- what the process knows ---- */

static json_t *plugins(const struct catalog *catalog)
{
    json_t *loaded = json_array(), *refused = json_array();
    struct plugin *plugin;
    for (size_t i = 0; (plugin = catalog_at(catalog, i)); i++) {
        pthread_mutex_lock(&plugin->lock);
        bool in_use = plugin->entry != NULL, bad = plugin->state == PLUGIN_REFUSED;
        json_t *row = in_use || bad ? json_pack("{s:s, s:s, s:s, s:s*}", "kind",
                                                plugin_kind_name(plugin->head.kind), "name",
                                                plugin->head.name, "file", plugin->path, "reason",
                                                plugin->reason)
                                    : NULL;
        pthread_mutex_unlock(&plugin->lock);
        if (row)
            json_array_append_new(in_use ? loaded : refused, row);
    }
    return json_pack("{s:I, s:o, s:o}", "known", (json_int_t)catalog_count(catalog), "loaded",
                     loaded, "refused", refused);
}

static void add_recent(void *data, const struct log_recent *record)
{
    json_t *row = json_pack("{s:o, s:s, s:s, s:s}", "at", timestamp_json(record->time.tv_sec),
                            "level", log_level_name(record->level), "source", record->source,
                            "message", record->message);
    json_array_append_new(data, row);
}

static json_t *log_facts(void)
{
    struct log_counts counts;
    json_t *written = json_object(), *recent = json_array();
    logger_counts(&counts);
    for (int level = LOG_ERROR; level <= LOG_TRACE; level++)
        json_object_set_new(written, log_level_name((enum log_level)level),
                            json_integer((json_int_t)counts.written[level]));
    logger_recent(add_recent, recent);
    return json_pack("{s:o, s:I, s:I, s:I, s:o}", "written", written, "dropped",
                     (json_int_t)counts.dropped, "rotations", (json_int_t)counts.rotations, "bytes",
                     (json_int_t)counts.bytes, "recent_errors", recent);
}

static json_t *last_reload(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    json_t *copy = server->last_reload ? json_deep_copy(server->last_reload) : json_null();
    pthread_mutex_unlock(&server->lock);
    return copy;
}

static json_t *take(struct server *server)
{
    const struct server_options *options = server->options;
    time_t now = time(NULL);
    json_t *dump =
        json_pack("{s:s, s:o, s:s, s:s, s:s, s:i, s:o, s:f, s:s, s:s}", "kernel_id", options->id,
                  "at", timestamp_json(now), "version", LLMSPELL_VERSION, "build_id",
                  crash_build_id(), "program", options->program, "pid", (int)getpid(), "started_at",
                  timestamp_json(server->started_at), "uptime_s", server_uptime(server), "workdir",
                  options->workdir, "connection_file", options->connection_file);
    json_object_set_new(dump, "memory", memory());
    json_object_set_new(dump, "usage", usage());
    json_object_set_new(dump, "open_files", json_integer(open_files()));
    json_object_set_new(dump, "threads", threads());
    json_object_set_new(dump, "kernel", kernel_dump(server->kernel));
    json_object_set_new(dump, "protocols", protocols_status(&server->protocols));
    json_object_set_new(dump, "plugins", plugins(server->catalog));
    json_object_set_new(dump, "log", log_facts());
    json_object_set_new(dump, "last_reload", last_reload(server));
    return dump;
}

void dump_run(struct server *server, struct operation *operation)
{
    struct error error = {0};
    const char *path = server->options->dump_file;
    json_t *dump = take(server), *reply;
    int rc = private_file_write_own(path, dump, &error);
    if (rc < 0) {
        log_error("kernel", "the state dump: %s", error.message);
        json_decref(dump);
        reply = server_failure(&error);
    } else {
        log_info("kernel", "state dumped to %s", path);
        reply = json_pack("{s:s, s:s, s:o}", "status", "ok", "path", path, "dump", dump);
    }
    operation_finish(operation, reply);
}
