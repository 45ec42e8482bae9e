/* SPDX-License-Identifier: Apache-2.0
 * Comms inside the Lua runtime: shared by comm.c (the global Comm), comm_request.c (what clients
 * send) and widget.c (the global Widget, which is built on Comm). */
#ifndef LUA_RUNTIME_COMM_H
#define LUA_RUNTIME_COMM_H

#include "state.h"

/* In the registry: an id's record {comm object, on_msg, on_close}, and a target's function. */
#define COMM_OPEN "llmspell.comms"
#define COMM_TARGETS "llmspell.comm.targets"
#define COMM_LIBRARY "llmspell.Comm" /* the global table */

enum { RECORD_COMM = 1, RECORD_ON_MSG, RECORD_ON_CLOSE };

/* Makes an open comm and pushes its object. */
void comm_push_new(lua_State *L, const char *id, const char *target);

/* Pushes the record of an open comm; 0 and nothing pushed if there is none. */
int comm_push_record(lua_State *L, const char *id);

/* Forgets it: it is closed. */
void comm_forget(lua_State *L, const char *id);

/* Loads the widgets if the target is one of theirs; then its function is in COMM_TARGETS. */
void widget_load_for(lua_State *L, const char *target);

#endif
