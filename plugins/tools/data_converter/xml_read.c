/* SPDX-License-Identifier: Apache-2.0
 * Reads XML into the compact form of xml_processor, over the SAX events of libxml2: no tree, no
 * entity but the five of XML, no DTD, no file, no network. */
#include <libxml/SAX.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "converter.h"

#define DEPTH_XML 256
#define TEXT_MAX (10u << 20) /* bytes of the text of one element */
#define CHUNK 65536u

struct element {
    char *name;
    json_t *object; /* attributes and children */
    struct bounded_text text;
};

struct xml {
    struct reading *reading;
    xmlParserCtxtPtr parser;
    struct element elements[DEPTH_XML];
    size_t depth;
    json_t *result;
    int32_t error; /* what ended the reading */
};

/* ---- errors ---- */

static void stop(struct xml *xml, int32_t rc)
{
    if (xml->error == 0)
        xml->error = rc;
    xmlStopParser(xml->parser);
}

static void stop_with(struct xml *xml, int32_t code, const char *what)
{
    if (xml->error == 0)
        stop(xml, llmspell_fail_at(xml->reading->call, code, xml->reading->pointer, "%s (line %d)",
                                   what, xmlSAX2GetLineNumber(xml->parser)));
}

static void out_of_memory(struct xml *xml)
{
    stop(xml, no_memory(xml->reading->call));
}

/* ---- elements ---- */

/* libxml2 writes the ampersand of an attribute as &#38; while it does not replace entities. */
static json_t *attribute_json(const char *value)
{
    size_t size = strlen(value), used = 0;
    LLMSPELL_CLEANUP_FREE char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    for (const char *at = value; *at;) {
        bool ampersand = strncmp(at, "&#38;", 5) == 0;
        copy[used++] = *at;
        at += ampersand ? 5 : 1;
    }
    return json_stringn(copy, used);
}

static bool add_attributes(struct xml *xml, struct element *element, const xmlChar **attributes)
{
    for (; attributes && attributes[0]; attributes += 2) {
        LLMSPELL_CLEANUP_JSON json_t *key = json_sprintf("@%s", (const char *)attributes[0]);
        json_t *value = attribute_json(attributes[1] ? (const char *)attributes[1] : "");
        if (!key || json_object_set_new(element->object, json_string_value(key), value) != 0)
            return false;
        int32_t rc = count_node(xml->reading);
        if (rc < 0)
            stop(xml, rc);
    }
    return true;
}

