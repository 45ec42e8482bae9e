/* SPDX-License-Identifier: Apache-2.0
 * The debuggee's half of the debugger (docs/debuggee.md): what its files share. One struct debug
 * for each runtime, made by the first attach. All of it runs on the executor's thread. */
#ifndef LUA_RUNTIME_DEBUG_H
#define LUA_RUNTIME_DEBUG_H

#include "../state.h"
#include "../text.h"
#include "../trace.h"

#define DEBUG_SLOTS 1024     /* functions whose breakpoints are remembered; a power of two */
#define DEBUG_CHUNKS 256     /* buckets */
#define DEBUG_SCRIPTS 4000   /* that are known at a time */
#define DEBUG_KEPT 1000      /* printed values */
#define DEBUG_NAME "(debug)" /* the chunk of an expression */

/* ---- breakpoints ---- */

struct breakpoint {
    int id;
    int wanted; /* line, as asked for */
    int line;   /* where it stands; 0: nowhere yet */
    int is_verified;
    const char *message; /* a literal: why it is not verified */
    char *name;          /* of a function, or NULL */
    char *condition, *hit_condition, *log_message;
    uint64_t hits;
};

struct breakpoints {
    struct breakpoint *items;
    size_t count;
};

/* A file, a cell, or a text that was loaded: what clients call a source. */
struct script {
    struct script *next;
    char *path;    /* absolute, as the client writes it; NULL: no file */
    char *real;    /* without symbolic links; or NULL */
    char *name;    /* that is shown */
    int reference; /* sourceReference; 0: it has a path */
    int is_cell;
    int is_loaded; /* code of it has been compiled to run */
    char *text;    /* what it was compiled from; NULL: the file */
    size_t size;
    int has_functions;
    struct script_function {
        int line;
        char *name;
    } * functions; /* where they are defined, and under which name */
    size_t function_count;
    struct breakpoints lines;
    unsigned char *marks; /* a bit for each line with a breakpoint */
    int mark_end;         /* the first line without a bit */
};

/* A name that Lua knows a chunk by. */
struct chunk {
    struct chunk *next;
    struct script *script;
    char name[];
};

/* ---- hooks ---- */

struct slot {
    const void *function; /* its prototype; NULL: free */
    int line;             /* where it is defined; only without the layout */
    struct script *script;
    struct breakpoint *entry;                       /* of the function's name */
    unsigned char has_lines, is_internal, is_plain; /* is_plain: nothing stops in it */
};

/* Where the parts of Lua's structs are that a cheap hook needs; is_known: they were checked. */
struct layout {
    int is_known;
    size_t mask; /* of lua_State's hookmask */
};

enum go { GO_NONE, GO_CONTINUE, GO_NEXT, GO_IN, GO_OUT };

/* What ends a step. */
struct step {
    lua_State *L;       /* a line of this thread; NULL: none */
    int any;            /* a line of any thread */
    int depth;          /* of requests */
    const void *frame;  /* in this frame */
    const void *bottom; /* the thread's lowest frame; positions count from it */
    size_t position;    /* or in one below this */
    char *target;       /* stepInTargets: the function that is meant; or NULL */
    const char *reason;
};

/* The hook that the script has set on a thread. */
struct chain {
    lua_State *L;
    lua_Hook function;
    int mask, count;
};

struct data_breakpoint {
    int id, data_id;
    char *condition, *hit_condition;
    uint64_t hits;
};

/* ---- a stop ---- */

struct exception {
    int is_there;
    int is_uncaught;
    char *name, *message, *traceback;
};

struct stopped {
    lua_State *L;                       /* where; NULL: not stopped */
    lua_State *bottom;                  /* the thread that the request began on */
    const struct coroutine_link *links; /* who resumed whom */
    struct llmspell_call *call;         /* the request whose code it is */
    lua_Integer thread;
    int is_over; /* `continued` has been sent */
    struct exception exception;
};

