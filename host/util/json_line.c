/* SPDX-License-Identifier: Apache-2.0
 * Steps through a JSON text along a pointer. */
#include "util/json_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct place {
    const char *at, *end;
};

static void skip_space(struct place *place)
{
    while (place->at < place->end && strchr(" \t\r\n", *place->at) && *place->at)
        place->at++;
}

static void skip_string(struct place *place)
{
    for (place->at++; place->at < place->end && *place->at != '"'; place->at++)
        if (*place->at == '\\')
            place->at++;
    place->at += place->at < place->end;
}

/* Any value: to the comma or bracket behind it. */
static void skip_value(struct place *place)
{
    for (int depth = 0; place->at < place->end;) {
        char c = *place->at;
        if (c == '"') {
            skip_string(place);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        place->at++;
    }
}

/* A token of the pointer with ~0 and ~1 undone; returns what follows it. */
static const char *next_token(const char *pointer, char *token, size_t size)
{
    size_t n = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char c = *pointer;
        if (c == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            c = *++pointer == '0' ? '~' : '/';
        if (n < size - 1)
            token[n++] = c;
    }
    token[n] = '\0';
    return pointer;
}

/* From an opening bracket to the value of a member or item; *ret_mark is the place to show. */
static bool enter(struct place *place, const char *token, const char **ret_mark)
{
    bool object = *place->at == '{';
    size_t n = strlen(token), index = strtoul(token, NULL, 10), i = 0;
    for (place->at++; place->at < place->end; place->at++, i++) {
        skip_space(place);
        if (place->at >= place->end || *place->at == '}' || *place->at == ']')
            return false;
        const char *mark = place->at;
        bool found = !object && i == index;
        if (object) {
            skip_string(place);
            found = (size_t)(place->at - mark) == n + 2 && memcmp(mark + 1, token, n) == 0;
            skip_space(place);
            place->at += place->at < place->end; /* the colon */
            skip_space(place);
        }
        if (found) {
            *ret_mark = mark;
            return place->at < place->end;
        }
        skip_value(place);
    }
    return false;
}

int json_line(const char *text, size_t size, const char *pointer)
{
    struct place place = {text, text + size};
    char token[256];
    skip_space(&place);
    const char *mark = place.at;
    while (*pointer == '/' && place.at < place.end && (*place.at == '{' || *place.at == '[')) {
        pointer = next_token(pointer, token, sizeof token);
        if (!enter(&place, token, &mark))
            break;
    }
    int line = 1;
    for (const char *at = text; at < mark; at++)
        line += *at == '\n';
    return line;
}
