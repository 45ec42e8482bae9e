/* SPDX-License-Identifier: Apache-2.0
 * host/tool/native_spec.c, native_parse.c, native_status.c, native_schema.c, native_library.c: what
 * is wrong in a description is told with its place and a cure; schemas come out of it. */
#include "tool/native_case.h"

/* native_check of {"native": …} refuses with this message, which begins with the file's name. */
static void refused(const char *native, const char *message)
{
    char text[2048], wanted[1024];
    struct error error = {0};
    snprintf(text, sizeof text, "{'native':%s}", native);
    snprintf(wanted, sizeof wanted, "t.json: %s", message);
    json_t *manifest = case_json(text);
    CU_ASSERT_EQUAL(native_check(manifest, "t.json", &error), LLMSPELL_EREFUSED);
    last = error;
    case_says(native, wanted, error.message);
    json_decref(manifest);
}

static void refused_arguments(const char *arguments, const char *message)
{
    char text[1024];
    snprintf(text, sizeof text, "{'library':null,'symbol':'f','arguments':[%s]}", arguments);
    refused(text, message);
}

static void refused_returns(const char *returns, const char *message)
{
    char text[1024];
    snprintf(text, sizeof text, "{'library':null,'symbol':'f','returns':%s}", returns);
    refused(text, message);
}

static void test_head(void)
{
    refused("5", "\"/native\" in its manifest: must be an object");
    refused("{'symbol':'f'}",
            "\"/native/library\" in its manifest: must be the name of a library, such as "
            "\"libm.so.6\", or null for the plugin's own file");
    refused("{'library':7,'symbol':'f'}",
            "\"/native/library\" in its manifest: must be the name of a library, such as "
            "\"libm.so.6\", or null for the plugin's own file");
    refused("{'library':null}",
            "\"/native/symbol\" in its manifest: must be the name of a C function");
    refused("{'library':null,'symbol':'f','argumets':[]}",
            "\"/native/argumets\" in its manifest: is no known key; did you mean \"arguments\"?");
    refused("{'library':null,'symbol':'f','q~/':1}",
            "\"/native/q~0~1\" in its manifest: is no known key (own ones start with x-)");
    refused("{'library':null,'symbol':'f','arguments':{}}",
            "\"/native/arguments\" in its manifest: must be an array of at most 32 objects");
    refused("{'library':null,'symbol':'f','fixed':1}",
            "\"/native/fixed\" in its manifest: must be how many of the 0 arguments stand before "
            "the \"...\"");
    refused("{'library':null,'symbol':'f','max_bytes':0}",
            "\"/native/max_bytes\" in its manifest: must be an integer from 1 to 1073741824");
}

static void test_types(void)
{
    refused_arguments("7", "\"/native/arguments/0\" in its manifest: must be an object with a "
                           "\"type\"");
    refused_arguments("{'name':'x'}", "\"/native/arguments/0/type\" in its manifest: must be the "
                                      "name of a type, such as \"i32\" or \"string\"");
    refused_arguments("{'name':'x','type':'strin'}",
                      "\"/native/arguments/0/type\" in its manifest: there is no type \"strin\"; "
                      "did you mean \"string\"?");
    refused_arguments(
        "{'name':'x','type':'unit32_t'}",
        "\"/native/arguments/0/type\" in its manifest: there is no type \"unit32_t\"; "
        "did you mean \"uint32_t\"?");
    refused_arguments("{'name':'x','type':'void'}",
                      "\"/native/arguments/0/type\" in its manifest: \"void\" cannot stand here");
    refused_arguments("{'type':'int'}", "\"/native/arguments/0/name\" in its manifest: must be a "
                                        "name of letters, digits and _ (at most 64)");
    refused_arguments("{'name':'x','type':'int'},{'name':'x','type':'int'}",
                      "\"/native/arguments/1\" in its manifest: the name \"x\" is used twice");
    refused_arguments("{'name':'x','type':'int','nulable':true}",
                      "\"/native/arguments/0/nulable\" in its manifest: is no known key; did you "
                      "mean \"nullable\"?");
    refused_arguments("{'name':'x','type':'int','size':3}",
                      "\"/native/arguments/0/size\" in its manifest: does not go with the type "
                      "\"int\" here");
    refused_arguments("{'name':'x','type':'int','out':1}",
                      "\"/native/arguments/0/out\" in its manifest: must be true or false");
    refused_arguments("{'name':'x','type':'int','out':true,'inout':true}",
                      "\"/native/arguments/0\" in its manifest: \"out\" and \"inout\" exclude each "
                      "other");
    refused_arguments(
        "{'name':'x','type':'u8','value':256}",
        "\"/native/arguments/0/value\" in its manifest: does not fit u8, whose values "
        "are 0 to 255");
    refused_arguments("{'name':'x','type':'int','default':'a'}",
                      "\"/native/arguments/0/default\" in its manifest: must be an integer");
    refused_arguments("{'name':'x','type':'pointer','value':5}",
                      "\"/native/arguments/0/value\" in its manifest: must be null");
    refused_arguments("{'name':'x','type':'bytes','encoding':'hex'}",
                      "\"/native/arguments/0/encoding\" in its manifest: must be \"base64\" or "
                      "\"utf8\"");
    refused_arguments("{'name':'x','type':'array','items':'string'}",
                      "\"/native/arguments/0/items\" in its manifest: must be the name of a number "
                      "type, such as \"double\"");
    refused_arguments(
        "{'name':'x','type':'string','out':true}",
        "\"/native/arguments/0/free\" in its manifest: must say who frees what is "
        "handed over: \"none\" (it stays the library's), \"free\", or the symbol of a "
        "function");
}