/* What a variablesReference stands for. */
enum handle_kind {
    HANDLE_LOCALS,
    HANDLE_VARARGS,
    HANDLE_UPVALUES,
    HANDLE_GLOBALS,
    HANDLE_LIBRARY, /* the globals that were there from the start */
    HANDLE_VALUE,
    HANDLE_KEPT /* a value that was printed */
};

struct handle {
    enum handle_kind kind;
    int frame;         /* its id; 0: none */
    lua_Integer value; /* index in the table of values */
    size_t first;      /* children before this one are passed over */
    char *expression;  /* that gives the value; or NULL */
};

/* The frames of a thread have numbers one after the other. */
struct frame_block {
    lua_State *L;
    int thread, first, total;
    int top, end; /* levels that are shown: top … end - 1 */
    int is_renamed;
};

struct debug {
    struct runtime *rt;
    int is_attached, has_layout;
    int quiet;       /* no stop now: it is stopped already, or evaluates */
    int mute;        /* what is written is dropped */
    int plain;       /* values are shown without metamethods */
    int is_simple;   /* the thread of base_L looks only for breakpoints of lines and functions */
    int hex;         /* and integers as the request that runs wishes */
    int everywhere;  /* breakpoints that any thread may reach */
    unsigned epoch;  /* grows when breakpoints change */
    int has_changed; /* they have, and what runs does not know yet */
    json_int_t seq;

    struct debug_options {
        int stop_on_entry, output, has_cells;
        char *prefix, *suffix;
        uint32_t seed;
    } options;

    struct layout layout;
    struct slot slots[DEBUG_SLOTS];
    size_t slots_protos; /* rt->protos when the slots were filled */
    lua_State *base_L;   /* the thread that base belongs to */
    const void *base;    /* its outermost frame that has a breakpoint */
    const void *entry;   /* frame that has been entered over a function breakpoint */
    struct breakpoint *entry_breakpoint;
    struct chain *chains;
    size_t chain_count;
    lua_State *scratch; /* for conditions */

    struct script *scripts;
    size_t script_count;
    struct chunk *chunks[DEBUG_CHUNKS];
    int next_reference;

    int next_id; /* of breakpoints */
    size_t line_count;
    struct breakpoints functions;
    struct data_breakpoint *data;
    size_t data_count;
    struct {
        int raised, uncaught;
        char *raised_condition, *uncaught_condition;
    } exceptions;
    lua_State *error_L; /* has the error, at this index, that is looked at; NULL: none */
    int error_index;
    int seen_error; /* it was shown in a coroutine, and comes up again in the one above */

    int pause;
    enum go go;
    char *go_target;
    struct step step;
    struct stopped stopped;
    unsigned stop_count; /* frames of another stop are gone */
    int in_hook;         /* an expression runs in the midst of a hook: nothing else may */

    lua_Integer next_thread;
    struct frame_block *blocks;
    size_t block_count;
    int next_frame;
    struct handle *handles;
    size_t handle_count, handle_room;
    int handle_base; /* the reference of handle 0 */
    lua_Integer next_value;
    struct handle kept;
    int kept_count;
    int printed;    /* the reference of what is about to be written; 0: none */
    char **targets; /* of stepInTargets, by their ids */
    size_t target_count;
};

/* ---- session.c ---- */
void debug_emit(struct debug *debug, const char *event, json_t *body);
/* Calls function(rt->L) protected; for what may raise. 0, or a failure with its message. */
int32_t debug_protect(struct debug *debug, lua_CFunction function, void *data);

/* The command that runs begins anew, with a deadline; 0: none. */
void debug_deadline(struct debug *debug, double seconds);

