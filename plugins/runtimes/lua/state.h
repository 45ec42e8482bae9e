/* SPDX-License-Identifier: Apache-2.0
 * The Lua runtime's state and what its files offer each other. One struct runtime per executor;
 * each lua_State (the main one and every coroutine) finds it in its extra space. */
#ifndef LUA_RUNTIME_STATE_H
#define LUA_RUNTIME_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <llmspell/runtime.h>
#include <llmspell/tool.h>

#define RUNTIME_RESERVE 1048576 /* bytes, see memory_reserve */
#define RUNTIME_NESTED_MAX 16   /* requests that run in the midst of one another */
#define RUNTIME_DEPTH_MAX 1000  /* nesting of tables and JSON values that is converted */

/* Why the running code has to end. */
enum stop { STOP_NONE, STOP_INTERRUPT, STOP_TIMEOUT, STOP_EXIT };

struct interrupt {
    pthread_mutex_t lock; /* guards running and thread */
    int running;          /* an execution; set by the executor */
    int has_thread, has_timer, has_attend_timer;
    pthread_t thread;     /* the executor */
    timer_t timer;        /* sends INTERRUPT_SIGNAL to the executor: the deadline, and repeats */
    timer_t attend_timer; /* sends ATTEND_SIGNAL once more */
    struct timespec deadline; /* tv_sec 0: none */
    atomic_int stop;          /* enum stop */
    int collector_rests;      /* until the request ends */
    volatile sig_atomic_t repeating, attends_again;
    unsigned stop_signals;       /* that came for this stop; the handler's */
    lua_State *volatile current; /* the running coroutine; for the signal handler */
    atomic_int attend;           /* requests of other shells wait */
    struct script_hook {         /* what debug.sethook set, while our hook is in its place */
        lua_State *volatile L;   /* NULL: none */
        lua_Hook function;
        int mask, count;
    } script_hook;
};

/* What of struct interrupt belongs to a request, while another one runs in its midst. */
struct interrupt_rest {
    int running, stop;
    lua_State *current;
    struct timespec deadline, since;
};

struct stream {
    FILE *file;      /* what io.stdout, io.stderr, io.stdin use; NULL without io */
    luaL_Stream *io; /* these, which hold the file for Lua; NULL without io */
    char tail[4];    /* first bytes of a character whose rest has not been written yet */
    uint32_t used;   /* bytes of tail */
};

/* What display and its like know of the cell that runs. */
struct shown {
    int silent;
    json_t *payload; /* of its reply; NULL: none yet */
};

struct runtime {
    const struct llmspell_host *host;
    struct llmspell_ctx *ctx;
    const struct llmspell_executor *executor;
    struct llmspell_call *call; /* the request that runs; NULL between requests */
    const char *msg_type;       /* its type */
    lua_State *L;               /* of the request that runs: the main state, or one of nested */

    lua_State *nested[RUNTIME_NESTED_MAX]; /* made when first needed, then kept */
    int depth;                             /* how many of them run */
    int was_nested; /* requests ran in the midst of this one, see interrupt_pending */

    atomic_size_t memory_used; /* bytes; [any-thread] may read it */
    size_t memory_limit;       /* bytes; 0: none */
    size_t memory_reserve; /* beyond the limit, for all but the script: else a full state could not
                              even compile the line that empties it */
    int starved;           /* the next request for memory fails once: Lua then collects garbage */
    size_t garbage;        /* bytes that looking at values has left, see scope_call */
    double timeout_s;      /* 0: none */
    int safe;

    struct interrupt interrupt;
    int exit_code;   /* of os.exit, with STOP_EXIT */
    char *traceback; /* of the last uncaught error; malloc'ed or NULL */

    struct stream streams[3]; /* stdin, stdout, stderr */
    json_t *line;             /* the line that io.read is in the midst of */
    size_t line_used;         /* its bytes (newline included) already taken */
    int32_t input_error;      /* why the last read of stdin ended; 0 or negative */
    int warnings;             /* warn("@on") */
    struct sources *sources;  /* of cells, see source.h; NULL until one is kept */

    struct shown *shown; /* of the innermost cell that runs; NULL outside of cells */
    int displaying;      /* calls of __display that are under way, one in the other */
    uint64_t display_seed, display_count; /* of the ids that display makes; seed 0: not yet */

    struct debug *debug;         /* debug/debug.h; NULL: no debugger is attached */
    struct debug *debugger;      /* the same, kept for the next one */
    struct coroutine_link *link; /* the innermost coroutine that was resumed */
    size_t protos;               /* prototypes of functions that were made */
    char *path;                  /* of the configuration */
    json_t *environment;         /* what a debugger's launch put over the process's; or NULL */

    struct child *children; /* of io.popen: those that nobody has waited for */
    uint64_t cell, cells;   /* the one that runs, which is theirs; 0: none. How many there were */
    int collecting;         /* the collector closes a file: it must not wait */
    int closing;            /* the state is being closed */
};

static inline struct runtime *runtime_of(lua_State *L)
{
    return *(struct runtime **)lua_getextraspace(L);
}

