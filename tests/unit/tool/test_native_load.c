/* SPDX-License-Identifier: Apache-2.0
 * host/tool/native_load.c: what comes out of C: numbers that JSON has not, buffers and their
 * lengths, structs, ownership, and how failures are told. */
#include "tool/native_case.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>

EXPORTED double divide(double a, double b);
double divide(double a, double b)
{
    return a / b;
}

EXPORTED int8_t minus_five(void);
int8_t minus_five(void)
{
    return -5;
}

static void test_numbers(void)
{
    const char *spec =
        "{'library':null,'symbol':'divide','arguments':[{'name':'a','type':'double'},"
        "{'name':'b','type':'double'}],'returns':{'type':'double','name':'ratio'}}";
    gives(spec, "{'a':1,'b':4}", "{'ratio':0.25}");
    gives(spec, "{'a':0,'b':0}", "{'ratio':null}");
    gives(spec, "{'a':-1,'b':0}", "{'ratio':null}");
    gives("{'library':null,'symbol':'minus_five','returns':{'type':'i8'}}", "{}", "{'result':-5}");
    gives("{'library':null,'symbol':'minus_five'}", "{}", "{}");
}

/* ---- buffers ---- */

EXPORTED int fill(char *buffer, size_t size, const char *text, int extra, int *ret_length);
int fill(char *buffer, size_t size, const char *text, int extra, int *ret_length)
{
    size_t n = strlen(text);
    memcpy(buffer, text, n < size ? n : size);
    if (ret_length)
        *ret_length = (int)n + extra;
    return (int)n + extra;
}

#define FILL(buffer, length)                                                                       \
    "{'library':null,'symbol':'fill','arguments':[{'name':'data','type':'buffer'," buffer          \
    "},{'name':'size','type':'size_t'," length "},{'name':'text','type':'string'},"                \
    "{'name':'extra','type':'int','default':0},{'name':'length','type':'int','out':true}],"        \
    "'returns':{'type':'int'}}"

static void test_buffers(void)
{
    gives(FILL("'size':8,'encoding':'utf8'", "'length_of':'data'"), "{'text':'abc'}",
          "{'data':'abc','length':3,'result':3}");
    gives(FILL("'size':3,'encoding':'utf8'", "'length_of':'data'"), "{'text':'abcd'}",
          "{'data':'abc','length':4,'result':4}"); /* no NUL within it */
    gives(FILL("'size':4", "'length_of':'data'"), "{'text':'abc'}",
          "{'data':'YWJjAA==','length':3,'result':3}");
    gives(FILL("'size':8,'length_from':'returns'", "'length_of':'data'"), "{'text':'abc'}",
          "{'data':'YWJj','length':3,'result':3}");
    gives(FILL("'size_from':'size','length_from':'length'", "'default':5"), "{'text':'abc'}",
          "{'data':'YWJj','length':3,'result':3}");
    gives(FILL("'size_from':'size','length_from':'length'", "'default':5"), "{'text':'','size':0}",
          "{'data':'','length':0,'result':0}");
    fails(FILL("'size':8,'length_from':'returns'", "'length_of':'data'"),
          "{'text':'abc','extra':6}", LLMSPELL_EFAILED, NULL,
          "fill: what came out as \"data\" has a length of 9, where 8 fit");
    fails(FILL("'size':8,'length_from':'length'", "'length_of':'data'"),
          "{'text':'abc','extra':-4}", LLMSPELL_EFAILED, NULL,
          "fill: what came out as \"data\" has a length of -1, where 8 fit");
    fails(FILL("'size_from':'size'", "'default':5"), "{'text':'','size':2000000000}",
          LLMSPELL_EINVAL, "/size", "is no size of a buffer: 0 to 1073741824 are");
    fails(FILL("'size_from':'size'", "'default':5"), "{'text':'','size':20000000}", LLMSPELL_ELIMIT,
          NULL,
          "\"data\" needs 20000000 bytes; 0 of the 16777216 that the arguments of this tool may "
          "have are used (max_bytes of \"native\")");
}

EXPORTED void spoil(char *buffer);
void spoil(char *buffer)
{
    memcpy(buffer, "a\xFF", 3);
}

EXPORTED int shrink(uint8_t *bytes, unsigned long *length);
int shrink(uint8_t *bytes, unsigned long *length)
{
    for (unsigned long i = 0; i < *length; i++)
        bytes[i] = (uint8_t)(bytes[i] + 1);
    *length -= 1;
    return 0;
}

EXPORTED void squares(int n, int64_t *items);
void squares(int n, int64_t *items)
{
    for (int i = 0; i < n; i++)
        items[i] = (int64_t)i * i;
}