static void test_links(void)
{
    refused_arguments("{'name':'n','type':'int','length_of':'dat'},{'name':'data','type':'bytes'}",
                      "\"/native/arguments/0/length_of\" in its manifest: there is no argument "
                      "\"dat\"; did you mean \"data\"?");
    refused_arguments("{'name':'n','type':'int','length_of':'n'}",
                      "\"/native/arguments/0/length_of\" in its manifest: there is no other "
                      "argument \"n\"");
    refused_arguments("{'name':'n','type':'int','length_of':'m'},{'name':'m','type':'int'}",
                      "\"/native/arguments/0/length_of\" in its manifest: \"m\" has no length: it "
                      "is no string, bytes, buffer or array");
    refused_arguments("{'name':'b','type':'buffer'}",
                      "\"/native/arguments/0\" in its manifest: needs a \"size\", or \"size_from\" "
                      "with the name of an argument");
    refused_arguments("{'name':'b','type':'buffer','size':0}",
                      "\"/native/arguments/0/size\" in its manifest: must be an integer from 1 to "
                      "1073741824");
    refused_arguments("{'name':'b','type':'buffer','size_from':'s'},{'name':'s','type':'string'}",
                      "\"/native/arguments/0/size_from\" in its manifest: \"s\" is no integer that "
                      "the caller gives by value");
    refused_arguments(
        "{'name':'b','type':'buffer','size':4,'length_from':'returns'}",
        "\"/native/arguments/0/length_from\" in its manifest: the function returns no "
        "integer");
    refused_arguments("{'name':'b','type':'buffer','size':4,'length_from':'n'},"
                      "{'name':'n','type':'int'}",
                      "\"/native/arguments/0/length_from\" in its manifest: \"n\" is no integer "
                      "that comes out (\"returns\" is the value returned)");
    refused(
        "{'library':null,'symbol':'printf','fixed':1,'arguments':[{'name':'f','type':'string'},"
        "{'name':'x','type':'float'}]}",
        "\"/native/arguments/1\" in its manifest: C passes no float behind \"...\": say double");
    refused("{'library':null,'symbol':'printf','fixed':1,'arguments':[{'name':'f','type':'string'},"
            "{'name':'x','type':'short'}]}",
            "\"/native/arguments/1\" in its manifest: C passes no short behind \"...\": say int");
}

