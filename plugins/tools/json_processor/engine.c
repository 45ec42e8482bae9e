/* SPDX-License-Identifier: Apache-2.0
 * jq as a guest. It has no interrupt, no memory limit, and shows the environment and files:
 * - a second thread looks at the clock and at the memory and halts it (jq_halt ends its loop);
 * - what is in PRELUDE hides the functions of the same names;
 * - what it does when memory is out (abort) is left by longjmp. */
#include <jq.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "convert.h"
#include "processor.h"
#include "read_jq.h"

#define TURN_NS 20000000L
#define MEMORY_MAX (256ull << 20)
#define MEASURE_SHARE 20 /* measuring the memory may take one part in so many of the time */

/* On the same line as the query, so that the line numbers of its messages are right. The functions
 * of times hide those that end the process (a failed assertion) at what is no time. */
#define PRELUDE                                                                                    \
    "def env: {}; def input: empty; def inputs: empty; def debug: .; def stderr: .; "              \
    "def modulemeta: error(\"modules are not available\"); "                                       \
    "def get_search_list: []; def input_filename: null; def input_line_number: 0; "                \
    "def _time: if type == \"number\" and (. > -62167219201 and . < 253402300800 | not) "          \
    "then error(\"\\(.) is not a time\") else . end; "                                             \
    "def _text(f): f as $f | if $f | type == \"string\" then $f "                                  \
    "else error(\"the format of a time must be a string\") end; "                                  \
    "def _strftime(f): strftime(f); def _strflocaltime(f): strflocaltime(f); "                     \
    "def strftime(f): _text(f) as $f | _time | _strftime($f); "                                    \
    "def strflocaltime(f): _text(f) as $f | _time | _strflocaltime($f); "                          \
    "def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\"); "                                        \
    "def todate: todateiso8601; def date: todateiso8601; "                                         \
    "{} as $ENV | "

struct engine {
    struct job *job;
    jq_state *jq;
    char message[512]; /* the first of compiling */
    jmp_buf no_memory;

    /* the watch */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t watch;
    bool watched, ended;
    bool lost;       /* memory ran out within jq: what it had is lost */
    bool measured;   /* memory is known */
    size_t memory;   /* in use at the start, with the document */
    int64_t next_ns; /* when it is worth while to measure again */
    atomic_int stop; /* why it was halted: a negative code */
};

/* In use by malloc; where that is another allocator, which says nothing, the most that the process
 * ever had. */
static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    struct rusage usage = {0};
    if (info.uordblks + info.hblkhd > 0)
        return info.uordblks + info.hblkhd;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

/* ---- the watch ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Measuring goes through all that is free, and keeps jq from memory meanwhile: the longer it takes,
 * the more seldom it is done. */
static bool is_too_large(struct engine *engine)
{
    int64_t start = now_ns();
    if (!engine->measured || start < engine->next_ns)
        return false;
    size_t memory = memory_in_use();
    int64_t end = now_ns();
    engine->next_ns = end + (end - start) * MEASURE_SHARE;
    return memory > engine->memory && memory - engine->memory > MEMORY_MAX;
}

/* 0, or why jq must end. */
static int32_t look(struct engine *engine)
{
    int32_t stop = llmspell_cancelled(engine->job->call);
    return stop == 0 && is_too_large(engine) ? LLMSPELL_ELIMIT : stop;
}

/* The document of the first run is there: what comes now is the query's. */
static void measure_start(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    if (!engine->measured)
        engine->memory = memory_in_use();
    engine->measured = true;
    pthread_mutex_unlock(&engine->lock);
}

static void take_turn(struct engine *engine)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TURN_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&engine->wake, &engine->lock, &until);
}

/* Told to halt, jq may begin its next document before it looks: it is told until it has ended. */
static void *watch(void *argument)
{
    struct engine *engine = argument;
    pthread_mutex_lock(&engine->lock);
    while (!engine->ended) {
        int32_t stop = look(engine);
        if (stop < 0)
            atomic_store(&engine->stop, stop);
        if (stop < 0 && !jq_halted(engine->jq))
            jq_halt(engine->jq, jv_invalid(), jv_invalid());
        take_turn(engine);
    }
    bool lost = engine->lost;
    pthread_mutex_unlock(&engine->lock);
    while (lost) /* a process with a thread left over is not used again, nor its lost memory */
        pause();
    return NULL;
}

static int32_t watch_start(struct engine *engine)
{
    engine->watched = pthread_create(&engine->watch, NULL, watch, engine) == 0;
    if (engine->watched)
        return 0;
    return llmspell_fail(engine->job->call, LLMSPELL_EIO, "cannot start a thread for jq");
}