static void test_inout(void)
{
    fails("{'library':null,'symbol':'spoil','arguments':[{'name':'b','type':'buffer','size':4,"
          "'encoding':'utf8'}]}",
          "{}", LLMSPELL_EFAILED, NULL,
          "spoil: what came out as \"b\" is not UTF-8; the description should say bytes");
    gives("{'library':null,'symbol':'shrink','arguments':[{'name':'b','type':'bytes','inout':true},"
          "{'name':'n','type':'unsigned long','inout':true,'length_of':'b'}]}",
          "{'b':'AAEC'}", "{'b':'AQID'}");
    gives("{'library':null,'symbol':'squares','arguments':[{'name':'n','type':'int'},"
          "{'name':'items','type':'array','items':'i64','out':true,'size_from':'n'}]}",
          "{'n':4}", "{'items':[0,1,4,9]}");
}

/* The example of docs/native.md: a length that goes in and comes out. */
static void test_compress(void)
{
    const char *spec = "{'library':'libz.so.1','symbol':'compress','arguments':["
                       "{'name':'packed','type':'buffer','size':%d,'length_from':'room'},"
                       "{'name':'room','type':'unsigned long','inout':true,'length_of':'packed'},"
                       "{'name':'data','type':'bytes'},"
                       "{'name':'length','type':'unsigned long','length_of':'data'}],"
                       "'returns':{'type':'int','status':{'ok':0,'names':{'-5':'Z_BUF_ERROR'}}}}";
    char large[1024], small[1024];
    snprintf(large, sizeof large, spec, 65536);
    snprintf(small, sizeof small, spec, 3);
    gives(large, "{'data':'YWFhYWFhYWFhYWFh'}", "{'packed':'eJxLTEQAAB2aBI0='}");
    fails(small, "{'data':'YWFhYWFhYWFhYWFh'}", LLMSPELL_EFAILED, NULL,
          "compress returned -5 (Z_BUF_ERROR)");
}

/* ---- structs ---- */

struct point {
    int x;
    double y;
    char name[4];
    void *hidden;
    const char *label;
};

static struct point the_point = {3, 0.5, "abcd", &the_point, "far"};

EXPORTED const struct point *find_point(int there);
const struct point *find_point(int there)
{
    return there ? &the_point : NULL;
}

EXPORTED int get_point(struct point *p);
int get_point(struct point *p)
{
    p->x += 1;
    p->y = NAN;
    return 0;
}

EXPORTED struct point *new_point(void);
struct point *new_point(void)
{
    struct point *p = malloc(sizeof *p);
    *p = the_point;
    return p;
}

#define POINT                                                                                      \
    "'type':'struct','fields':[{'name':'x','type':'int'},{'name':'y','type':'double'},"            \
    "{'name':'name','type':'chars','size':4},{'name':'hidden','type':'pointer'},"                  \
    "{'name':'label','type':'string','nullable':true}]"

static void test_structs(void)
{
    const char *find = "{'library':null,'symbol':'find_point','arguments':[{'name':'there','type':"
                       "'int'}],'returns':{'pointer':true,'free':'none'," POINT "}}";
    gives(find, "{'there':1}", "{'result':{'x':3,'y':0.5,'name':'abcd','label':'far'}}");
    gives(find, "{'there':0}", "{'result':null}");
    gives("{'library':null,'symbol':'get_point','arguments':[{'name':'p','out':true," POINT "}]}",
          "{}", "{'p':{'x':1,'y':null,'name':'','label':null}}");
    gives("{'library':null,'symbol':'get_point','arguments':[{'name':'p','inout':true," POINT "}]}",
          "{'p':{'x':41,'y':2,'name':'z','label':'here'}}",
          "{'p':{'x':42,'y':null,'name':'z','label':'here'}}");
    gives("{'library':null,'symbol':'new_point','returns':{'pointer':true,'free':'free'," POINT
          "}}",
          "{}", "{'result':{'x':3,'y':0.5,'name':'abcd','label':'far'}}");
}

/* ---- ownership ---- */

static int freed;

EXPORTED void give_back(void *text);
void give_back(void *text)
{
    freed++;
    free(text);
}

EXPORTED char *make_text(int kind);
char *make_text(int kind)
{
    return kind == 0 ? NULL : kind == 1 ? strdup("mine") : strdup("bad \xC3");
}

EXPORTED int make_out(char **ret_text, int kind);
int make_out(char **ret_text, int kind)
{
    *ret_text = make_text(kind);
    return kind == 0 ? -1 : 0;
}

