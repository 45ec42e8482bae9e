/* SPDX-License-Identifier: Apache-2.0
 * The life of a runner: set up → sandbox → load → call after call → end of the channel. Nothing of
 * the plugin runs before the sandbox is closed. */
#include "tool/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/logger.h"
#include "plugin/loader.h"
#include "plugin/module.h"
#include "sandbox/sandbox.h"
#include "tool/extensions.h"
#include "tool/frame.h"
#include "tool/grants.h"
#include "tool/invoke.h"
#include "tool/nested.h"
#include "tool/snapshot.h"
#include "util/utf8.h"

#define CHANNEL_HIGH 200      /* away from where a tool closes or opens by mistake */
#define FRAME_MAX (1u << 30)  /* from the kernel, whom we trust */
#define SECRETS_MAX 32        /* files of secrets */
#define EXEC_MAX 64           /* programs that a tool may start */
#define OUTPUT_MAX (64 << 20) /* bytes of a result if the manifest gives no limit */
#define LOG_MAX 32768         /* bytes of a log message */

struct runner {
    int channel;
    struct stat channel_facts; /* to notice if the tool has put another file there */
    struct runner_flag *flag;
    struct frame_reader reader;
    pthread_mutex_t writing;
    struct plugin *plugin;
    const struct llmspell_tool *entry;
    void *self;
    struct files *files;
    struct extensions *extensions;
    int tasks; /* see snapshot_open */
    struct snapshot before;
    bool starts_programs;
    size_t output_max;
    enum log_level log_level;
};

/* The one runner of this process: struct llmspell_ctx leads to it. */
static struct runner *runner_of(struct llmspell_ctx *ctx)
{
    return ctx->owner;
}

/* ---- to the kernel ---- */

/* A channel that is gone, or another file, is the end: nobody would hear an error. */
static void send_text(struct runner *runner, enum frame_kind kind, const char *text, size_t size)
{
    struct stat now;
    pthread_mutex_lock(&runner->writing);
    if (fstat(runner->channel, &now) != 0 || now.st_ino != runner->channel_facts.st_ino ||
        now.st_dev != runner->channel_facts.st_dev ||
        frame_write(runner->channel, kind, text, size, NULL) < 0)
        _exit(EXIT_FAILURE);
    pthread_mutex_unlock(&runner->writing);
}

static void send_json(struct runner *runner, enum frame_kind kind, json_t *value)
{
    LLMSPELL_CLEANUP_FREE char *text =
        value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!text)
        _exit(EXIT_FAILURE);
    send_text(runner, kind, text, strlen(text));
}

/* Text of a tool, which need not be UTF-8, as a JSON string. */
static json_t *text_json(const char *text)
{
    size_t size = strnlen(text, LOG_MAX);
    json_t *value = json_stringn(text, size);
    if (value)
        return value;
    LLMSPELL_CLEANUP_FREE char *repaired = utf8_repair(text, size, NULL);
    return repaired ? json_string(repaired) : NULL;
}

static void send_error(struct runner *runner, const struct error *error)
{
    send_json(runner, FRAME_ERROR, error_json(error));
}

/* ---- struct llmspell_host as the tool sees it ---- */

static void api_log(struct llmspell_ctx *ctx, int32_t level, const char *message)
{
    struct runner *runner = runner_of(ctx);
    if (level <= (int32_t)runner->log_level)
        send_json(runner, FRAME_LOG,
                  json_pack("{s:i, s:o}", "level", level, "message", text_json(message)));
}

static int32_t api_cancelled(const struct llmspell_call *base)
{
    const struct runner *runner = runner_of(base->ctx);
    int32_t stop = atomic_load_explicit(&runner->flag->cancel, memory_order_relaxed);
    if (stop < 0)
        return stop;
    return host_api.cancelled(base); /* the deadline */
}

static void send_progress(void *data, double done, double total, const char *message)
{
    send_json(data, FRAME_PROGRESS,
              json_pack("{s:f, s:f, s:o*}", "done", done, "total", total, "message",
                        message ? text_json(message) : NULL));
}

static void make_host(struct llmspell_host *host)
{
    *host = host_api;
    host->log = api_log;
    host->cancelled = api_cancelled;
}

