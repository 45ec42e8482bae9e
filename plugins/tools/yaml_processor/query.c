/* SPDX-License-Identifier: Apache-2.0
 * Runs a jq program over a document. jq has no interrupt: a second thread looks at the clock of the
 * call and at the memory, and halts it; what that cannot reach (a regular expression) ends with the
 * tool's process. The prelude hides what reads the environment, files and messages. */
#include <jq.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <time.h>

#include "processor.h"

#define TURN_NS 20000000L
#define RESULTS_MAX 10000
#define MEMORY_MAX (256ull << 20) /* bytes that a query may take */

/* On the line of the query, so that the line numbers of messages are right. */
#define PRELUDE                                                                                    \
    "def env: {}; def input: empty; def inputs: empty; def debug: .; def stderr: .; "              \
    "def modulemeta: error(\"modules are not available\"); def get_search_list: []; "              \
    "def input_filename: null; def input_line_number: 0; {} as $ENV | "

struct engine {
    struct llmspell_call *call;
    jq_state *jq;
    char message[512]; /* the first error of compiling */
    jmp_buf no_memory; /* jq would abort */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t watch;
    bool watched, ended;
    size_t memory;   /* in use at the start */
    atomic_int stop; /* why it was halted: a negative code */
};

/* ---- the watch ---- */

static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* 0, or why jq must end. */
static int32_t look(const struct engine *engine)
{
    int32_t stop = llmspell_cancelled(engine->call);
    size_t memory = memory_in_use();
    if (stop == 0 && memory > engine->memory && memory - engine->memory > MEMORY_MAX)
        return LLMSPELL_ELIMIT;
    return stop;
}

/* 0, or the code to return; sets the error of the call. */
static int32_t check_stop(struct engine *engine)
{
    int32_t stop = atomic_load(&engine->stop);
    if (stop == LLMSPELL_ELIMIT)
        return llmspell_fail_at(engine->call, LLMSPELL_ELIMIT, "/query",
                                "the query needs more memory than the limit of %llu MiB",
                                MEMORY_MAX >> 20);
    return stop;
}

static void take_turn(struct engine *engine)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TURN_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&engine->wake, &engine->lock, &until);
}

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
    pthread_mutex_unlock(&engine->lock);
    return NULL;
}

static int32_t watch_start(struct engine *engine)
{
    engine->memory = memory_in_use();
    engine->watched = pthread_create(&engine->watch, NULL, watch, engine) == 0;
    if (engine->watched)
        return 0;
    return llmspell_fail(engine->call, LLMSPELL_EIO, "cannot start a thread for jq");
}

static void watch_end(struct engine *engine)
{
    if (!engine->watched)
        return;
    pthread_mutex_lock(&engine->lock);
    engine->ended = true;
    pthread_cond_signal(&engine->wake);
    pthread_mutex_unlock(&engine->lock);
    pthread_join(engine->watch, NULL);
    engine->watched = false;
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
    static const char prefix[] = "jq: error: ";
    char *what = engine->message, *line = NULL;
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
    return llmspell_fail_at(engine->call, LLMSPELL_EPARSE, "/query", "the query is not jq: %s%s%s",
                            *what ? what : "it does not compile", line ? " in" : "",
                            line ? line + 1 : "");
}

/* The query behind the prelude; where jq would take `.` as understood it is written out. */
static char *build_program(const char *query, size_t size)
{
    size_t end = size;
    while (end > 0 && strchr(" \t\r\n", query[end - 1]))
        end--;
    const char *rest = end == 0 || query[end - 1] == ';' ? " ." : "";
    char *program = malloc(sizeof PRELUDE + size + 8);
    if (program)
        snprintf(program, sizeof PRELUDE + size + 8, "%s%s%s", PRELUDE, query, rest);
    return program;
}