static void test_ownership(void)
{
    const char *spec = "{'library':null,'symbol':'make_text','arguments':[{'name':'kind','type':"
                       "'int'}],'returns':{'type':'string','free':'give_back'}}";
    freed = 0;
    gives(spec, "{'kind':1}", "{'result':'mine'}");
    CU_ASSERT_EQUAL(freed, 1);
    gives(spec, "{'kind':0}", "{'result':null}");
    CU_ASSERT_EQUAL(freed, 1);
    fails(spec, "{'kind':2}", LLMSPELL_EFAILED, NULL,
          "make_text: what came out as \"result\" is not UTF-8; the description should say bytes");
    CU_ASSERT_EQUAL(freed, 2);
    const char *out = "{'library':null,'symbol':'make_out','arguments':[{'name':'text','type':"
                      "'string','out':true,'free':'give_back'},{'name':'kind','type':'int'}],"
                      "'returns':{'type':'int','status':{'ok':0}}}";
    gives(out, "{'kind':1}", "{'text':'mine'}");
    CU_ASSERT_EQUAL(freed, 3);
    fails(out, "{'kind':0}", LLMSPELL_EFAILED, NULL, "make_out returned -1");
    CU_ASSERT_EQUAL(freed, 3);
}

/* ---- status ---- */

EXPORTED int report(int value, int number);
int report(int value, int number)
{
    errno = number;
    return value;
}

EXPORTED const char *reason(int value);
const char *reason(int value)
{
    return value == 7 ? "seven is too much" : "something else";
}

EXPORTED void *maybe(int value, int number);
void *maybe(int value, int number)
{
    errno = number;
    return value ? &freed : NULL;
}

static char *status_of(const char *symbol, const char *type, const char *status)
{
    static char spec[512];
    snprintf(spec, sizeof spec,
             "{'library':null,'symbol':'%s','arguments':[{'name':'v','type':'int'},"
             "{'name':'e','type':'int','default':0}],'returns':{'type':'%s','status':%s}}",
             symbol, type, status);
    return spec;
}

static void test_status(void)
{
    gives(status_of("report", "int", "{'ok':0}"), "{'v':0}", "{}");
    gives(status_of("report", "int", "{'ok':[0,1]}"), "{'v':1}", "{'result':1}");
    gives(status_of("report", "int", "{'ok':'>=0'}"), "{'v':5}", "{'result':5}");
    gives(status_of("report", "int", "{'ok':'errno'}"), "{'v':-1}", "{'result':-1}");
    gives(status_of("maybe", "pointer", "{'ok':'nonnull'}"), "{'v':1}", "{}");
    fails(status_of("report", "int", "{'ok':0,'names':{'-3':'E_DATA'}}"), "{'v':-3}",
          LLMSPELL_EFAILED, NULL, "report returned -3 (E_DATA)");
    fails(status_of("report", "int", "{'ok':[0,1]}"), "{'v':2}", LLMSPELL_EFAILED, NULL,
          "report returned 2");
    fails(status_of("report", "int", "{'ok':'>=0','errno':true}"), "{'v':-1,'e':2}",
          LLMSPELL_EFAILED, NULL,
          "report returned -1: No such file or directory (ENOENT, errno 2)");
    fails(status_of("report", "int", "{'ok':'>=0'}"), "{'v':-1,'e':2}", LLMSPELL_EFAILED, NULL,
          "report returned -1");
    fails(status_of("report", "int", "{'ok':'>0'}"), "{'v':0}", LLMSPELL_EFAILED, NULL,
          "report returned 0");
    fails(status_of("report", "int", "{'ok':'!=0','errno':true}"), "{'v':0,'e':4444}",
          LLMSPELL_EFAILED, NULL, "report returned 0: unknown error (no name, errno 4444)");
    fails(status_of("report", "int", "{'ok':0,'message':'strerror'}"), "{'v':13}", LLMSPELL_EFAILED,
          NULL, "report returned 13: Permission denied (EACCES, errno 13)");
    fails(status_of("report", "int", "{'ok':0,'message':'reason'}"), "{'v':7}", LLMSPELL_EFAILED,
          NULL, "report returned 7: seven is too much");
    fails(status_of("report", "int", "{'ok':'errno'}"), "{'v':-1,'e':34}", LLMSPELL_EFAILED, NULL,
          "report returned -1: Numerical result out of range (ERANGE, errno 34)");
    fails(status_of("maybe", "pointer", "{'ok':'nonnull','errno':true}"), "{'v':0,'e':12}",
          LLMSPELL_EFAILED, NULL, "maybe returned NULL: Cannot allocate memory (ENOMEM, errno 12)");
}

TEST_MAIN("native_load", {"numbers that JSON has not", test_numbers},
          {"buffers and their lengths", test_buffers}, {"what goes in and out", test_inout},
          {"compress", test_compress}, {"structs", test_structs}, {"who frees", test_ownership},
          {"status", test_status})