/* ---- state.c: the Lua state, its allocator and libraries ---- */
int32_t state_open(struct runtime *rt, struct llmspell_call *call, const char *path);
void state_close(struct runtime *rt);
/* Calls function(L) with data as light userdata, protected. The Lua status; the error is left on
 * the stack, which the caller clears with lua_settop(rt->L, 0). */
int state_call(struct runtime *rt, lua_CFunction function, void *data);
void state_push_baseline(lua_State *L); /* a copy of the globals as they were at the start */

/* ---- safe.c ---- */
void safe_openlibs(lua_State *L); /* instead of luaL_openlibs */
void safe_limit(lua_State *L);    /* after package.path is set */

/* ---- interrupt.c ---- */
int32_t interrupt_open(struct runtime *rt, struct llmspell_call *call);
void interrupt_close(struct runtime *rt);
void interrupt_begin(struct runtime *rt);
void interrupt_end(struct runtime *rt);
void interrupt_request(struct runtime *rt);                /* [any-thread] */
void interrupt_stop(struct runtime *rt, enum stop reason); /* the code has to end; does not raise */
enum stop interrupt_pending(struct runtime *rt);           /* asks the host, too */
void interrupt_check(lua_State *L);                        /* raises if the code has to end */
int interrupt_raise(lua_State *L);                         /* never returns */
void interrupt_switch(struct runtime *rt, lua_State *next); /* another coroutine runs now */
void interrupt_attend(struct runtime *rt);                  /* [any-thread] */
/* A hook was set: what came meanwhile takes its place. */
void interrupt_recheck(struct runtime *rt, lua_State *L);
int interrupt_has_hook(lua_State *L); /* that of an interrupt, for a moment */
/* The deadline rests in between. */
void interrupt_hold(struct runtime *rt, struct interrupt_rest *ret_rest);
void interrupt_release(struct runtime *rt, const struct interrupt_rest *rest);
void interrupt_suspend(struct runtime *rt, struct interrupt_rest *ret_rest);
void interrupt_resume(struct runtime *rt, const struct interrupt_rest *rest);

/* ---- nest.c: a request in the midst of another ---- */
struct nest {
    struct interrupt_rest interrupt;
    struct llmspell_call *call;
    const char *msg_type;
    struct shown *shown;
    int displaying;
    lua_State *L;
    size_t memory_reserve;
    int exit_code;
    char *traceback;
    struct stream streams[3];
    json_t *line;
    size_t line_used;
    int32_t input_error;
};
/* Puts aside what belongs to the request that runs (if one does), and brings it back. */
int32_t nest_begin(struct runtime *rt, struct llmspell_call *call, struct nest *ret_nest);
void nest_end(struct runtime *rt, const struct nest *nest);
void nest_serve(struct runtime *rt); /* runs what waits of other shells */

/* The same without asking the host, for loops of C code: one load. */
static inline void interrupt_look(lua_State *L)
{
    if (__builtin_expect(
            atomic_load_explicit(&runtime_of(L)->interrupt.stop, memory_order_relaxed) != 0, 0))
        interrupt_raise(L);
}

/* ---- strings.c, tables.c, heavy.c: functions of Lua that give way to an interrupt ---- */
#define RUNTIME_SLICE 65536 /* bytes that are copied between two looks */
void strings_open(lua_State *L);
void tables_open(lua_State *L);
void heavy_open(lua_State *L);

/* ---- process.c: os.execute, io.popen ---- */
void process_open(lua_State *L);
/* The number of the cell around it, for process_cell_ends. */
uint64_t process_cell_begins(struct runtime *rt);
void process_cell_ends(struct runtime *rt, uint64_t outer, int stopped); /* stopped: its children
                                                                            end, too */
void process_close(struct runtime *rt);

/* ---- coroutine.c, system.c, output.c, input.c ---- */
void coroutine_open(lua_State *L);
int coroutine_catches(lua_State *L);    /* the function on top keeps errors from its caller */
int coroutine_propagates(lua_State *L); /* what runs is the function of coroutine.wrap */
void system_open(lua_State *L);
void output_open(lua_State *L);
void output_write(struct runtime *rt, int32_t stream, const char *text, size_t size);
void output_flush(struct runtime *rt);    /* what is held back of both streams */
void output_unbuffer(struct runtime *rt); /* only what the script's own buffers hold */
void output_emit(struct runtime *rt, const char *msg_type, json_t *content);
void output_close(struct runtime *rt);
void input_open(lua_State *L); /* after output_open: wraps the readers of io */
ssize_t input_read(void *cookie, char *buffer, size_t size);
int input_line(lua_State *L);         /* the function Kernel.input */
void input_reset(struct runtime *rt); /* forgets what is left of a line */

/* ---- execute.c, complete.c, inspect.c, is_complete.c: the requests ---- */
int32_t execute_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
int32_t complete_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
int32_t inspect_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
int32_t is_complete_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
/* Calls the script's function below its arguments; the values or the error stay. Handler at 1. */
int execute_call(lua_State *L, int arguments);