/* The tool's thread sleeps here until the kernel has the other tool's answer. */
static int nested_invoke(struct llmspell_call *base, const char *name, const json_t *params,
                         json_t **ret_result, struct error *ret_error)
{
    struct runner *runner = runner_of(base->ctx);
    enum frame_kind kind;
    const char *text;
    size_t size;
    send_json(runner, FRAME_NESTED,
              json_pack("{s:s, s:O?}", "name", name, "params", (json_t *)params));
    if (frame_next(&runner->reader, &kind, &text, &size) != 1)
        _exit(EXIT_FAILURE); /* the kernel is gone */
    json_t *value = frame_json(text, size);
    if (kind == FRAME_RESULT && value) {
        *ret_result = value;
        return 0;
    }
    int rc = frame_error(value, ret_error);
    json_decref(value);
    return rc;
}

static const void *extension(struct llmspell_ctx *ctx, const char *id)
{
    static const struct nested_tools nested = {.invoke = nested_invoke};
    return strcmp(id, NESTED_TOOLS) == 0 ? &nested : invoke_extension(ctx, id);
}

/* ---- setting up ---- */

static int map_flag(struct runner *runner)
{
    void *page = mmap(NULL, sizeof *runner->flag, PROT_READ, MAP_SHARED, RUNNER_FLAG_FD, 0);
    close(RUNNER_FLAG_FD);
    if (page == MAP_FAILED)
        return -errno;
    runner->flag = page;
    return 0;
}

static int open_channel(struct runner *runner)
{
    runner->channel = fcntl(RUNNER_CHANNEL_FD, F_DUPFD_CLOEXEC, CHANNEL_HIGH);
    if (runner->channel < 0 || fstat(runner->channel, &runner->channel_facts) != 0)
        return -errno;
    close(RUNNER_CHANNEL_FD);
    frame_reader_init(&runner->reader, runner->channel, 0, FRAME_MAX);
    return 0;
}

/* Has the kernel ended before PR_SET_PDEATHSIG? */
static bool is_alone(const struct runner *runner)
{
    struct pollfd channel = {.fd = runner->channel};
    return poll(&channel, 1, 0) > 0 && (channel.revents & POLLHUP);
}

static int open_files(struct runner *runner, const json_t *setup, struct error *ret_error)
{
    struct files_root roots[GRANT_ROOTS_MAX];
    unsigned count = 0;
    size_t i;
    json_t *root;
    json_array_foreach(json_object_get(setup, "roots"), i, root)
    {
        if (count < GRANT_ROOTS_MAX)
            roots[count++] =
                (struct files_root){llmspell_string(root, "path"), llmspell_bool(root, "write", 0),
                                    llmspell_bool(root, "state", 0)};
    }
    if (count == 0)
        return 0;
    return files_new(llmspell_string(setup, "workdir"), roots, count, &runner->files, ret_error);
}

/* It must be the file that the kernel has discovered, to the last bit of its manifest. */
static int check_file(const struct runner *runner, const json_t *setup, struct error *ret_error)
{
    const struct plugin *plugin = runner->plugin;
    const json_t *stamp = json_object_get(setup, "stamp");
    const struct note_stamp wanted = {
        .device = (dev_t)json_integer_value(json_array_get(stamp, 0)),
        .inode = (ino_t)json_integer_value(json_array_get(stamp, 1)),
        .mtime_ns = json_integer_value(json_array_get(stamp, 2)),
        .size = (off_t)json_integer_value(json_array_get(stamp, 3)),
    };
    if (note_stamp_equal(&wanted, &plugin->stamp) &&
        json_integer_value(json_array_get(stamp, 4)) ==
            (json_int_t)frame_hash(plugin->text, plugin->text_size))
        return 0;
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s was changed after it was discovered: reload the kernel, or start again",
                     plugin->path);
}

/* What the sandbox opens, collected from the set-up. */
struct opening {
    const char *read[GRANT_ROOTS_MAX + SECRETS_MAX + 4], *write[GRANT_ROOTS_MAX + 1];
    const char *exec[EXEC_MAX + 1];
    unsigned reads, writes, execs;
};

static void open_reading(struct opening *opening, const char *path)
{
    if (path && opening->reads + 1 < sizeof opening->read / sizeof *opening->read)
        opening->read[opening->reads++] = path;
}

static void open_secret(void *data, bool is_file, const char *place)
{
    if (is_file)
        open_reading(data, place);
}

