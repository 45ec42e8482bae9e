/* SPDX-License-Identifier: Apache-2.0
 * YAML 1.2 (core schema) into JSON values, over the events of libyaml: merge keys, aliases with
 * bounds, no duplicate keys. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_YAML_READ_H
#define TOOLS_SHARED_YAML_READ_H

#include <stdbool.h>

#include <llmspell/tool.h>

#define YAML_NODES_MAX 100000 /* values, after the expansion of aliases */
#define YAML_DEPTH_MAX 100

/* The strings "Infinity", "-Infinity", "NaN" that stand for .inf, -.inf and .nan: a writer that is
 * given them knows these objects from strings that look the same. */
struct yaml_specials {
    json_t *infinity, *minus_infinity, *nan;
};

struct yaml_input {
    struct llmspell_call *call;
    const char *text; /* UTF-8 */
    size_t size;
    bool keep_reals; /* 1.0 stays a real; else a whole value becomes an integer */
};

struct yaml_documents {
    json_t *values; /* a list; one value for each document that is complete */
    struct yaml_specials specials;
    /* What is wrong, if the code is parse_error or limit_exceeded. */
    char message[300];
    size_t line, column; /* from 1 */
};

/* Reads all documents. 0; LLMSPELL_EPARSE or LLMSPELL_ELIMIT with the message, but without the
 * error of the call; or another negative code with that error set. Parts of the values may be
 * shared: change none. Clear *ret with yaml_documents_clear in every case. */
int32_t yaml_read(const struct yaml_input *input, struct yaml_documents *ret);
void yaml_documents_clear(struct yaml_documents *documents);

/* Sets the error of the call for what yaml_read returned. */
int32_t yaml_fail(struct llmspell_call *call, int32_t code, const struct yaml_documents *documents,
                  const char *pointer);

#define CLEANUP_YAML_DOCUMENTS __attribute__((cleanup(yaml_documents_clear)))

#endif