/* ---- layout.c: reads of Lua's own structs, which only go ahead if all of them were proved ---- */
void layout_find(struct layout *ret_layout);
static inline const void *layout_previous(const void *frame)
{
    return ((const void *const *)frame)[2];
}
/* The function's prototype; NULL of a C function. */
static inline const void *layout_function(const void *frame)
{
    enum { LUA_CLOSURE = 0x46 }; /* the tag of a slot with a Lua function */
    const unsigned char *slot = *(const unsigned char *const *)frame;
    if (slot[8] != LUA_CLOSURE)
        return NULL;
    return *(const void *const *)(*(const unsigned char *const *)slot + 24);
}
static inline volatile int *layout_mask(const struct layout *layout, lua_State *L)
{
    return (volatile int *)((char *)L + layout->mask);
}
/* The frame looks at the mask again when it goes on. */
static inline void layout_trap(const void *frame)
{
    if (layout_function(frame))
        *(volatile int *)((uintptr_t)frame + 40) = 1;
}

/* ---- hook.c ---- */
void hook_changed(struct debug *debug); /* breakpoints, or who may be stopped */
void hook_install(struct debug *debug, lua_State *L);
void hook_remove_all(struct debug *debug, lua_State *L);
int hook_is_own(lua_State *L);
void hook_uninstall(lua_State *L);
int hook_is_wanted(const struct debug *debug, lua_State *L); /* has the thread a hook? */
void hook_begin_thread(struct debug *debug, lua_State *L);
const void *hook_unknown(void); /* the base of a thread that has not been looked at */
void hook_event(lua_State *L, lua_Debug *activation);
void hook_stop(struct debug *debug, lua_State *L, const char *reason, json_t *hits);
void hook_put_back(struct debug *debug, lua_State *L, int mask);

/* ---- chain.c ---- */
struct chain *chain_of(const struct debug *debug, const lua_State *L);
int chain_keep(struct debug *debug, lua_State *L);
void chain_drop(struct debug *debug, lua_State *L);
void chain_restore(struct debug *debug, lua_State *L);
int chain_call(struct debug *debug, lua_State *L, lua_Debug *activation);

/* ---- step.c ---- */
void step_begin(struct debug *debug, lua_State *L, enum go go);
void step_clear(struct debug *debug);
int step_is_wanted(const struct debug *debug, lua_State *L, const void *frame);
int step_reached(const struct debug *debug, lua_State *L, const lua_Debug *activation);
void step_call(struct debug *debug, lua_State *L, lua_Debug *activation);
void step_return(struct debug *debug, lua_State *L, const lua_Debug *activation);

/* ---- script.c, lines.c ---- */
struct script *script_of_chunk(struct debug *debug, const char *chunk); /* found or made */
struct script *script_find(struct debug *debug, const char *chunk);     /* only files are made */
char *script_normalize(const char *path); /* absolute, without . and ..; to be freed */
struct script *script_at(struct debug *debug, const char *path); /* found or made */
struct script *script_of_reference(struct debug *debug, json_int_t reference);
/* Of a DAP source {"path" or "sourceReference"}; NULL: it names none. */
struct script *script_of_source(struct debug *debug, const json_t *source);
json_t *script_source(const struct script *script); /* as DAP's Source */
/* Its text; *ret_own: to be freed. 0: it cannot be read. */
int script_text(const struct script *script, struct code *ret_code, char **ret_own);
/* A chunk was compiled: of `text`, or of a file. */
void script_note(struct debug *debug, const char *chunk, struct code text);
void script_loaded(struct debug *debug, struct script *script);
void script_options_changed(struct debug *debug);
void script_known_files(struct debug *debug); /* those that were loaded before */
/* A cell by its text, as Lua names it (chunk NULL: it is not compiled yet). */
struct script *script_note_cell(struct debug *debug, const char *chunk, struct code code);
void script_clear(struct debug *debug);
/* The name under which the function at a line is defined, or NULL. */
const char *script_function(struct script *script, int line);
int script_is_internal(const char *chunk);
char *script_cell_path(const struct debug *debug, struct code code);

struct line_set {
    unsigned char *bits;
    int end; /* the first line without a bit */
};
/* The lines with code of the function on top and all inside it. -1: they cannot be told. */
int lines_of_function(lua_State *L, struct line_set *ret_set);
/* The same of a text, which is compiled for it. */
int lines_of_text(lua_State *L, struct code code, struct line_set *ret_set);
int lines_next(const struct line_set *set, int line); /* the first one from here on; 0: none */
static inline int lines_has(const unsigned char *bits, int end, int line)
{
    return line >= 0 && line < end && (bits[line / 8] >> line % 8 & 1);
}

