/* SPDX-License-Identifier: Apache-2.0
 * JSON pointers: made of places, and followed. */
#include "validation.h"

static size_t token_size(const struct place *place)
{
    size_t size = place->at + 1;
    if (!place->key)
        return (size_t)snprintf(NULL, 0, "/%zu", place->at);
    for (size_t i = 0; i < place->at; i++)
        size += place->key[i] == '~' || place->key[i] == '/';
    return size;
}

/* Writes a token at out, which has room for it. */
static void write_token(char *out, const struct place *place)
{
    *out++ = '/';
    if (!place->key) {
        char digits[24];
        int length = snprintf(digits, sizeof digits, "%zu", place->at);
        memcpy(out, digits, (size_t)length);
        return;
    }
    for (size_t i = 0; i < place->at; i++) {
        bool escaped = place->key[i] == '~' || place->key[i] == '/';
        if (escaped)
            *out++ = '~';
        *out++ = (char)(!escaped ? place->key[i] : place->key[i] == '~' ? '0' : '1');
    }
}

char *place_pointer(const char *prefix, const struct place *place)
{
    size_t length = strlen(prefix), begin = length;
    for (const struct place *step = place; step; step = step->parent)
        length += token_size(step);
    char *text = malloc(length + 1);
    if (!text)
        return NULL;
    text[length] = '\0';
    for (const struct place *step = place; step; step = step->parent) {
        length -= token_size(step);
        write_token(text + length, step);
    }
    memcpy(text, prefix, begin);
    return text;
}

/* Undoes the escapes of a token in place; returns its end. */
static char *unescape(char *token)
{
    char *out = token;
    while (*token && *token != '/') {
        char c = *token++;
        if (c == '~')
            c = *token++ == '0' ? '~' : '/';
        *out++ = c;
    }
    return out;
}

json_t *pointer_find(json_t *root, const char *pointer)
{
    LLMSPELL_CLEANUP_FREE char *copy = strdup(pointer);
    json_t *value = copy ? root : NULL;
    for (char *at = copy && *copy ? copy : NULL; value && at;) {
        char *token = at + 1, *next = strchr(token, '/'), *end = unescape(token);
        *end = '\0';
        value = json_is_array(value) ? json_array_get(value, strtoul(token, NULL, 10))
                                     : json_object_get(value, token);
        at = next;
    }
    return value;
}
