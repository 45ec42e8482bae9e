/* SPDX-License-Identifier: Apache-2.0
 * transform: XSLT 1.0 by libxslt, if it was there when llmspell was built. A stylesheet can read
 * and write nothing but the document. */
#include "xml.h"

#ifdef HAVE_LIBXSLT

#include <pthread.h>

#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/variables.h>
#include <libxslt/xsltInternals.h>
#include <libxslt/xsltutils.h>

/* libxslt has one handler of messages for the whole process: one stylesheet at a time. */
static pthread_mutex_t messages = PTHREAD_MUTEX_INITIALIZER;

struct transform {
    struct job *job;
    char pointer[32];
    struct byte_buffer said; /* by libxslt, in pieces */
    xsltStylesheetPtr stylesheet;
    xsltSecurityPrefsPtr security;
    xsltTransformContextPtr context;
    xmlDocPtr result;
};

__attribute__((format(printf, 2, 3))) static void on_message(void *context, const char *format, ...)
{
    char text[1024];
    struct transform *transform = context;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0 && transform->said.size < 4096)
        buffer_puts(&transform->said, text);
}

/* The last line that says what is wrong; libxslt puts the place before it. */
static const char *what_it_said(struct transform *transform)
{
    char *text = transform->said.data;
    if (!text || transform->said.failed)
        return "libxslt gives no reason";
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ';' : '\0';
    return text;
}

static const xmlNode *find_outside(const xmlNode *node)
{
    static const xmlChar space[] = "http://www.w3.org/1999/XSL/Transform";
    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        if (node->ns && xmlStrEqual(node->ns->href, space) &&
            (xmlStrEqual(node->name, (const xmlChar *)"include") ||
             xmlStrEqual(node->name, (const xmlChar *)"import")))
            return node;
        const xmlNode *found = find_outside(node->children);
        if (found)
            return found;
    }
    return NULL;
}

/* document is taken over if this succeeds. */
static int32_t compile(struct transform *transform, xmlDocPtr *document)
{
    struct llmspell_call *call = transform->job->call;
    const xmlNode *outside = find_outside((*document)->children);
    if (outside)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, transform->pointer,
                                "the stylesheet reads another file (%s, line %ld); put all into "
                                "one",
                                (const char *)outside->name, xmlGetLineNo((xmlNodePtr)outside));
    transform->stylesheet = xsltParseStylesheetDoc(*document);
    if (transform->stylesheet && transform->stylesheet->errors == 0) {
        *document = NULL;
        return 0;
    }
    if (transform->stylesheet)
        *document = NULL; /* it owns the document, errors or not */
    return llmspell_fail_at(call, LLMSPELL_EPARSE, transform->pointer,
                            "not an XSLT stylesheet: %.400s", what_it_said(transform));
}

static bool forbid_files(struct transform *transform)
{
    static const xsltSecurityOption options[] = {
        XSLT_SECPREF_READ_FILE, XSLT_SECPREF_WRITE_FILE, XSLT_SECPREF_CREATE_DIRECTORY,
        XSLT_SECPREF_READ_NETWORK, XSLT_SECPREF_WRITE_NETWORK};
    int failed = 0;
    transform->security = xsltNewSecurityPrefs();
    for (size_t i = 0; transform->security && i < sizeof options / sizeof *options; i++)
        failed |= xsltSetSecurityPrefs(transform->security, options[i], xsltSecurityForbid);
    return transform->security && !failed &&
           xsltSetCtxtSecurityPrefs(transform->security, transform->context) == 0;
}

/* Parameters as the strings that they are: nothing in them is XPath. */
static int32_t pass_parameters(struct transform *transform)
{
    static const struct json_style compact = {.indent = 0};
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(transform->job->params, "params"), name, value)
    {
        CLEANUP_BUFFER struct byte_buffer text = {0};
        if (json_is_string(value))
            buffer_puts(&text, json_string_value(value));
        else
            json_write(&text, value, &compact);
        buffer_puts(&text, "");
        if (text.failed || xsltQuoteOneUserParam(transform->context, (const xmlChar *)name,
                                                 (const xmlChar *)text.data) != 0)
            return llmspell_fail_at(transform->job->call, LLMSPELL_EINVAL, "/params",
                                    "the parameter \"%.100s\" cannot be passed", name);
    }
    return 0;
}

static int32_t apply(struct transform *transform, xmlDocPtr document)
{
    struct llmspell_call *call = transform->job->call;
    transform->context = xsltNewTransformContext(transform->stylesheet, document);
    if (!transform->context || !forbid_files(transform))
        return job_no_memory(transform->job);
    xsltSetTransformErrorFunc(transform->context, transform, on_message);
    int32_t rc = pass_parameters(transform);
    if (rc < 0)
        return rc;
    transform->result = xsltApplyStylesheetUser(transform->stylesheet, document, NULL, NULL, NULL,
                                                transform->context);
    if (transform->result && transform->context->state == XSLT_STATE_OK)
        return llmspell_cancelled(call);
    return llmspell_fail_at(call, LLMSPELL_EFAILED, transform->pointer,
                            "the transformation failed: %.250s", what_it_said(transform));
}

static int32_t save(struct transform *transform, json_t **ret_result)
{
    xmlChar *text = NULL;
    int size = 0;
    /* Results are UTF-8, whatever the stylesheet's output says. */
    xmlFree(transform->stylesheet->encoding);
    transform->stylesheet->encoding = xmlStrdup((const xmlChar *)"UTF-8");
    if (xsltSaveResultToString(&text, &size, transform->result, transform->stylesheet) != 0)
        return job_no_memory(transform->job);
    int32_t rc = llmspell_return(
        transform->job->call, ret_result,
        json_pack("{s:o}", "output", json_stringn(text ? (char *)text : "", (size_t)size)));
    xmlFree(text);
    return rc;
}

static void transform_clear(struct transform *transform)
{
    xmlFreeDoc(transform->result);
    if (transform->context)
        xsltFreeTransformContext(transform->context);
    if (transform->security)
        xsltFreeSecurityPrefs(transform->security);
    if (transform->stylesheet)
        xsltFreeStylesheet(transform->stylesheet);
    buffer_clear(&transform->said);
}

int32_t transform_run(struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT xmlDocPtr document = NULL, sheet = NULL;
    struct transform transform = {.job = job};
    pointer_of(job, "stylesheet", "stylesheet_path", transform.pointer, sizeof transform.pointer);
    int32_t rc = load_document(job, "stylesheet", "stylesheet_path", &sheet);
    if (rc == 0)
        rc = load_document(job, "input", "path", &document);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&messages);
    xsltSetGenericErrorFunc(&transform, on_message);
    rc = compile(&transform, &sheet);
    if (rc == 0)
        rc = apply(&transform, document);
    if (rc == 0)
        rc = save(&transform, ret_result);
    transform_clear(&transform);
    xsltSetGenericErrorFunc(NULL, NULL);
    pthread_mutex_unlock(&messages);
    return rc;
}

#else

int32_t transform_run(struct job *job, json_t **ret_result)
{
    (void)ret_result;
    return llmspell_fail_at(job->call, LLMSPELL_EUNAVAILABLE, "/operation",
                            "this llmspell was built without libxslt (package libxslt1-dev)");
}

#endif
