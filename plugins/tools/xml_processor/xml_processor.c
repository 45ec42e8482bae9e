/* SPDX-License-Identifier: Apache-2.0
 * xml_processor: work on one XML document. This file is the entry, the table of operations and the
 * collector of libxml2's messages; the operations live beside it, by topic (xml.h lists them). */
#include "xml.h"

#define COMPLAINTS_MAX 100
#define MESSAGE_MAX 600u /* bytes */

static const struct operation {
    const char *name;
    operation_function *run;
} operations[] = {
    {"parse", parse_run},   {"query", query_run}, {"validate", validate_run},
    {"format", format_run}, {"build", build_run}, {"transform", transform_run},
};

/* How much of the first size bytes ends with a whole character. */
static size_t whole_characters(const char *text, size_t size)
{
    size_t start = size;
    while (start && size - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (!start || (unsigned char)text[start - 1] < 0xC0)
        return size;
    unsigned char first = (unsigned char)text[start - 1];
    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return size - (start - 1) < length ? start - 1 : size;
}

/* A message on one line, without the line end that libxml2 puts after it. The values that it shows
 * may hold line ends, and libxml2 cuts long ones anywhere, even within a character. */
static json_t *message_json(const char *message)
{
    char text[MESSAGE_MAX + sizeof "…"];
    size_t length = message ? strlen(message) : 0;
    while (length && message[length - 1] == '\n')
        length--;
    if (!length)
        return json_string("unknown error");
    size_t size = whole_characters(message, length < MESSAGE_MAX ? length : MESSAGE_MAX);
    for (size_t i = 0; i < size; i++)
        text[i] = message[i] == '\n' || message[i] == '\r' ? ' ' : message[i];
    if (size < length)
        memcpy(text + size, "…", sizeof "…" - 1);
    json_t *json = json_stringn(text, size < length ? size + sizeof "…" - 1 : size);
    return json ? json : json_string("a message that is not UTF-8");
}

/* libxml2 keeps its handlers per thread. Warnings do not count, but for an entity that is not
 * declared. */
static void on_error(void *context, xmlErrorPtr error)
{
    struct job *job = context;
    json_t *list = job->complaints.list;
    bool schema = error->domain == XML_FROM_SCHEMASV;
    if (error->level == XML_ERR_WARNING && error->code != XML_WAR_UNDECLARED_ENTITY)
        return;
    if (!job->complaints.first_code || error->code == XML_WAR_UNDECLARED_ENTITY)
        job->complaints.first_code = error->code;
    if (json_array_size(list) >= COMPLAINTS_MAX)
        return;
    bool placed = !schema && error->int2 > 0;
    json_array_append_new(list,
                          json_pack("{s:o,s:o,s:o}", "line",
                                    error->line > 0 ? json_integer(error->line) : json_null(),
                                    "column", placed ? json_integer(error->int2) : json_null(),
                                    "message", message_json(error->message)));
}

/* What libxml2 prints besides says nothing new. */
__attribute__((format(printf, 2, 3))) static void on_print(void *context, const char *format, ...)
{
    (void)context, (void)format;
}

static int32_t run(struct job *job, json_t **ret_result)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "unknown");
}

static int32_t xml_processor(void *self, struct llmspell_call *call, const json_t *params,
                             json_t **ret_result)
{
    (void)self;
    struct job job = {.call = call, .params = params, .complaints = {.list = json_array()}};
    if (!job.complaints.list)
        return job_no_memory(&job);
    xmlStructuredErrorFunc before = xmlStructuredError;
    void *before_context = xmlStructuredErrorContext;
    xmlGenericErrorFunc print = xmlGenericError;
    void *print_context = xmlGenericErrorContext;
    xmlSetStructuredErrorFunc(&job, on_error);
    xmlSetGenericErrorFunc(NULL, on_print);
    int32_t rc = run(&job, ret_result);
    xmlSetStructuredErrorFunc(before_context, before);
    xmlSetGenericErrorFunc(print_context, print);
    xmlResetLastError(); /* it may point into what was parsed */
    json_decref(job.complaints.list);
    return rc;
}

LLMSPELL_TOOL(.invoke = xml_processor)