static void test_parts(void)
{
    refused_arguments("{'name':'s','type':'struct','fields':[]}",
                      "\"/native/arguments/0/fields\" in its manifest: must be an array of 1 to 64 "
                      "objects");
    refused_arguments("{'name':'s','type':'struct','fields':[{'name':'a','type':'array','items':"
                      "'int'}]}",
                      "\"/native/arguments/0/fields/0/size\" in its manifest: must say how many "
                      "items there are in the struct");
    refused_arguments("{'name':'s','type':'struct','fields':[{'name':'a','type':'array','items':"
                      "'int','size':65536}]}",
                      "\"/native/arguments/0\" in its manifest: is larger than 65536 bytes");
    refused_arguments("{'name':'s','type':'struct','fields':[{'name':'a','type':'bytes'}]}",
                      "\"/native/arguments/0/fields/0/type\" in its manifest: \"bytes\" cannot "
                      "stand here");
    refused_arguments("{'name':'c','type':'callback','arguments':[],'returns':{'type':'string'}}",
                      "\"/native/arguments/0/returns/type\" in its manifest: \"string\" cannot "
                      "stand here");
    refused_arguments("{'name':'c','type':'callback','returns':{'type':'int'}}",
                      "\"/native/arguments/0/arguments\" in its manifest: must be an array of at "
                      "most 32 objects");
    char deep[2048] = "{'name':'x','type':'int'}", outer[2048];
    for (int i = 0; i < 10; i++) {
        snprintf(outer, sizeof outer, "{'name':'s','type':'struct','fields':[%.1900s]}", deep);
        memcpy(deep, outer, sizeof deep);
    }
    refused_arguments(deep, "\"/native/arguments/0/fields/0/fields/0/fields/0/fields/0/fields/0/"
                            "fields/0/fields/0/fields/0\" in its manifest: structs are nested "
                            "deeper than 8 levels");
}

static void test_returns(void)
{
    refused_returns("'int'",
                    "\"/native/returns\" in its manifest: must be an object with a \"type\"");
    refused_returns("{'type':'string'}",
                    "\"/native/returns/free\" in its manifest: must say who frees what is handed "
                    "over: \"none\" (it stays the library's), \"free\", or the symbol of a "
                    "function");
    refused_returns("{'type':'pointer'}",
                    "\"/native/returns\" in its manifest: a pointer cannot be "
                    "shown; it needs a \"status\"");
    refused_returns("{'type':'int','status':{}}",
                    "\"/native/returns/status/ok\" in its manifest: is missing: which values mean "
                    "success?");
    refused_returns("{'type':'int','status':{'ok':'nonnull'}}",
                    "\"/native/returns/status/ok\" in its manifest: \"nonnull\" cannot be said of "
                    "what the function returns");
    refused_returns("{'type':'unsigned','status':{'ok':'>=0'}}",
                    "\"/native/returns/status/ok\" in its manifest: \">=0\" is always true of the "
                    "type \"unsigned\"");
    refused_returns(
        "{'type':'i8','status':{'ok':[0,300]}}",
        "\"/native/returns/status/ok/1\" in its manifest: does not fit i8, whose values "
        "are -128 to 127");
    refused_returns("{'type':'int','status':{'ok':'good'}}",
                    "\"/native/returns/status/ok\" in its manifest: must be a value, an array of "
                    "values, \">=0\", \">0\", \"!=0\", \"nonnull\" or \"errno\"");
    refused_returns("{'type':'int','status':{'ok':0,'names':{'x':'E'}}}",
                    "\"/native/returns/status/names/x\" in its manifest: must be a number with its "
                    "name");
    refused("{'library':null,'symbol':'f','arguments':[{'name':'result','type':'int','out':true}],"
            "'returns':{'type':'int'}}",
            "\"/native/returns/name\" in its manifest: an argument that comes out is called "
            "\"result\", too");
}

/* ---- libraries and symbols ---- */

