/* SPDX-License-Identifier: Apache-2.0
 * What the rest of the runtime tells its debugger (debug/), and asks it. All of it costs a look at
 * one pointer while no debugger is attached. */
#ifndef LUA_RUNTIME_TRACE_H
#define LUA_RUNTIME_TRACE_H

#include "state.h"

/* A coroutine that runs, and who resumed it: on the C stack of coroutine.c. */
struct coroutine_link {
    struct coroutine_link *up;
    lua_State *from, *co;
    const void *base; /* what the hook knows of `from` */
    unsigned epoch;
};

/* A debugger is attached. */
#define TRACE_IS_ON(rt) __builtin_expect((rt)->debug != NULL, 0)

/* ---- session.c ---- */
int32_t debuggee_request(struct runtime *rt, const json_t *content, json_t **ret_reply);
void trace_close(struct runtime *rt); /* before the state is closed */

/* ---- hook.c: only while TRACE_IS_ON ---- */
void trace_switch(struct runtime *rt, lua_State *next); /* this thread runs now */
void trace_resume(struct runtime *rt, struct coroutine_link *link);
void trace_resumed(struct runtime *rt, struct coroutine_link *link, int status);
/* At a safe point of code that goes on: puts the debugger's hook in place, which gets the event. */
void trace_attend(struct runtime *rt, lua_State *L, lua_Debug *activation);
void trace_entry(struct runtime *rt);        /* a chunk is about to be run */
int trace_is_busy(const struct runtime *rt); /* in a hook: no request may run now */
void trace_created(lua_State *co);           /* a new coroutine */
void trace_ends(struct runtime *rt);         /* a request that ran code ends */

/* ---- chain.c ---- */
void trace_open(lua_State *L); /* after the libraries are there */

/* ---- script.c ---- */
/* A cell is about to be compiled; its name becomes one that no other text has. */
void trace_cell(struct runtime *rt, char *name, size_t room, struct code code);
/* The function at the index has been compiled, of text (NULL: of a file). */
void trace_loaded(lua_State *L, int index, struct code text);

/* ---- exception.c ---- */
/* In a message handler, with the error at 1. is_last: nobody will catch it. */
void trace_error(lua_State *L, int is_last);
int trace_wants_errors(const struct runtime *rt); /* also those that are caught */

/* ---- output.c ---- */
/* 1: the text has been dealt with. */
int trace_write(struct runtime *rt, int32_t stream, const char *text, size_t size);
void trace_print(lua_State *L, int count); /* the values 1 … count are about to be printed */

/* ---- launch.c ---- */
const char *trace_getenv(const struct runtime *rt, const char *name);
/* The environment of children, made of the process's own; freed by the other one. */
char **trace_environment(const struct runtime *rt, char **own);
void trace_environment_free(char **all, char **own);

/* ---- completion.c ---- */
/* Pushes the table of names that stands for the globals; 0, and anything pushed: there is none. */
int trace_push_names(lua_State *L);

#endif
