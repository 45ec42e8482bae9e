/* SPDX-License-Identifier: Apache-2.0
 * validate: is the text well-formed, and does it fit an XML Schema? */
#include <libxml/xmlschemas.h>

#include "xml.h"

static void schema_free(xmlSchemaPtr *schema)
{
    xmlSchemaFree(*schema);
}

static void parser_free(xmlSchemaParserCtxtPtr *parser)
{
    xmlSchemaFreeParserCtxt(*parser);
}

static void validator_free(xmlSchemaValidCtxtPtr *validator)
{
    xmlSchemaFreeValidCtxt(*validator);
}

static int32_t result(struct job *job, bool well_formed, json_t *valid, json_t **ret_result)
{
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b,s:o,s:O}", "well_formed", well_formed, "valid", valid,
                                     "errors", job->complaints.list));
}

/* Parts of a schema in other files would be read by libxml2 itself, past the file service. */
static const xmlNode *find_outside(const xmlNode *node)
{
    static const char *const names[] = {"include", "import", "redefine"};
    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (xmlStrEqual(node->name, (const xmlChar *)names[i]) &&
                xmlHasProp((xmlNodePtr)node, (const xmlChar *)"schemaLocation"))
                return node;
        const xmlNode *found = find_outside(node->children);
        if (found)
            return found;
    }
    return NULL;
}

/* document stays the caller's. */
static int32_t compile(struct job *job, xmlDocPtr document, xmlSchemaPtr *ret_schema)
{
    char pointer[32], message[512];
    pointer_of(job, "schema", "schema_path", pointer, sizeof pointer);
    const xmlNode *outside = find_outside(document->children);
    if (outside)
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, pointer,
                                "the schema reads another file (%s, line %ld); put all into one",
                                (const char *)outside->name, xmlGetLineNo((xmlNodePtr)outside));
    complaints_reset(job);
    __attribute__((cleanup(parser_free))) xmlSchemaParserCtxtPtr parser =
        xmlSchemaNewDocParserCtxt(document);
    if (!parser)
        return job_no_memory(job);
    *ret_schema = xmlSchemaParse(parser);
    if (*ret_schema)
        return 0;
    first_complaint(job, message, sizeof message);
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, pointer, "not an XML Schema: %s", message);
}

static int32_t check(struct job *job, xmlDocPtr document, xmlSchemaPtr schema, bool *ret_valid)
{
    __attribute__((cleanup(validator_free))) xmlSchemaValidCtxtPtr validator =
        xmlSchemaNewValidCtxt(schema);
    if (!validator)
        return job_no_memory(job);
    complaints_reset(job);
    int found = xmlSchemaValidateDoc(validator, document);
    if (found < 0)
        return llmspell_fail(job->call, LLMSPELL_EFAILED, "libxml2 cannot apply this schema");
    *ret_valid = found == 0;
    return llmspell_cancelled(job->call);
}

int32_t validate_run(struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT xmlDocPtr schema_document = NULL, document = NULL;
    __attribute__((cleanup(schema_free))) xmlSchemaPtr schema = NULL;
    bool wanted =
             json_object_get(job->params, "schema") || json_object_get(job->params, "schema_path"),
         valid = false;
    int32_t rc = 0;
    if (wanted)
        rc = load_document(job, "schema", "schema_path", &schema_document);
    if (wanted && rc == 0)
        rc = compile(job, schema_document, &schema);
    if (rc == 0)
        rc = load_tree(job, "input", "path", &document);
    if (rc < 0)
        return rc;
    if (!document)
        return result(job, false, wanted ? json_false() : json_null(), ret_result);
    if (!wanted)
        return result(job, true, json_null(), ret_result);
    rc = check(job, document, schema, &valid);
    return rc < 0 ? rc : result(job, true, json_boolean(valid), ret_result);
}
