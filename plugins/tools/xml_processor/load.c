/* SPDX-License-Identifier: Apache-2.0
 * Text to tree. Nothing outside of the text is ever read, no entity is ever declared: a DOCTYPE
 * with an internal subset and references to other entities than the five of XML end the call. */
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include <llmspell/fs.h>

#include "xml.h"

#define FILE_MAX (50u << 20)
#define TEXT_MAX (10u << 20) /* of one element, up to the next tag */

struct loading {
    struct job *job;
    unsigned nodes;
    size_t text; /* bytes since the last tag */
    bool entities, too_many, too_deep, too_long;
    int32_t stop;
};

int32_t job_no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

const char *pointer_of(const struct job *job, const char *key, const char *path_key, char *buffer,
                       size_t size)
{
    snprintf(buffer, size, "/%s", json_object_get(job->params, key) ? key : path_key);
    return buffer;
}

/* ---- complaints ---- */

void complaints_reset(struct job *job)
{
    json_array_clear(job->complaints.list);
    job->complaints.first_code = 0;
}

void first_complaint(const struct job *job, char *buffer, size_t size)
{
    const json_t *first = json_array_get(job->complaints.list, 0);
    json_int_t line = llmspell_integer(first, "line", 0);
    buffer[0] = '\0';
    if (first && line > 0)
        snprintf(buffer, size, "%s (line %lld)", llmspell_string(first, "message"),
                 (long long)line);
    else if (first)
        snprintf(buffer, size, "%s", llmspell_string(first, "message"));
}

/* ---- what the parser calls ---- */

static void stop_parser(xmlParserCtxtPtr parser)
{
    xmlStopParser(parser);
}

static struct loading *loading_of(void *context)
{
    return ((xmlParserCtxtPtr)context)->_private;
}

/* True if parsing goes on. */
static bool count_node(void *context)
{
    struct loading *loading = loading_of(context);
    loading->too_many = ++loading->nodes > NODES_MAX;
    if (loading->nodes % 256 == 0)
        loading->stop = llmspell_cancelled(loading->job->call);
    if (loading->too_many || loading->stop < 0)
        stop_parser(context);
    return !loading->too_many && loading->stop == 0;
}

/* libxml2 writes the ampersand of a namespace as &#38; while it does not replace entities. */
static void mend_namespaces(const xmlNode *node)
{
    for (xmlNsPtr space = node ? node->nsDef : NULL; space; space = space->next) {
        xmlChar *to = (xmlChar *)space->href;
        const xmlChar *at = to;
        while (at && *at) {
            bool ampersand = strncmp((const char *)at, "&#38;", 5) == 0;
            *to++ = *at;
            at += ampersand ? 5 : 1;
        }
        if (to)
            *to = '\0';
    }
}

static void on_element(void *context, const xmlChar *name, const xmlChar *prefix,
                       const xmlChar *uri, int namespaces, const xmlChar **namespace_list,
                       int attributes, int defaulted, const xmlChar **attribute_list)
{
    bool on = count_node(context);
    loading_of(context)->text = 0;
    if (on && ((xmlParserCtxtPtr)context)->nodeNr >= DEPTH_MAX) {
        loading_of(context)->too_deep = true;
        stop_parser(context);
        return;
    }
    for (int i = 0; on && i < attributes; i++)
        on = count_node(context);
    if (on)
        xmlSAX2StartElementNs(context, name, prefix, uri, namespaces, namespace_list, attributes,
                              defaulted, attribute_list);
    if (on && namespaces > 0)
        mend_namespaces(((xmlParserCtxtPtr)context)->node);
}

static bool count_text(void *context, int size)
{
    struct loading *loading = loading_of(context);
    loading->text += (size_t)size;
    loading->too_long = loading->text > TEXT_MAX;
    if (loading->too_long)
        stop_parser(context);
    return !loading->too_long;
}

static void on_text(void *context, const xmlChar *text, int size)
{
    if (count_text(context, size))
        xmlSAX2Characters(context, text, size);
}

static void on_cdata(void *context, const xmlChar *text, int size)
{
    if (count_text(context, size))
        xmlSAX2CDataBlock(context, text, size);
}

/* The parser stands on the bracket, if there is a subset, when it calls this. */
static void on_doctype(void *context, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    xmlParserCtxtPtr parser = context;
    if (parser->input && parser->input->cur && *parser->input->cur == '[') {
        loading_of(context)->entities = true;
        stop_parser(parser);
        return;
    }
    xmlSAX2InternalSubset(context, name, public_id, system_id);
}

static void on_reference(void *context, const xmlChar *name)
{
    (void)name;
    loading_of(context)->entities = true;
    stop_parser(context);
}

static xmlParserInputPtr on_external(void *context, const xmlChar *public_id,
                                     const xmlChar *system_id)
{
    (void)context, (void)public_id, (void)system_id;
    return NULL;
}

/* ---- parsing ---- */