static void test_library(void)
{
    fails("{'library':'libz.so.99','symbol':'crc32'}", "{}", LLMSPELL_EREFUSED, NULL,
          "the library of \"native\" cannot be loaded: libz.so.99: cannot open shared object file: "
          "No such file or directory; did you mean libz.so.1?");
    fails("{'library':'/nowhere/x.so','symbol':'f'}", "{}", LLMSPELL_EREFUSED, NULL,
          "the library of \"native\" cannot be loaded: /nowhere/x.so: cannot open shared object "
          "file: No such file or directory (is its package installed?)");
    fails("{'library':'libm.so.6','symbol':'hypott'}", "{}", LLMSPELL_EREFUSED, NULL,
          "libm.so.6 has no symbol \"hypott\" for \"native\"; did you mean \"hypot\"?");
    fails("{'library':'libm.so.6','symbol':'qqqqqqqqqqqqqqq'}", "{}", LLMSPELL_EREFUSED, NULL,
          "libm.so.6 has no symbol \"qqqqqqqqqqqqqqq\" for \"native\"; `nm -D` shows those that it "
          "exports");
    fails("{'library':'libc.so.6','symbol':'getenv','returns':{'type':'string','free':'fre'}}",
          "{}", LLMSPELL_EREFUSED, NULL,
          "libc.so.6 has no symbol \"fre\" for \"native\"; did you mean \"free\"?");
    struct error error = {0};
    struct native *native = NULL;
    json_t *spec = case_json("{'library':null,'symbol':'f'}");
    CU_ASSERT_EQUAL(native_open(spec, NULL, &native, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_STRING_EQUAL(error.message,
                           "\"library\" of \"native\" is null, but there is no shared object of "
                           "the plugin's own: name a library");
    json_decref(spec);
}

/* ---- schemas ---- */

static void derived(const char *native, const char *key, const char *wanted)
{
    char text[2048];
    struct error error = {0};
    snprintf(text, sizeof text, "{'native':%s}", native);
    json_t *manifest = case_json(text), *value = case_json(wanted);
    CU_ASSERT_EQUAL(native_check(manifest, "t", &error), 0);
    CU_ASSERT_EQUAL(native_derive(manifest, &error), 0);
    char *got = json_dumps(json_object_get(manifest, key), JSON_COMPACT);
    char *want = json_dumps(value, JSON_COMPACT);
    case_says(native, want, got);
    free(want);
    free(got);
    json_decref(value);
    json_decref(manifest);
}

static void test_derived(void)
{
    const char *spec =
        "{'library':null,'symbol':'f','arguments':[{'name':'a','type':'i8','description':'A.'},"
        "{'name':'b','type':'size_t','default':3},{'name':'c','type':'string','nullable':true},"
        "{'name':'d','type':'bytes'},{'name':'n','type':'int','length_of':'d'},"
        "{'name':'e','type':'array','items':'double','size':2},"
        "{'name':'g','type':'struct','fields':[{'name':'x','type':'bool'}]},"
        "{'name':'h','type':'double','out':true},{'name':'z','type':'int','value':1}],"
        "'returns':{'type':'string','free':'none'}}";
    derived(spec, "parameters",
            "{'type':'object','properties':{"
            "'a':{'type':'integer','minimum':-128,'maximum':127,'description':'A.'},"
            "'b':{'type':['integer','string'],'minimum':0,'pattern':'^[0-9]{1,20}$','default':3},"
            "'c':{'type':['string','null']},"
            "'d':{'type':'string','contentEncoding':'base64'},"
            "'e':{'type':'array','items':{'type':'number'},'minItems':2,'maxItems':2},"
            "'g':{'type':'object','properties':{'x':{'type':'boolean'}},'required':['x'],"
            "'additionalProperties':false}},"
            "'required':['a','d','e','g'],'additionalProperties':false}");
    derived(spec, "result",
            "{'type':'object','properties':{'h':{'type':['number','null']},"
            "'result':{'type':['string','null']}},'required':['h','result'],"
            "'additionalProperties':false}");
}

static void unfit(const char *parameters, const char *message)
{
    char text[1024];
    struct error error = {0};
    snprintf(text, sizeof text,
             "{'native':{'library':null,'symbol':'f','arguments':[{'name':'count','type':'int'}]},"
             "'parameters':%s}",
             parameters);
    json_t *manifest = case_json(text);
    int rc = native_check(manifest, "t.json", &error);
    CU_ASSERT_EQUAL(rc, message ? LLMSPELL_EREFUSED : 0);
    last = error;
    if (message)
        case_says(parameters, message, error.message);
    json_decref(manifest);
}

static void test_own_schema(void)
{
    unfit("{'properties':{'count':{'type':'integer','minimum':3}},'required':['count']}", NULL);
    unfit("{'properties':{'count':{'enum':[1,2],'default':1}}}", NULL);
    unfit("{'properties':{}}", "t.json: \"/parameters/properties/count\" in its manifest: is "
                               "missing: the function has an argument \"count\"");
    unfit("{'properties':{'cuont':{'type':'integer'}}}",
          "t.json: \"/parameters/properties/cuont\" in its manifest: no argument takes it; did you "
          "mean \"count\"?");
    unfit(
        "{'properties':{'count':{'type':['integer','null']}},'required':['count']}",
        "t.json: \"/parameters/properties/count/type\" in its manifest: \"null\" does not fit the "
        "argument \"count\", whose type is int");
    unfit("{'properties':{'count':{'type':'integer'}}}",
          "t.json: \"/parameters\" in its manifest: must require \"count\", or give it a default");
}

TEST_MAIN("native_spec", {"library, symbol, numbers", test_head}, {"types", test_types},
          {"links between arguments", test_links}, {"structs and callbacks", test_parts},
          {"what is returned", test_returns}, {"missing libraries and symbols", test_library},
          {"derived schemas", test_derived}, {"an author's own schema", test_own_schema})
