/* SPDX-License-Identifier: Apache-2.0
 * format: the document with new layout. Only blanks between elements change; text, CDATA, comments
 * and instructions stay as they are, and all beneath xml:space="preserve". */
#include "xml.h"

struct writer {
    struct job *job;
    struct byte_buffer out;
    int indent;
    unsigned ticks;
    int32_t stop;
};

void write_escaped(struct byte_buffer *out, const char *text, bool attribute)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buffer_puts(out, "&amp;");
            break;
        case '<':
            buffer_puts(out, "&lt;");
            break;
        case '>':
            buffer_puts(out, "&gt;");
            break;
        case '"':
            buffer_puts(out, attribute ? "&quot;" : "\"");
            break;
        case '\n':
        case '\t':
            if (attribute)
                buffer_printf(out, "&#%d;", *text);
            else
                buffer_char(out, *text);
            break;
        case '\r':
            buffer_puts(out, "&#13;");
            break;
        default:
            buffer_char(out, *text);
        }
    }
}

void write_new_line(struct byte_buffer *out, int indent, int depth)
{
    if (!indent)
        return;
    buffer_char(out, '\n');
    buffer_fill(out, ' ', (size_t)(indent * depth));
}

static void write_name(struct byte_buffer *out, const xmlNs *space, const xmlChar *name)
{
    if (space && space->prefix)
        buffer_printf(out, "%s:", (const char *)space->prefix);
    buffer_puts(out, (const char *)name);
}

static void write_attributes(struct writer *writer, const xmlNode *element)
{
    struct byte_buffer *out = &writer->out;
    for (const xmlNs *space = element->nsDef; space; space = space->next) {
        buffer_printf(out, space->prefix ? " xmlns:%s=\"" : " xmlns%s=\"",
                      space->prefix ? (const char *)space->prefix : "");
        write_escaped(out, space->href ? (const char *)space->href : "", true);
        buffer_char(out, '"');
    }
    for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next) {
        xmlChar *value = xmlNodeListGetString(element->doc, attribute->children, 1);
        buffer_char(out, ' ');
        write_name(out, attribute->ns, attribute->name);
        buffer_puts(out, "=\"");
        write_escaped(out, value ? (const char *)value : "", true);
        buffer_char(out, '"');
        xmlFree(value);
    }
}

static void write_node(struct writer *writer, const xmlNode *node, int depth, bool layout);

static void write_children(struct writer *writer, const xmlNode *element, int depth, bool layout)
{
    for (const xmlNode *node = element->children; node; node = node->next) {
        if (layout && is_text(node))
            continue;
        if (layout)
            write_new_line(&writer->out, writer->indent, depth);
        write_node(writer, node, depth, layout);
    }
}

static void write_element(struct writer *writer, const xmlNode *element, int depth, bool layout)
{
    struct byte_buffer *out = &writer->out;
    int preserve = xmlNodeGetSpacePreserve(element);
    layout = holds_elements_only(element) && preserve != 1 && (layout || preserve == 0);
    buffer_char(out, '<');
    write_name(out, element->ns, element->name);
    write_attributes(writer, element);
    if (!element->children) {
        buffer_puts(out, "/>");
        return;
    }
    buffer_char(out, '>');
    write_children(writer, element, depth + 1, layout);
    if (layout)
        write_new_line(out, writer->indent, depth);
    buffer_puts(out, "</");
    write_name(out, element->ns, element->name);
    buffer_char(out, '>');
}

static void write_doctype(struct byte_buffer *out, const xmlDtd *dtd)
{
    buffer_printf(out, "<!DOCTYPE %s", (const char *)dtd->name);
    if (dtd->ExternalID)
        buffer_printf(out, " PUBLIC \"%s\"", (const char *)dtd->ExternalID);
    else if (dtd->SystemID)
        buffer_puts(out, " SYSTEM");
    if (dtd->SystemID) {
        char quote = strchr((const char *)dtd->SystemID, '"') ? '\'' : '"';
        buffer_printf(out, " %c%s%c", quote, (const char *)dtd->SystemID, quote);
    }
    buffer_char(out, '>');
}

static void write_node(struct writer *writer, const xmlNode *node, int depth, bool layout)
{
    struct byte_buffer *out = &writer->out;
    const char *content =
        node->type == XML_DTD_NODE || !node->content ? "" : (const char *)node->content;
    if (++writer->ticks % 256 == 0 && writer->stop == 0)
        writer->stop = llmspell_cancelled(writer->job->call);
    if (writer->stop < 0)
        return;
    switch (node->type) {
    case XML_ELEMENT_NODE:
        write_element(writer, node, depth, layout);
        break;
    case XML_TEXT_NODE:
        write_escaped(out, content, false);
        break;
    case XML_CDATA_SECTION_NODE:
        buffer_printf(out, "<![CDATA[%s]]>", content);
        break;
    case XML_COMMENT_NODE:
        buffer_printf(out, "<!--%s-->", content);
        break;
    case XML_PI_NODE:
        buffer_printf(out, "<?%s%s%s?>", (const char *)node->name, *content ? " " : "", content);
        break;
    case XML_DTD_NODE:
        write_doctype(out, (const xmlDtd *)node);
        break;
    default: /* entities: load.c let none in */
        break;
    }
}

/* Only if the text has one: what libxml2 fills in does not count. */
static void write_declaration(struct byte_buffer *out, const xmlDoc *document)
{
    if (document->standalone == -1)
        return; /* -2: there is one without standalone */
    buffer_printf(out, "<?xml version=\"%s\" encoding=\"UTF-8\"%s?>",
                  document->version ? (const char *)document->version : "1.0",
                  document->standalone == 1   ? " standalone=\"yes\""
                  : document->standalone == 0 ? " standalone=\"no\""
                                              : "");
}

int32_t format_run(struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT xmlDocPtr document = NULL;
    struct writer writer = {.job = job, .indent = (int)llmspell_integer(job->params, "indent", 2)};
    int32_t rc = load_document(job, "input", "path", &document);
    if (rc < 0)
        return rc;
    write_declaration(&writer.out, document);
    for (const xmlNode *node = document->children; node; node = node->next) {
        if (writer.out.size > 0)
            write_new_line(&writer.out, writer.indent, 0);
        write_node(&writer, node, 0, true);
    }
    rc = writer.stop < 0 ? writer.stop : writer.out.failed ? job_no_memory(job) : 0;
    if (rc == 0)
        rc = llmspell_return(
            job->call, ret_result,
            json_pack("{s:o}", "output", json_stringn(writer.out.data, writer.out.size)));
    buffer_clear(&writer.out);
    return rc;
}