/* ---- breakpoint*.c ---- */
int32_t breakpoint_set_lines(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t breakpoint_set_functions(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t breakpoint_locations(struct debug *debug, const json_t *arguments, json_t **ret_body);
void breakpoint_resolve(struct debug *debug, struct script *script); /* tells of what changed */
struct breakpoint *breakpoint_of_function(struct debug *debug, lua_State *L, lua_Debug *about,
                                          struct script *script);
void breakpoint_clear(struct breakpoints *set);
void breakpoint_clear_all(struct debug *debug);
/* At a line with breakpoints: ids of those to stop at, NULL if there are none. */
json_t *breakpoint_hit(struct debug *debug, lua_State *L, struct script *script, int line);
/* Counts a hit: 1 if it has to stop, by its condition, hit condition and log message. */
int breakpoint_counts(struct debug *debug, lua_State *L, struct breakpoint *breakpoint);
int breakpoint_hit_matches(const char *condition, uint64_t hits); /* -1: it is none */
int hit_condition_holds(struct debug *debug, lua_State *L, const char *condition);

/* ---- stop.c ---- */
struct stop_reason {
    const char *reason, *description;
    const char *text;
    json_t *hits; /* taken over */
};
void stop_here(struct debug *debug, lua_State *L, const struct stop_reason *why);
void stop_let_go(struct debug *debug); /* the debugger goes: so does what it has stopped */
int32_t stop_go_on(struct debug *debug, const json_t *arguments, enum go go, json_t **ret_body);

/* ---- thread.c ---- */
void thread_open(struct debug *debug, lua_State *L);
lua_Integer thread_id(struct debug *debug, lua_State *L, lua_State *thread); /* L: to work on */
void thread_known(lua_State *L, lua_State *thread); /* it has had our hook */
lua_State *thread_find(struct debug *debug, lua_State *L, lua_Integer id);
int32_t thread_list(struct debug *debug, const json_t *arguments, json_t **ret_body);
void thread_each(struct debug *debug, lua_State *L, void (*visit)(lua_State *thread));
void thread_ended(struct debug *debug, lua_State *L, lua_State *thread);

/* ---- frame.c ---- */
struct frame_at {
    lua_State *L;
    int level;
    lua_Debug activation;
};
int32_t frame_list(struct debug *debug, const json_t *arguments, json_t **ret_body);
void frame_rename(struct debug *debug, const struct frame_at *at);
int frame_find(struct debug *debug, int id, struct frame_at *ret_at); /* 0: no such frame */
/* The same, or a failure with a message. *ret_has: a frame was asked for. */
int32_t frame_argument(struct debug *debug, const json_t *arguments, const char *name,
                       struct frame_at *ret_at, int *ret_has);
int frame_top(struct debug *debug, lua_State *L, struct frame_at *ret_at);
void frame_forget(struct debug *debug);
int frame_id(struct debug *debug, lua_State *L, int level);

/* ---- names.c ---- */
/* Finds a local variable (n > 0), a vararg (n < 0); pushes its value onto L. 0: there is none. */
int names_push_local(lua_State *L, struct frame_at *at, int n, const char **ret_name);
int names_push_upvalue(lua_State *L, struct frame_at *at, int n, const char **ret_name);
int names_find_local(struct frame_at *at, const char *name);
int names_find_upvalue(lua_State *L, struct frame_at *at, const char *name);
/* Pops the value from L and sets it. */
void names_set_local(lua_State *L, struct frame_at *at, int n);
void names_set_upvalue(lua_State *L, struct frame_at *at, int n);
void names_push_environment(lua_State *L, struct frame_at *at); /* the frame's _ENV */
int names_push_varargs(lua_State *L, struct frame_at *at);      /* how many */
int32_t names_scopes(struct debug *debug, const json_t *arguments, json_t **ret_body);
/* Pushes a table with the names that a frame sees; at NULL: the globals. */
void names_push_all(lua_State *L, struct frame_at *at);

/* ---- expression.c ---- */
/* Compiles code to run inside a frame (NULL: the globals) and pushes the function and its
 * arguments. The number of these; -1: the message of a syntax error is on top. */
int expression_push(lua_State *L, struct debug *debug, struct code code, struct frame_at *at);
/* The same for "target = …", which takes its value as the one argument. */
int expression_push_assignment(lua_State *L, struct debug *debug, const char *target,
                               struct frame_at *at);
/* Evaluates in the topmost frame of a thread that is in a hook: pushes the value onto the scratch
 * thread, which is returned; NULL: it failed, *ret_message says why (to be freed). */
lua_State *expression_in_hook(struct debug *debug, lua_State *L, const char *code,
                              char **ret_message);
int32_t expression_evaluate(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t expression_set(struct debug *debug, const json_t *arguments, json_t **ret_body);
void expression_strip(lua_State *L, int index); /* "(debug):1: " goes from a message */

/* ---- handle.c, value.c, variable.c ---- */
int handle_new(struct debug *debug, struct handle handle);
int handle_of_value(struct debug *debug, lua_State *L, int index, char *expression);
struct handle *handle_find(struct debug *debug, json_int_t reference);
void handle_push(lua_State *L, const struct handle *handle);
int handle_keep(struct debug *debug, lua_State *L, int index); /* for longer than a stop */
void handle_forget_kept(struct debug *debug);
void handle_clear(struct debug *debug);
/* Adds value, type, variablesReference and the counts of children to out. expression is taken
 * over; NULL: it has none. */
void value_describe(struct debug *debug, lua_State *L, int index, json_t *out, char *expression);
const char *value_type(const struct debug *debug, lua_State *L, int index); /* "" for none */
int32_t variable_list(struct debug *debug, const json_t *arguments, json_t **ret_body);
#define VARIABLE_NAME_MAX 200 /* bytes of a key that is written out */
int variable_is_name(const char *text, size_t size);
/* The name of the key on top, and the expression of its value (to be freed). */
json_t *variable_name(lua_State *L, const char *parent, char **ret_expression);
/* The handle of a request's variablesReference, and its frame, if it has one. */
int32_t variable_handle(struct debug *debug, const json_t *arguments, struct handle *ret_handle,
                        struct frame_at *ret_at);
int32_t variable_set(struct debug *debug, const json_t *arguments, json_t **ret_body);

/* ---- exception.c ---- */
int32_t exception_set(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t exception_info(struct debug *debug, const json_t *arguments, json_t **ret_body);
void exception_clear(struct exception *exception);
void exception_reset(struct debug *debug);
/* A coroutine has ended with an error. */
void exception_in_coroutine(struct debug *debug, const struct coroutine_link *link);

/* ---- data.c ---- */
int32_t data_info(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t data_set(struct debug *debug, const json_t *arguments, json_t **ret_body);
void data_clear(struct debug *debug);
/* Ids of the data breakpoints whose value has changed; NULL: none. */
json_t *data_changed(struct debug *debug, lua_State *L);

/* ---- script.c, completion.c, target.c, jupyter.c ---- */
int32_t script_list(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t script_content(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t script_modules(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t completion_list(struct debug *debug, const json_t *arguments, json_t **ret_body);
void target_choose(struct debug *debug, const json_t *arguments); /* of stepIn */
int32_t target_list(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t jupyter_cell(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t jupyter_inspect(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t jupyter_rich(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t jupyter_copy(struct debug *debug, const json_t *arguments, json_t **ret_body);

/* ---- launch.c ---- */
int32_t launch_set(struct debug *debug, const json_t *arguments, json_t **ret_body);
int32_t launch_reset(struct runtime *rt, json_t **ret_body); /* outside of any code */

#endif
