/* SPDX-License-Identifier: Apache-2.0
 * What the files of inspect_request share. No code of the script runs. */
#ifndef LUA_RUNTIME_INSPECT_H
#define LUA_RUNTIME_INSPECT_H

#include "call.h"
#include "scope.h"
#include "sheet.h"

struct inspection {
    struct runtime *rt;
    struct scope scope;
    struct code code; /* the whole cell */
    int detail;       /* 1: with source */
    struct sheet sheet;
    struct text title, value; /* scratch */
    json_t *manifest;
    char *own; /* a file's text */
    int found;
};

/* ---- inspect_value.c ---- */
/* Describes the value on top under the name that the scope has found. */
void inspect_value(lua_State *L, struct inspection *in);
/* A local variable of the cell, whose value nobody knows yet. */
void inspect_local(struct inspection *in, const struct local *local);
/* The title: the name that the scope has found, then suffix. */
void inspect_title(struct inspection *in, const char *suffix);

/* ---- inspect_tool.c ---- */
void inspect_tool(struct inspection *in); /* in->manifest */
void inspect_parameter(struct inspection *in, const char *name, const json_t *schema);

#endif
