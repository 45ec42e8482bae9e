/* SPDX-License-Identifier: Apache-2.0
 * Reports violations: builds the two paths and the message, only now that something is wrong.
 * Called by validate_*.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/eval.h"

/* Bytes of one token with its slash. */
static size_t token_size(const struct schema_location *step)
{
    size_t size = step->at + 1;
    if (!step->key)
        return (size_t)snprintf(NULL, 0, "/%zu", step->at);
    for (size_t i = 0; i < step->at; i++)
        size += step->key[i] == '~' || step->key[i] == '/';
    return size;
}

/* Writes one token at out, which has room for it. */
static void write_token(char *out, const struct schema_location *step, size_t size)
{
    if (!step->key) {
        char digits[24];
        snprintf(digits, sizeof digits, "/%zu", step->at);
        memcpy(out, digits, size);
        return;
    }
    *out++ = '/';
    for (size_t i = 0; i < step->at; i++) {
        bool escaped = step->key[i] == '~' || step->key[i] == '/';
        if (escaped)
            *out++ = '~';
        *out++ = (char)(!escaped ? step->key[i] : step->key[i] == '~' ? '0' : '1');
    }
}

/* The JSON pointer of a location; the caller frees it. */
static char *pointer_of(const struct schema_location *location)
{
    size_t length = 0;
    for (const struct schema_location *step = location; step; step = step->parent)
        length += token_size(step);
    char *text = malloc(length + 1);
    if (!text)
        return NULL;
    text[length] = '\0';
    for (const struct schema_location *step = location; step; step = step->parent) {
        size_t size = token_size(step);
        length -= size;
        write_token(text + length, step, size);
    }
    return text;
}

/* Tells the caller of schema_validate. After it has had enough, nothing more is looked for. */
static int deliver(struct schema_eval *eval, const struct schema_location *location,
                   const char *keyword_path, const char *keyword, const char *message)
{
    char *instance_path = pointer_of(location);
    if (!instance_path)
        return LLMSPELL_ENOMEM;
    struct schema_violation violation = {instance_path, keyword_path, keyword, message, location};
    if (!eval->violation(eval->data, &violation))
        eval->quiet++;
    free(instance_path);
    return 0;
}

int schema_report_at(struct schema_eval *eval, const struct schema_node *node,
                     const struct schema_location *location, const char *keyword,
                     const char *format, ...)
{
    char message[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t size = strlen(node->path) + strlen(keyword) + 2;
    char *keyword_path = malloc(size);
    if (!keyword_path)
        return LLMSPELL_ENOMEM;
    snprintf(keyword_path, size, "%s/%s", node->path, keyword);
    int status = deliver(eval, location, keyword_path, keyword, message);
    free(keyword_path);
    return status;
}

int schema_report_never(struct schema_eval *eval, const struct schema_node *node,
                        const struct schema_location *location)
{
    bool unknown = strcmp(node->keyword, "additionalProperties") == 0 ||
                   strcmp(node->keyword, "unevaluatedProperties") == 0;
    return deliver(eval, location, node->path, node->keyword,
                   unknown ? "is not a known member" : "is not allowed");
}