static void watch_end(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->ended = true;
    pthread_cond_signal(&engine->wake);
    pthread_mutex_unlock(&engine->lock);
    if (engine->lost)
        pthread_detach(engine->watch);
    else
        pthread_join(engine->watch, NULL);
}

static int32_t fail_stopped(const struct engine *engine, int32_t stop)
{
    if (stop == LLMSPELL_ELIMIT)
        return llmspell_fail_at(engine->job->call, LLMSPELL_ELIMIT, "/query",
                                "the query needs more memory than the limit of %llu MiB",
                                MEMORY_MAX >> 20);
    return stop;
}

/* ---- compiling ---- */

static void keep_message(void *argument, jv value)
{
    struct engine *engine = argument;
    value = jq_format_error(value);
    if (!engine->message[0])
        snprintf(engine->message, sizeof engine->message, "%s", jv_string_value(value));
    jv_free(value);
}

static void drop_message(void *argument, jv value)
{
    (void)argument;
    jv_free(value);
}

/* "jq: error: WHAT (Unix shell quoting issues?) at <top-level>, line 1:\nPROGRAM" → what, line. */
static int32_t fail_compile(struct engine *engine)
{
    char *what = engine->message, *line = NULL;
    static const char prefix[] = "jq: error: ";
    if (strncmp(what, prefix, sizeof prefix - 1) == 0)
        what += sizeof prefix - 1;
    what[strcspn(what, "\n")] = '\0';
    char *where = strstr(what, " at <");
    if (where) {
        line = strstr(where, ", line ");
        *where = '\0';
        if (line)
            line[strcspn(line, ":")] = '\0';
    }
    char *hint = strstr(what, " (Unix");
    if (hint)
        *hint = '\0';
    return llmspell_fail_at(engine->job->call, LLMSPELL_EPARSE, "/query",
                            "the query is not jq: %s%s%s", *what ? what : "it does not compile",
                            line ? " in" : "", line ? line + 1 : "");
}

static bool is_blank(const char *text)
{
    return !text[strspn(text, " \t\r\n")];
}

/* The query after the prelude. What jq takes as `.` is written out: nothing, and definitions
 * without a term behind them. */
static int32_t build_program(struct engine *engine, struct byte_buffer *program)
{
    const json_t *params = engine->job->params;
    const char *query = llmspell_string(params, "query");
    size_t size = llmspell_string_length(params, "query"), end = size;
    if (strlen(query) != size)
        return llmspell_fail_at(engine->job->call, LLMSPELL_EPARSE, "/query",
                                "the query holds U+0000 at byte %zu", strlen(query));
    while (end > 0 && strchr(" \t\r\n", query[end - 1]))
        end--;
    buffer_puts(program, PRELUDE);
    buffer_add(program, query, size);
    if (is_blank(query) || query[end - 1] == ';')
        buffer_puts(program, " .");
    return program->failed ? job_no_memory(engine->job) : 0;
}

/* libjq 1.6 forgets the argument of the handler: whose memory is out is known by the thread. */
static _Thread_local struct engine *running;

static void give_up(void *argument)
{
    (void)argument;
    longjmp(running->no_memory, 1);
}

static void guard_memory(struct engine *engine)
{
    running = engine;
    jq_set_nomem_handler(engine->jq, give_up, engine);
}

static int32_t compile(struct engine *engine)
{
    CLEANUP_BUFFER struct byte_buffer program = {0};
    const json_t *args = json_object_get(engine->job->params, "args");
    int32_t rc = build_program(engine, &program);
    if (rc < 0)
        return rc;
    jq_set_error_cb(engine->jq, keep_message, engine);
    jq_set_debug_cb(engine->jq, drop_message, NULL);
    guard_memory(engine);
    if (setjmp(engine->no_memory)) {
        engine->lost = true;
        return job_no_memory(engine->job);
    }
    if (!jq_compile_args(engine->jq, program.data, args ? convert_to_jq(args) : jv_object()))
        return fail_compile(engine);
    jq_set_error_cb(engine->jq, drop_message, NULL);
    return 0;
}