static void collect(struct opening *opening, const struct runner *runner, const json_t *setup,
                    const char *modules)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(setup, "roots"), i, item)
    {
        const char *path = llmspell_string(item, "path");
        if (!llmspell_bool(item, "write", 0))
            open_reading(opening, path);
        else if (opening->writes < GRANT_ROOTS_MAX)
            opening->write[opening->writes++] = path;
    }
    json_array_foreach(json_object_get(setup, "exec"), i, item)
    {
        if (opening->execs < EXEC_MAX)
            opening->exec[opening->execs++] = json_string_value(item);
    }
    const json_t *extensions = json_object_get(setup, "extensions");
    open_reading(opening, modules);
    open_reading(opening, llmspell_string(json_object_get(extensions, "http"), "ca_file"));
    extensions_places(runner->extensions, open_secret, opening);
}

/* From here on only what the rules open can be reached, whatever the plugin's code does. */
static int enter_sandbox(const struct runner *runner, const json_t *setup,
                         struct sandbox_report *ret_report, struct error *ret_error)
{
    struct opening opening = {.reads = 0};
    char modules[PATH_MAX];
    bool has_modules = module_folder(modules, NULL) == 0;
    collect(&opening, runner, setup, has_modules ? modules : NULL);
    struct sandbox_rules rules = {
        .read_roots = opening.read,
        .write_roots = opening.write,
        .exec_files = opening.execs ? opening.exec : NULL,
        .plugin = runner->plugin->path,
        .net = llmspell_bool(setup, "net", 0),
        .metadata = llmspell_bool(setup, "metadata", 0),
        .memory_bytes = llmspell_integer(setup, "memory_mb", 0) << 20,
    };
    return sandbox_enter(&rules, ret_report, ret_error);
}

static int load(struct runner *runner, const json_t *setup, const struct llmspell_host *host,
                struct error *ret_error)
{
    const void *entry;
    int rc = plugin_load(runner->plugin, &entry, ret_error);
    if (rc < 0)
        return rc;
    runner->entry = entry;
    if (!runner->entry->open)
        return 0;
    struct call call;
    call_init(&call, &runner->plugin->ctx);
    call.base.host = host;
    rc = runner->entry->open(&call.base, json_object_get(setup, "config"), &runner->self);
    return rc < 0 ? call_error(&call, rc, ret_error) : 0;
}

static int set_up(struct runner *runner, const json_t *setup, const struct llmspell_host *host,
                  struct sandbox_report *ret_report, struct error *ret_error)
{
    runner->log_level = (enum log_level)llmspell_integer(setup, "log_level", LOG_WARN);
    int64_t output = llmspell_integer(setup, "output_bytes", 0);
    runner->output_max = output > 0 ? (size_t)output : OUTPUT_MAX;
    int rc = plugin_from_file(llmspell_string(setup, "plugin"), &runner->plugin, ret_error);
    if (rc == LLMSPELL_EIO) /* as plugin_load says it */
        rc = error_set(ret_error, LLMSPELL_EREFUSED, "%s cannot be opened any more: %s",
                       llmspell_string(setup, "plugin"), strerror(errno));
    if (rc == 0)
        rc = check_file(runner, setup, ret_error);
    if (rc < 0)
        return rc;
    runner->plugin->ctx.owner = runner;
    runner->plugin->ctx.extension = extension;
    rc = open_files(runner, setup, ret_error);
    runner->tasks = snapshot_open();
    if (rc == 0)
        rc = extensions_from_json(json_object_get(setup, "extensions"), &runner->extensions,
                                  ret_error);
    if (rc == 0)
        rc = enter_sandbox(runner, setup, ret_report, ret_error);
    if (rc == 0)
        rc = load(runner, setup, host, ret_error);
    return rc;
}

/* ---- calls ---- */

/* The text of a result: no more of it is made than may be sent, so that one that is too large is
 * told as such and not as memory that ran out. */
struct result_text {
    char *text;
    size_t used, room, max;
    bool over;
};

static int add_text(const char *piece, size_t size, void *data)
{
    struct result_text *out = data;
    if (out->over || size > out->max - out->used) {
        out->over = true;
        out->used += size;
        return -1;
    }
    if (size > out->room - out->used) {
        size_t room = out->room * 2 > out->used + size ? out->room * 2 : out->used + size;
        char *text = realloc(out->text, room);
        if (!text)
            return -1;
        out->text = text;
        out->room = room;
    }
    memcpy(out->text + out->used, piece, size);
    out->used += size;
    return 0;
}