static void on_start(void *context, const xmlChar *name, const xmlChar **attributes)
{
    struct xml *xml = context;
    if (xml->error)
        return;
    int32_t rc = count_node(xml->reading);
    if (rc < 0) {
        stop(xml, rc);
        return;
    }
    if (xml->depth == DEPTH_XML) {
        stop_with(xml, LLMSPELL_ELIMIT, "nested deeper than 256 elements");
        return;
    }
    struct element *element = &xml->elements[xml->depth++];
    *element = (struct element){
        .name = strdup((const char *)name), .object = json_object(), .text = {.max = TEXT_MAX}};
    if (!element->name || !element->object || !add_attributes(xml, element, attributes))
        out_of_memory(xml);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text of an element itself, trimmed; NULL if there is none. */
static json_t *own_text(const struct bounded_text *text)
{
    size_t from = 0, to = text->used;
    while (from < to && is_blank(text->text[from]))
        from++;
    while (to > from && is_blank(text->text[to - 1]))
        to--;
    return to > from ? json_stringn(text->text + from, to - from) : NULL;
}

/* Text alone, null, or the object with its #text. Takes over what the element has. */
static json_t *element_value(struct element *element)
{
    json_t *text = own_text(&element->text), *value = element->object;
    element->object = NULL;
    if (json_object_size(value) == 0) {
        json_decref(value);
        return text ? text : json_null();
    }
    if (text && json_object_set_new(value, "#text", text) != 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* The second child of a name makes a list of both. Takes over value. */
static bool add_child(json_t *parent, const char *name, json_t *value)
{
    json_t *before = json_object_get(parent, name);
    if (!value)
        return false;
    if (!before)
        return json_object_set_new(parent, name, value) == 0;
    if (json_is_array(before))
        return json_array_append_new(before, value) == 0;
    return json_object_set_new(parent, name, json_pack("[O, o]", before, value)) == 0;
}

static void clear_element(struct element *element)
{
    free(element->name);
    json_decref(element->object);
    bounded_text_clear(&element->text);
}

static void on_end(void *context, const xmlChar *name)
{
    (void)name;
    struct xml *xml = context;
    if (xml->error || xml->depth == 0)
        return;
    struct element *element = &xml->elements[xml->depth - 1];
    json_t *value = element_value(element);
    json_t *parent = xml->depth > 1 ? xml->elements[xml->depth - 2].object : xml->result;
    if (!add_child(parent, element->name, value))
        out_of_memory(xml);
    clear_element(element);
    xml->depth--;
}

static void on_text(void *context, const xmlChar *text, int size)
{
    struct xml *xml = context;
    if (xml->error || xml->depth == 0)
        return;
    struct bounded_text *own = &xml->elements[xml->depth - 1].text;
    bounded_put(own, (const char *)text, (size_t)size);
    if (own->error == LLMSPELL_ELIMIT)
        stop_with(xml, LLMSPELL_ELIMIT, "the text of an element is larger than 10 MiB");
    else if (own->error < 0)
        out_of_memory(xml);
}

/* ---- what is refused ---- */

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    struct xml *xml = context;
    if (*xml->parser->input->cur == '[')
        stop_with(xml, LLMSPELL_EPARSE, "entity declarations are not accepted");
}

static void on_reference(void *context, const xmlChar *name)
{
    char what[160];
    snprintf(what, sizeof what, "the entity &%.100s; is not known", (const char *)name);
    stop_with(context, LLMSPELL_EPARSE, what);
}

/* ---- reading ---- */

static int32_t syntax_error(struct xml *xml)
{
    const xmlError *error = xmlCtxtGetLastError(xml->parser);
    char what[200];
    snprintf(what, sizeof what, "%s", error && error->message ? error->message : "bad XML");
    what[strcspn(what, "\n")] = '\0';
    /* without a tree, libxml2 does not know the line of a start tag, nor what is not closed */
    if (error && error->code == XML_ERR_TAG_NAME_MISMATCH && error->str1 && error->str2)
        snprintf(what, sizeof what, "</%.80s> ends <%.80s>", error->str2, error->str1);
    else if (error && error->code == XML_ERR_DOCUMENT_END && xml->depth > 0)
        snprintf(what, sizeof what, "<%.80s> is not closed", xml->elements[xml->depth - 1].name);
    else if (error && error->code == XML_ERR_DOCUMENT_END && json_object_size(xml->result) == 0)
        snprintf(what, sizeof what, "the root element is missing or not closed");
    return llmspell_fail_at(xml->reading->call, LLMSPELL_EPARSE, xml->reading->pointer,
                            "%s (line %d)", what, error ? error->line : 0);
}

static int32_t feed(struct xml *xml)
{
    const char *text = xml->reading->text;
    size_t left = xml->reading->size;
    while (xml->error == 0 && left > 0) {
        size_t size = left < CHUNK ? left : CHUNK;
        int32_t cancelled = llmspell_cancelled(xml->reading->call);
        if (cancelled < 0)
            return cancelled;
        if (xmlParseChunk(xml->parser, text, (int)size, 0) != XML_ERR_OK && xml->error == 0)
            return syntax_error(xml);
        text += size;
        left -= size;
    }
    if (xml->error == 0 && xmlParseChunk(xml->parser, "", 0, 1) != XML_ERR_OK && xml->error == 0)
        return syntax_error(xml);
    return xml->error;
}

int32_t read_xml(struct reading *reading, json_t **ret_value)
{
    /* the events of SAX 1: names and attributes as they are written, in their order */
    xmlSAXHandler handler = {.startElement = on_start,
                             .endElement = on_end,
                             .characters = on_text,
                             .ignorableWhitespace = on_text,
                             .cdataBlock = on_text,
                             .internalSubset = on_doctype,
                             .reference = on_reference,
                             .initialized = 1};
    struct xml *xml = calloc(1, sizeof *xml);
    if (!xml)
        return no_memory(reading->call);
    xml->reading = reading;
    xml->result = json_object();
    xml->parser = xmlCreatePushParserCtxt(&handler, xml, NULL, 0, NULL);
    int32_t rc = xml->parser && xml->result ? 0 : no_memory(reading->call);
    if (rc == 0) {
        /* the text is UTF-8, whatever encoding it names */
        xmlCtxtUseOptions(xml->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                           XML_PARSE_IGNORE_ENC);
        rc = feed(xml);
    }
    if (xml->parser && xml->parser->myDoc)
        xmlFreeDoc(xml->parser->myDoc);
    xmlFreeParserCtxt(xml->parser);
    while (xml->depth > 0)
        clear_element(&xml->elements[--xml->depth]);
    if (rc == 0)
        *ret_value = llmspell_steal_json(&xml->result);
    json_decref(xml->result);
    free(xml);
    return rc;
}