static xmlParserCtxtPtr parser_new(struct loading *loading)
{
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (!parser)
        return NULL;
    parser->_private = loading;
    parser->sax->startElementNs = on_element;
    parser->sax->characters = on_text;
    parser->sax->ignorableWhitespace = on_text; /* another one would make it guess at layout */
    parser->sax->cdataBlock = on_cdata;
    parser->sax->internalSubset = on_doctype;
    parser->sax->externalSubset = NULL;
    parser->sax->reference = on_reference;
    parser->sax->resolveEntity = on_external;
    return parser;
}

/* What went wrong while loading, as an error of the call; 0 if the text is not well-formed. */
static int32_t judge(const struct loading *loading, const char *pointer)
{
    const struct job *job = loading->job;
    int code = job->complaints.first_code;
    if (loading->stop < 0)
        return loading->stop;
    if (loading->too_many)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, pointer,
                                "the document has more than %u elements and attributes", NODES_MAX);
    if (loading->entities || code == XML_ERR_UNDECLARED_ENTITY ||
        code == XML_WAR_UNDECLARED_ENTITY || code == XML_ERR_ENTITY_LOOP)
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, pointer,
                                "entity declarations are not accepted: only &lt; &gt; &amp; "
                                "&quot; &apos; and a DOCTYPE without [ ]");
    const json_t *first = json_array_get(job->complaints.list, 0);
    const char *message = llmspell_string(first, "message");
    if (loading->too_deep || (message && strstr(message, "Excessive depth")))
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, pointer,
                                "the document is nested deeper than %d levels", DEPTH_MAX);
    if (loading->too_long || (message && strstr(message, "huge")))
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, pointer,
                                "a text or a name is longer than %u bytes", TEXT_MAX);
    if (code == XML_ERR_NO_MEMORY)
        return job_no_memory(job);
    return 0;
}

/* libxml2 takes a NUL after the root element for the end of the text. In UTF-16 and UTF-32 NUL
 * bytes are parts of characters: such a document begins with one, or with a byte order mark. */
static bool hides_nul(const char *text, size_t size, bool unicode)
{
    const unsigned char *bytes = (const unsigned char *)text;
    bool wide = !unicode && size >= 2 && (!bytes[0] || !bytes[1] || bytes[0] >= 0xFE);
    return !wide && memchr(text, '\0', size) != NULL;
}

/* Puts down where the NUL is, as libxml2 does where it sees one. */
static void complain_of_nul(struct job *job, const char *text)
{
    int line = 1, column = 1;
    for (; *text; text++) {
        column = *text == '\n' ? 1 : column + ((*text & 0xC0) != 0x80);
        line += *text == '\n';
    }
    json_array_append_new(job->complaints.list,
                          json_pack("{s:i,s:i,s:s}", "line", line, "column", column, "message",
                                    "Char 0x0 out of allowed range"));
}

static int32_t parse_text(struct job *job, const char *text, size_t size, bool unicode,
                          const char *pointer, xmlDocPtr *ret_document)
{
    struct loading loading = {.job = job};
    int options = XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES;
    xmlParserCtxtPtr parser = parser_new(&loading);
    if (!parser)
        return job_no_memory(job);
    complaints_reset(job);
    xmlDocPtr document = unicode ? xmlCtxtReadMemory(parser, text, (int)size, NULL, "UTF-8",
                                                     options | XML_PARSE_IGNORE_ENC)
                                 : xmlCtxtReadMemory(parser, text, (int)size, NULL, NULL, options);
    xmlFreeParserCtxt(parser);
    int32_t rc = judge(&loading, pointer);
    if (rc == 0 && document && hides_nul(text, size, unicode)) {
        xmlFreeDoc(document);
        document = NULL;
        complain_of_nul(job, text);
    }
    if (rc < 0 && document)
        xmlFreeDoc(document);
    if (rc == 0)
        *ret_document = document;
    return rc;
}

int32_t load_tree(struct job *job, const char *key, const char *path_key, xmlDocPtr *ret_document)
{
    char pointer[32];
    const char *text = llmspell_string(job->params, key);
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    size_t size = llmspell_string_length(job->params, key);
    pointer_of(job, key, path_key, pointer, sizeof pointer);
    if (!text) {
        int32_t rc = llmspell_fs_read(job->call, llmspell_string(job->params, path_key), pointer,
                                      FILE_MAX, &file, &size);
        if (rc < 0)
            return rc;
    }
    return parse_text(job, text ? text : file, size, text != NULL, pointer, ret_document);
}

int32_t load_document(struct job *job, const char *key, const char *path_key,
                      xmlDocPtr *ret_document)
{
    char pointer[32], message[512];
    int32_t rc = load_tree(job, key, path_key, ret_document);
    if (rc < 0 || *ret_document)
        return rc;
    first_complaint(job, message, sizeof message);
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE,
                            pointer_of(job, key, path_key, pointer, sizeof pointer),
                            "not well-formed XML: %s", *message ? message : "it is empty");
}