int32_t engine_new(struct job *job, struct engine **ret_engine)
{
    pthread_condattr_t attributes;
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return job_no_memory(job);
    engine->job = job;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    engine->jq = jq_init();
    int32_t rc = engine->jq ? compile(engine) : job_no_memory(job);
    if (rc == 0)
        rc = watch_start(engine);
    if (rc < 0)
        engine_free(engine);
    else
        *ret_engine = engine;
    return rc;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (engine->watched)
        watch_end(engine);
    if (engine->lost)
        return; /* the watch may still look at it */
    if (engine->jq)
        jq_teardown(&engine->jq);
    pthread_cond_destroy(&engine->wake);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

/* ---- running ---- */

static int32_t append(const struct engine *engine, json_t *results, jv value)
{
    enum convert_trouble trouble = CONVERT_OK;
    json_t *json = convert_from_jq(value, &trouble);
    if (trouble == CONVERT_DEEP)
        return llmspell_fail_at(engine->job->call, LLMSPELL_ELIMIT, "/query",
                                "a result is nested deeper than %d levels", CONVERT_DEPTH_MAX);
    if (trouble == CONVERT_NUL)
        return llmspell_fail_at(engine->job->call, LLMSPELL_EFAILED, "/query",
                                "a name in a result holds U+0000; results cannot");
    return json_array_append_new(results, json) == 0 ? 0 : job_no_memory(engine->job);
}

/* The text of an error that a program raised: of a string itself, else as jq says it. */
static char *error_text(jv error)
{
    jv text = jv_get_kind(error) == JV_KIND_STRING
                  ? error
                  : jv_string_concat(jv_dump_string(error, 0), jv_string(" (not a string)"));
    char *copy = strdup(jv_string_value(text));
    jv_free(text);
    for (size_t size = copy ? strlen(copy) : 0; size > 0 && copy[size - 1] == '\n'; size--)
        copy[size - 1] = '\0';
    return copy;
}

/* What the last, invalid value of a run means. */
static int32_t finish(struct engine *engine, jv last, enum outcome *ret_outcome, char **ret_message)
{
    jv error = jv_invalid_get_msg(last); /* null if there is none */
    int32_t stop = atomic_load(&engine->stop);
    *ret_outcome = RUN_OK;
    if (stop == 0 && jq_halted(engine->jq)) { /* halt_error has a message, halt has none */
        jv_free(error);
        error = jq_get_error_message(engine->jq);
        if (!jv_is_valid(error)) {
            jv_free(error);
            error = jv_null();
        }
    }
    if (stop < 0 || jv_get_kind(error) == JV_KIND_NULL) {
        jv_free(error);
        return stop < 0 ? fail_stopped(engine, stop) : 0;
    }
    *ret_outcome = RUN_FAILED;
    *ret_message = error_text(error);
    return *ret_message ? 0 : job_no_memory(engine->job);
}

/* Consumes document. */
static int32_t run(struct engine *engine, jv document, json_t *results, size_t limit,
                   enum outcome *ret_outcome, char **ret_message)
{
    int32_t rc = 0;
    measure_start(engine);
    jq_start(engine->jq, document, 0);
    for (;;) {
        jv value = jq_next(engine->jq);
        if (!jv_is_valid(value))
            return finish(engine, value, ret_outcome, ret_message);
        rc = append(engine, results, value);
        if (rc == 0)
            rc = fail_stopped(engine, atomic_load(&engine->stop));
        if (rc < 0 || json_array_size(results) > limit)
            return rc;
    }
}

/* What read_jq refuses goes over Jansson. The text's memory is for the query. */
static int32_t read_text(struct engine *engine, jv *ret_document)
{
    struct job *job = engine->job;
    bool taken = read_jq(job->text, job->size, &engine->stop, ret_document);
    int32_t rc = taken ? 0 : fail_stopped(engine, atomic_load(&engine->stop));
    if (rc == 0 && !taken)
        rc = parse_document(job);
    free(job->file);
    job->file = NULL;
    if (rc < 0 || taken)
        return rc;
    *ret_document = convert_to_jq(job->document);
    json_decref(job->document);
    job->document = NULL;
    return 0;
}

int32_t engine_run(struct engine *engine, const json_t *document, json_t *results, size_t limit,
                   enum outcome *ret_outcome, char **ret_message)
{
    jv value;
    int32_t rc = 0;
    *ret_outcome = RUN_OK;
    if (setjmp(engine->no_memory)) {
        engine->lost = true;
        return llmspell_fail_at(engine->job->call, LLMSPELL_ELIMIT, "/query",
                                "the document and the query need more memory than there is");
    }
    guard_memory(engine);
    if (document)
        value = convert_to_jq(document);
    else
        rc = read_text(engine, &value);
    return rc < 0 ? rc : run(engine, value, results, limit, ret_outcome, ret_message);
}
