/* SPDX-License-Identifier: Apache-2.0
 * query: XPath 1.0 on the document. */
#include <math.h>

#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "xml.h"

static void context_free(xmlXPathContextPtr *context)
{
    xmlXPathFreeContext(*context);
}

static void object_free(xmlXPathObjectPtr *object)
{
    xmlXPathFreeObject(*object);
}

static int32_t register_namespaces(const struct job *job, xmlXPathContextPtr context)
{
    const char *prefix;
    json_t *uri;
    json_object_foreach(json_object_get(job->params, "namespaces"), prefix, uri)
    {
        const char *text = json_string_value(uri);
        if (xmlValidateNCName((const xmlChar *)prefix, 0) != 0)
            return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/namespaces",
                                    "\"%.100s\" is not a prefix; XPath has no default namespace",
                                    prefix);
        if (xmlXPathRegisterNs(context, (const xmlChar *)prefix, (const xmlChar *)text) != 0)
            return job_no_memory(job);
    }
    return 0;
}

static int32_t fail_xpath(const struct job *job, const xmlXPathContext *context)
{
    char message[256];
    int code = context->lastError.code - XML_XPATH_EXPRESSION_OK;
    /* of a function or variable, libxml2 only prints that its prefix is unknown */
    bool unrecorded = context->lastError.code == XML_ERR_OK;
    first_complaint(job, message, sizeof message);
    if (code == XPATH_UNDEF_PREFIX_ERROR || unrecorded)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/namespaces",
                                "a prefix of \"%.200s\" has no namespace here; give it in "
                                "namespaces",
                                llmspell_string(job->params, "xpath"));
    if (code == XPATH_MEMORY_ERROR)
        return job_no_memory(job);
    if (code == XPATH_OP_LIMIT_EXCEEDED || code == XPATH_RECURSION_LIMIT_EXCEEDED)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/xpath",
                                "the XPath expression is too complex: %s", message);
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/xpath", "not XPath 1.0: %s",
                            *message ? message : "it does not compile");
}

/* ---- the result ---- */

static json_t *node_json(const struct job *job, xmlNodePtr node)
{
    if (node->type == XML_DOCUMENT_NODE)
        node = xmlDocGetRootElement((xmlDocPtr)node);
    if (node && node->type == XML_ELEMENT_NODE)
        return compact_element(job, node);
    if (node && node->type == XML_NAMESPACE_DECL) {
        const xmlNs *space = (const xmlNs *)node;
        return json_string(space->href ? (const char *)space->href : "");
    }
    xmlChar *text = xmlNodeGetContent(node);
    json_t *value = json_string(text ? (const char *)text : "");
    xmlFree(text);
    return value;
}

static int32_t nodes_result(const struct job *job, xmlNodeSetPtr nodes, json_t **ret_result)
{
    int limit = (int)llmspell_integer(job->params, "limit", 1000);
    int total = nodes ? nodes->nodeNr : 0, count = total < limit ? total : limit;
    LLMSPELL_CLEANUP_JSON json_t *results = json_array();
    if (total > 1)
        xmlXPathNodeSetSort(nodes);
    for (int i = 0; i < count; i++) {
        int32_t rc = llmspell_cancelled(job->call);
        if (rc < 0)
            return rc;
        if (json_array_append_new(results, node_json(job, nodes->nodeTab[i])) != 0)
            return job_no_memory(job);
    }
    json_t *result =
        json_pack("{s:s,s:i,s:O}", "type", "nodes", "count", count, "results", results);
    if (result && total > count && json_object_set_new(result, "truncated", json_true()) != 0)
        return job_no_memory(job);
    return llmspell_return(job->call, ret_result, result);
}

static int32_t object_result(const struct job *job, const xmlXPathObject *object,
                             json_t **ret_result)
{
    const char *type = "string";
    json_t *value = NULL;
    switch (object->type) {
    case XPATH_NODESET:
        return nodes_result(job, object->nodesetval, ret_result);
    case XPATH_BOOLEAN:
        type = "boolean";
        value = json_boolean(object->boolval);
        break;
    case XPATH_NUMBER:
        type = "number";
        value = number_json(object->floatval);
        break;
    default:
        value = json_string(object->stringval ? (const char *)object->stringval : "");
    }
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:s,s:i,s:[o]}", "type", type, "count", 1, "results", value));
}

int32_t query_run(struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT xmlDocPtr document = NULL;
    const char *xpath = llmspell_string(job->params, "xpath");
    int32_t rc = load_document(job, "input", "path", &document);
    if (rc < 0)
        return rc;
    if (strlen(xpath) != llmspell_string_length(job->params, "xpath"))
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/xpath", "U+0000 is not XPath");
    __attribute__((cleanup(context_free))) xmlXPathContextPtr context =
        xmlXPathNewContext(document);
    if (!context)
        return job_no_memory(job);
    context->node = (xmlNodePtr)document; /* what relative paths start at: as / does */
    context->contextSize = 1;
    context->proximityPosition = 1;
    rc = register_namespaces(job, context);
    if (rc < 0)
        return rc;
    complaints_reset(job);
    __attribute__((cleanup(object_free))) xmlXPathObjectPtr object =
        xmlXPathEval((const xmlChar *)xpath, context);
    return object ? object_result(job, object, ret_result) : fail_xpath(job, context);
}