static void answer(struct runner *runner, json_t *result)
{
    struct result_text out = {.max = runner->output_max};
    struct error error = {0};
    int failed = json_dump_callback(result, add_text, &out, JSON_COMPACT | JSON_ENCODE_ANY);
    if (out.over)
        error_set(&error, LLMSPELL_ELIMIT,
                  "the result has at least %zu bytes, more than the limit of %zu of %s", out.used,
                  out.max, runner->plugin->head.name);
    else if (failed)
        error_set(&error, LLMSPELL_EFAILED, "the result of %s is no JSON, or memory ran out",
                  runner->plugin->head.name);
    json_decref(result);
    if (error.code)
        send_error(runner, &error);
    else
        send_text(runner, FRAME_RESULT, out.text, out.used);
    free(out.text);
}

/* A process that is not as it was before the call is not used again. Nothing but a call changes
 * it, so that one look after each is enough. */
static bool is_tired(struct runner *runner)
{
    const char *what = snapshot_check(&runner->before, runner->tasks);
    if (!what && runner->starts_programs && snapshot_has_children())
        what = "left a program that it has started";
    if (what)
        send_text(runner, FRAME_TIRED, what, strlen(what));
    return what != NULL;
}

/* False: this was the last call. */
static bool call_tool(struct runner *runner, const json_t *request,
                      const struct llmspell_host *host)
{
    struct call call;
    json_t *result = NULL;
    int64_t wall_ms = llmspell_integer(request, "wall_ms", 0);
    call_init(&call, &runner->plugin->ctx);
    call.base.host = host;
    call.deadline_ns = wall_ms > 0 ? clock_monotonic_ns() + wall_ms * 1000000 : 0;
    call.progress = send_progress;
    call.progress_data = runner;
    int rc = invoke_entry(runner->entry, runner->self, &call, runner->files, runner->extensions,
                          json_object_get(request, "params"), &result);
    bool tired = is_tired(runner);
    if (rc >= 0 && result) {
        answer(runner, result);
    } else {
        struct error error = {0};
        if (rc >= 0)
            error_set(&error, LLMSPELL_EFAILED, "%s returned no result: a bug in the tool",
                      runner->plugin->head.name);
        else if (rc == LLMSPELL_ETIMEOUT && !*call.error.message)
            error.code = rc; /* the kernel says it: it knows the limit */
        else
            error.code = call_error(&call, rc, &error);
        send_error(runner, &error);
    }
    return !tired;
}

static int serve(struct runner *runner, const struct llmspell_host *host)
{
    enum frame_kind kind;
    const char *text;
    size_t size;
    bool go_on = true;
    while (go_on && frame_next(&runner->reader, &kind, &text, &size) == 1) {
        LLMSPELL_CLEANUP_JSON json_t *request = frame_json(text, size);
        if (kind == FRAME_CALL && json_is_object(request))
            go_on = call_tool(runner, request, host);
    }
    if (runner->entry->close)
        runner->entry->close(runner->self);
    return EXIT_SUCCESS;
}

int runner_main(void)
{
    static struct runner runner = {.writing = PTHREAD_MUTEX_INITIALIZER};
    static struct llmspell_host host;
    struct error error = {0};
    struct sandbox_report report = {0};
    enum frame_kind kind;
    const char *text;
    size_t size;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the kernel's end is ours, whatever the tool does */
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a tool starts stays ours, to be seen and ended */
    setlocale(LC_CTYPE, "C.UTF-8");
    if (open_channel(&runner) < 0 || is_alone(&runner) || map_flag(&runner) < 0 ||
        frame_next(&runner.reader, &kind, &text, &size) != 1 || kind != FRAME_SETUP)
        return EXIT_FAILURE;
    make_host(&host);
    LLMSPELL_CLEANUP_JSON json_t *setup = frame_json(text, size);
    error.code = set_up(&runner, setup, &host, &report, &error);
    if (error.code < 0) {
        send_error(&runner, &error);
        return EXIT_FAILURE;
    }
    runner.starts_programs = json_array_size(json_object_get(setup, "exec")) > 0;
    snapshot_take(&runner.before, runner.tasks);
    send_json(&runner, FRAME_READY, json_pack("{s:s}", "missing", report.missing));
    return serve(&runner, &host);
}
