/* SPDX-License-Identifier: Apache-2.0
 * What the files of xml_processor share: one call (struct job), the table's functions, and the
 * helpers on libxml2's trees. */
#ifndef XML_PROCESSOR_XML_H
#define XML_PROCESSOR_XML_H

#include <stdbool.h>

#include <libxml/tree.h>
#include <libxml/xmlerror.h>

#include <llmspell/tool.h>

#include "../shared/json_write.h"

#define DEPTH_MAX 256
#define NODES_MAX 1000000u

/* What libxml2 has said since the last reset: the first errors, as {line, column, message}. */
struct complaints {
    json_t *list;
    int first_code; /* xmlParserErrors of the first; 0: none */
};

struct job {
    struct llmspell_call *call;
    const json_t *params;
    struct complaints complaints;
};

typedef int32_t operation_function(struct job *job, json_t **ret_result);

operation_function parse_run;     /* compact.c */
operation_function query_run;     /* query.c */
operation_function validate_run;  /* validate.c */
operation_function format_run;    /* write.c */
operation_function build_run;     /* build.c */
operation_function transform_run; /* transform.c */

int32_t job_no_memory(const struct job *job);

/* ---- load.c ---- */

/* The document that one of the two parameters holds ("input" and "path", "schema" and …), as a
 * tree. *ret_document NULL with 0: it is not well-formed, see job->complaints; any other trouble is
 * an error at the parameter. */
int32_t load_tree(struct job *job, const char *key, const char *path_key, xmlDocPtr *ret_document);

/* The same, where not well-formed is parse_error. */
int32_t load_document(struct job *job, const char *key, const char *path_key,
                      xmlDocPtr *ret_document);

/* "/input" or "/path": the one of the two parameters that is there. */
const char *pointer_of(const struct job *job, const char *key, const char *path_key, char *buffer,
                       size_t size);

void complaints_reset(struct job *job);

/* The first message of libxml2 with its line, for a message of ours; "" if there is none. */
void first_complaint(const struct job *job, char *buffer, size_t size);

static inline void cleanup_document(xmlDocPtr *document)
{
    if (*document)
        xmlFreeDoc(*document);
}
#define CLEANUP_DOCUMENT __attribute__((cleanup(cleanup_document)))

/* ---- compact.c ---- */

/* {name: V}; NULL: out of memory. */
json_t *compact_element(const struct job *job, const xmlNode *element);

/* The name as written, or without its prefix if strip_namespaces: a new string. */
json_t *element_name(const struct job *job, const xmlNode *element);

/* Calls put for each attribute, namespaces (unless stripped) first. False: put did. */
typedef bool attribute_function(json_t *object, const char *name, const char *value);
bool each_attribute(const struct job *job, const xmlNode *element, attribute_function *put,
                    json_t *object);

/* Elements and nothing but blanks around them: those blanks are layout. */
bool holds_elements_only(const xmlNode *element);
bool is_text(const xmlNode *node); /* text or CDATA */

json_t *ordered_element(const struct job *job, const xmlNode *element); /* ordered.c */

/* ---- write.c ---- */

void write_escaped(struct byte_buffer *out, const char *text, bool attribute);
void write_new_line(struct byte_buffer *out, int indent, int depth);

#endif