static int32_t compile(struct engine *engine, const json_t *params)
{
    const char *query = llmspell_string(params, "query");
    size_t size = llmspell_string_length(params, "query");
    if (strlen(query) != size)
        return llmspell_fail_at(engine->call, LLMSPELL_EPARSE, "/query",
                                "the query holds U+0000 at byte %zu", strlen(query));
    LLMSPELL_CLEANUP_FREE char *program = build_program(query, size);
    if (!program)
        return llmspell_fail(engine->call, LLMSPELL_ENOMEM, "out of memory");
    jq_set_error_cb(engine->jq, keep_message, engine);
    jq_set_debug_cb(engine->jq, drop_message, NULL);
    if (!jq_compile(engine->jq, program))
        return fail_compile(engine);
    jq_set_error_cb(engine->jq, drop_message, NULL);
    return 0;
}

/* ---- running ---- */

/* Why a run raised an error: the text of a string, else as jq says it. */
static int32_t fail_error(struct engine *engine, jv error)
{
    jv text = jv_get_kind(error) == JV_KIND_STRING
                  ? error
                  : jv_string_concat(jv_dump_string(error, 0), jv_string(" (not a string)"));
    int32_t rc =
        llmspell_fail_at(engine->call, LLMSPELL_EFAILED, "/query", "%s", jv_string_value(text));
    jv_free(text);
    return rc;
}

/* What the last, invalid value of a run means. */
static int32_t finish(struct engine *engine, jv last)
{
    jv error = jv_invalid_get_msg(last); /* null if there is none */
    int32_t stop = atomic_load(&engine->stop);
    if (stop == 0 && jq_halted(engine->jq)) { /* halt_error has a message, halt has none */
        jv_free(error);
        error = jq_get_error_message(engine->jq);
    }
    if (stop == 0 && jv_is_valid(error) && jv_get_kind(error) != JV_KIND_NULL)
        return fail_error(engine, error);
    jv_free(error);
    return check_stop(engine);
}

static int32_t append(struct engine *engine, json_t *results, jv value)
{
    bool deep;
    json_t *json = jq_value_json(value, &deep);
    if (deep)
        return llmspell_fail_at(engine->call, LLMSPELL_ELIMIT, "/query",
                                "a result is nested deeper than %d levels", JQ_DEPTH_MAX);
    return json_array_append_new(results, json) == 0
               ? 0
               : llmspell_fail(engine->call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t run(struct engine *engine, const json_t *document, json_t *results)
{
    jq_start(engine->jq, jq_value_new(document), 0);
    for (;;) {
        jv value = jq_next(engine->jq);
        if (!jv_is_valid(value))
            return finish(engine, value);
        int32_t rc = append(engine, results, value);
        if (rc == 0)
            rc = check_stop(engine);
        if (rc < 0 || json_array_size(results) > RESULTS_MAX)
            return rc;
    }
}

static void give_up(void *argument)
{
    struct engine *engine = argument;
    longjmp(engine->no_memory, 1);
}

/* What jq held when memory ran out is lost: the limit is that of the tool's process. */
static int32_t guarded_run(struct engine *engine, const json_t *params, const json_t *document,
                           json_t *results)
{
    if (setjmp(engine->no_memory)) {
        watch_end(engine);
        return llmspell_fail_at(engine->call, LLMSPELL_ELIMIT, "/query",
                                "the query needs more memory than there is");
    }
    jq_set_nomem_handler(engine->jq, give_up, engine);
    int32_t rc = compile(engine, params);
    if (rc == 0)
        rc = watch_start(engine);
    if (rc == 0)
        rc = run(engine, document, results);
    watch_end(engine);
    jq_teardown(&engine->jq);
    return rc;
}

int32_t query_run(struct llmspell_call *call, const json_t *params, const json_t *document,
                  json_t **ret_result)
{
    struct engine engine = {
        .call = call, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    LLMSPELL_CLEANUP_JSON json_t *results = json_array();
    engine.jq = jq_init();
    if (!results || !engine.jq)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = guarded_run(&engine, params, document, results);
    if (rc < 0)
        return rc;
    bool truncated = json_array_size(results) > RESULTS_MAX;
    if (truncated)
        json_array_remove(results, RESULTS_MAX);
    return llmspell_return(call, ret_result,
                           json_pack("{s:O, s:I, s:b}", "results", results, "count",
                                     (json_int_t)json_array_size(results), "truncated", truncated));
}