/* ---- comm.c, comm_request.c, widget.c ---- */
void comm_open_library(lua_State *L);
int32_t comm_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
int32_t comm_info_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
void widget_open_library(lua_State *L); /* after comm_open_library */

/* ---- chunk.c ---- */
struct code {
    const char *text;
    size_t size;
};
/* Compiles code so that its last expression is returned; leaves the function or the message. */
int chunk_load(lua_State *L, struct code code, const char *name);
/* Compiles code with "return" put in at offset (0: code is an expression list). */
int chunk_load_returning(lua_State *L, struct code code, size_t offset, const char *name);
/* True if the last statement of code is an expression; *ret_start: its offset. */
int chunk_tail(struct code code, size_t *ret_start);
/* Drops a byte order mark and makes a first line that starts with #! empty. */
struct code chunk_trim(struct code code);

/* ---- report.c: error replies ---- */
int report_handler(lua_State *L);               /* message handler: keeps the traceback */
json_t *report_error(lua_State *L, int status); /* of the error object on top */
json_t *report_stop(struct runtime *rt);        /* of an interrupt or a timeout */
/* Of a call that failed outside of the script's own code (a stop, or memory that ran out while a
 * value was shown); its error object is on top of rt->L. */
json_t *report_outer(struct runtime *rt, int status);
void report_message(lua_State *L, int index); /* pushes the text of an error object */

size_t report_length(const char *traceback); /* without the kernel's own frame */

/* ---- show.c ---- */
struct text;
void show_values(lua_State *L, int first, int count, struct text *out);
void show_plain(lua_State *L, int index, struct text *out); /* runs no metamethods */
void show_function_name(lua_State *L, int index, struct text *out);
/* On one line of at most so many bytes. */
void show_line(lua_State *L, int index, size_t width, struct text *out);

/* ---- bundle.c, display.c, displaylib.c, display_image.c, payload.c: rich display ---- */
/* A new {"data", "metadata"} that shows the values; the caller owns it, and hands it on before it
 * calls Lua again. A metamethod that fails is a note in text/plain. */
json_t *bundle_values(lua_State *L, int first, int count);
int display_is_handle(lua_State *L, int index); /* what display(…) returns */
void display_open(lua_State *L);
void displaylib_open(lua_State *L);
/* Pushes a value that shows itself as type; plain, its text, is freed. */
void displaylib_push(lua_State *L, const char *type, int value, struct text *plain);
void display_image_open(lua_State *L); /* adds to the table Display on top */
void payload_open(lua_State *L);

/* ---- convert.c, convert_pull.c: Lua values <-> Jansson ---- */
struct convert_error {
    char message[512]; /* "cannot convert a function at .x.y" */
    char pointer[256]; /* JSON pointer of the value */
};
json_t **convert_box(lua_State *L); /* pushes a userdata that owns a json_t (NULL at first) */
int convert_pull(lua_State *L, int index, json_t **box, struct convert_error *ret_error);
/* The same for the parameters of a tool: a function in the table itself, under a name, becomes the
 * text "function:NAME", and its name is appended to *functions (NULL until there is one). */
int convert_pull_params(lua_State *L, int index, json_t **box, json_t **functions,
                        struct convert_error *ret_error);
/* The same, refusing what takes more than about so many bytes of memory. */
int convert_pull_within(lua_State *L, int index, json_t **box, size_t bytes,
                        struct convert_error *ret_error);
void convert_push(lua_State *L, const json_t *value);
void convert_open(lua_State *L);
void convert_mark(lua_State *L, int index, int array); /* marks a table as JSON array or object */
void convert_push_null(lua_State *L);

/* ---- json.c, tools.c, toolcall.c, services.c: globals ---- */
void jsonlib_open(lua_State *L);
void jsonlib_write(lua_State *L, struct text *text, const json_t *value); /* on several lines */
void tools_open(lua_State *L);
json_t *tools_ask(struct runtime *rt, json_t *content);       /* a reply of status ok; else NULL */
json_t *tools_manifest(struct runtime *rt, const char *name); /* a new reference, or NULL */
const char *tools_object_name(lua_State *L, int index);       /* of a tool object; else NULL */
int tools_is_table(lua_State *L, int index);                  /* is it the global Tool? */
int tools_raise_unknown(lua_State *L, const char *wanted);    /* names what may have been meant */
void services_open(lua_State *L);

/* toolcall.c: Sends a tool_request (content is taken over) and pushes a box with the reply. */
json_t **toolcall_request(lua_State *L, const char *msg_type, json_t *content);
/* The same, and a reply that is an error is raised as an error object. */
json_t **toolcall_demand(lua_State *L, const char *tool, json_t *content);
int toolcall_invoke(lua_State *L, const char *name, int params, int options);
/* Raises an error object. path and tool may be NULL. */
int toolcall_error(lua_State *L, const char *code, const char *message, const char *path,
                   const char *tool);
void toolcall_open(lua_State *L);

/* Pops a table and makes it a global and a loaded module (so that tracebacks name its functions).
 */
void state_global(lua_State *L, const char *name);

#endif
