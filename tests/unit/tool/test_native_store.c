/* SPDX-License-Identifier: Apache-2.0
 * host/tool/native_store.c and native_scalar.c: every type going in, its limits, wrong types,
 * NULLs, lengths, alignment, structs by value. */
#include "tool/native_case.h"

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#define ECHO(name, type)                                                                           \
    EXPORTED type echo_##name(type x);                                                             \
    type echo_##name(type x)                                                                       \
    {                                                                                              \
        return x;                                                                                  \
    }

ECHO(i8, int8_t)
ECHO(u8, uint8_t)
ECHO(i16, int16_t)
ECHO(u16, uint16_t)
ECHO(i32, int32_t)
ECHO(u32, uint32_t)
ECHO(i64, int64_t)
ECHO(u64, uint64_t)
ECHO(float, float)
ECHO(double, double)
ECHO(bool, bool)

static void echo(const char *type, const char *value, const char *wanted)
{
    char spec[512], params[128], result[128];
    snprintf(spec, sizeof spec,
             "{'library':null,'symbol':'echo_%s','arguments':[{'name':'x','type':'%s'}],"
             "'returns':{'type':'%s'}}",
             type, type, type);
    snprintf(params, sizeof params, "{'x':%s}", value);
    snprintf(result, sizeof result, "{'result':%s}", wanted);
    gives(spec, params, result);
}

static void refuse(const char *type, const char *value, const char *message)
{
    char spec[512], params[128];
    snprintf(spec, sizeof spec,
             "{'library':null,'symbol':'echo_%s','arguments':[{'name':'x','type':'%s'}],"
             "'returns':{'type':'%s'}}",
             type, type, type);
    snprintf(params, sizeof params, "{'x':%s}", value);
    fails(spec, params, LLMSPELL_EINVAL, "/x", message);
}

static void test_limits(void)
{
    echo("i8", "-128", "-128");
    echo("i8", "127", "127");
    echo("u8", "255", "255");
    echo("i16", "-32768", "-32768");
    echo("u16", "65535", "65535");
    echo("i32", "-2147483648", "-2147483648");
    echo("i32", "2147483647", "2147483647");
    echo("u32", "4294967295", "4294967295");
    echo("i64", "-9223372036854775808", "-9223372036854775808");
    echo("i64", "9223372036854775807", "9223372036854775807");
    echo("u64", "9223372036854775807", "9223372036854775807");
    echo("u64", "'9223372036854775808'", "'9223372036854775808'");
    echo("u64", "'18446744073709551615'", "'18446744073709551615'");
    echo("u64", "'7'", "7");
    echo("i32", "3.0", "3");
    echo("u64", "1e19", "'10000000000000000000'");
    echo("bool", "true", "true");
    echo("bool", "false", "false");
    echo("double", "-0.1", "-0.1");
    echo("double", "3", "3.0");
    echo("double", "1.7976931348623157e308", "1.7976931348623157e308");
    echo("float", "0.5", "0.5");
}

static void test_overflow(void)
{
    refuse("i8", "128", "does not fit i8, whose values are -128 to 127");
    refuse("i8", "-129", "does not fit i8, whose values are -128 to 127");
    refuse("u8", "256", "does not fit u8, whose values are 0 to 255");
    refuse("u8", "-1", "does not fit u8, whose values are 0 to 255");
    refuse("i16", "32768", "does not fit i16, whose values are -32768 to 32767");
    refuse("u16", "65536", "does not fit u16, whose values are 0 to 65535");
    refuse("i32", "2147483648", "does not fit i32, whose values are -2147483648 to 2147483647");
    refuse("u32", "4294967296", "does not fit u32, whose values are 0 to 4294967295");
    refuse("i64", "1e19",
           "does not fit i64, whose values are -9223372036854775808 to 9223372036854775807");
    refuse("u64", "-1", "does not fit u64, whose values are 0 to 18446744073709551615");
    refuse("u64", "'18446744073709551616'",
           "does not fit u64, whose values are 0 to 18446744073709551615");
    refuse("u64", "'-1'", "does not fit u64, whose values are 0 to 18446744073709551615");
    refuse("float", "1e39", "1e+39 does not fit float");
}

static void test_wrong_types(void)
{
    refuse("i32", "2.5", "must be an integer, is 2.5");
    refuse("i32", "'3'", "must be an integer");
    refuse("i32", "null", "must be an integer");
    refuse("i64", "'3'", "must be an integer");
    refuse("u32", "true", "must be an integer");
    refuse("double", "'1'", "must be a number");
    refuse("double", "null", "must be a number");
    refuse("bool", "1", "must be true or false");
    fails("{'library':null,'symbol':'echo_i32','arguments':[{'name':'x','type':'int'}]}", "{}",
          LLMSPELL_EINVAL, "/x", "is missing");
}

/* ---- texts and bytes ---- */

EXPORTED size_t text_length(const char *text);
size_t text_length(const char *text)
{
    return text ? strlen(text) : 99;
}

EXPORTED uint32_t byte_sum(const uint8_t *bytes, uint8_t count);
uint32_t byte_sum(const uint8_t *bytes, uint8_t count)
{
    uint32_t sum = bytes ? 0 : 1000;
    for (uint8_t i = 0; i < count; i++)
        sum += bytes[i];
    return sum;
}

#define TEXT_LENGTH(more)                                                                          \
    "{'library':null,'symbol':'text_length','arguments':[{'name':'text','type':'string'" more      \
    "}],'returns':{'type':'size_t'}}"
#define BYTE_SUM(more)                                                                             \
    "{'library':null,'symbol':'byte_sum','arguments':[{'name':'data','type':'bytes'" more          \
    "},{'name':'n','type':'u8','length_of':'data'}],'returns':{'type':'u32'}}"

static void test_texts(void)
{
    gives(TEXT_LENGTH(""), "{'text':'a\\u00e9'}", "{'result':3}");
    gives(TEXT_LENGTH(""), "{'text':''}", "{'result':0}");
    gives(TEXT_LENGTH(",'nullable':true"), "{'text':null}", "{'result':99}");
    gives(TEXT_LENGTH(",'nullable':true"), "{}", "{'result':99}");
    gives(TEXT_LENGTH(",'default':'four'"), "{}", "{'result':4}");
    gives(TEXT_LENGTH(",'value':'hidden'"), "{}", "{'result':6}");
    gives(TEXT_LENGTH(",'value':null"), "{}", "{'result':99}");
    fails(TEXT_LENGTH(""), "{'text':'a\\u0000b'}", LLMSPELL_EINVAL, "/text",
          "holds a NUL, where C's strings end");
    fails(TEXT_LENGTH(""), "{'text':null}", LLMSPELL_EINVAL, "/text", "must be a string");
    fails(TEXT_LENGTH(""), "{'text':5}", LLMSPELL_EINVAL, "/text", "must be a string");
}

static void test_bytes(void)
{
    gives(BYTE_SUM(""), "{'data':'AQID'}", "{'result':6}");
    gives(BYTE_SUM(""), "{'data':'/w=='}", "{'result':255}");
    gives(BYTE_SUM(""), "{'data':''}", "{'result':0}");
    gives(BYTE_SUM(",'nullable':true"), "{}", "{'result':1000}");
    gives(BYTE_SUM(",'encoding':'utf8'"), "{'data':'a\\u0000b'}", "{'result':195}");
    const char *bad[] = {"{'data':'AQI'}", "{'data':'AQ=D'}", "{'data':'A?ID'}", "{'data':'AR=='}",
                         "{'data':'===='}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        fails(BYTE_SUM(""), bad[i], LLMSPELL_EINVAL, "/data", "is not base64 (with padding)");
    char params[400] = "{'data':'";
    memset(params + 9, 'A', 256 / 3 * 4 + 4);
    memcpy(params + 9 + 256 / 3 * 4 + 4, "'}", 3);
    fails(BYTE_SUM(""), params, LLMSPELL_EINVAL, "/data",
          "has a length of 258, which does not fit u8");
}

static void test_max_bytes(void)
{
    const char *spec = "{'library':null,'symbol':'text_length','max_bytes':4,'arguments':["
                       "{'name':'text','type':'string'}],'returns':{'type':'size_t'}}";
    gives(spec, "{'text':'four'}", "{'result':4}");
    fails(spec, "{'text':'fives'}", LLMSPELL_ELIMIT, NULL,
          "\"text\" needs 5 bytes; 0 of the 4 that the arguments of this tool may have are used "
          "(max_bytes of \"native\")");
}

/* ---- arrays ---- */

EXPORTED double dot(const double *a, const double *b, int n);
double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

EXPORTED void negate(int16_t *items, size_t n);
void negate(int16_t *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i] = (int16_t)-items[i];
}

static void test_arrays(void)
{
    const char *spec = "{'library':null,'symbol':'dot','arguments':["
                       "{'name':'a','type':'array','items':'double'},"
                       "{'name':'b','type':'array','items':'double'},"
                       "{'name':'n','type':'int','length_of':'a'}],'returns':{'type':'double'}}";
    gives(spec, "{'a':[1,2,3],'b':[4,5.5,6]}", "{'result':33.0}");
    gives(spec, "{'a':[],'b':[]}", "{'result':0.0}");
    fails(spec, "{'a':[1,'x'],'b':[]}", LLMSPELL_EINVAL, "/a/1", "must be a number");
    fails(spec, "{'a':7,'b':[]}", LLMSPELL_EINVAL, "/a", "must be an array");
    const char *fixed = "{'library':null,'symbol':'dot','arguments':["
                        "{'name':'a','type':'array','items':'double','size':2},"
                        "{'name':'b','type':'array','items':'double','size':2},"
                        "{'name':'n','type':'int','value':2}],'returns':{'type':'double'}}";
    gives(fixed, "{'a':[1,2],'b':[3,4]}", "{'result':11.0}");
    fails(fixed, "{'a':[1,2],'b':[3]}", LLMSPELL_EINVAL, "/b", "must have 2 items, has 1");
    const char *both = "{'library':null,'symbol':'negate','arguments':["
                       "{'name':'items','type':'array','items':'i16','inout':true},"
                       "{'name':'n','type':'size_t','length_of':'items'}]}";
    gives(both, "{'items':[1,-2,300]}", "{'items':[-1,2,-300]}");
    fails(both, "{'items':[40000]}", LLMSPELL_EINVAL, "/items/0",
          "does not fit i16, whose values are -32768 to 32767");
}

/* ---- structs: alignment, by value, in registers and in memory ---- */

struct mixed {
    int8_t a;
    double b;
    uint16_t c;
    struct {
        char tag;
        int32_t numbers[3];
    } inner;
    char text[5];
    const char *label;
};

EXPORTED double mixed_sum(struct mixed m);
double mixed_sum(struct mixed m)
{
    return m.a + m.b + m.c + m.inner.tag + m.inner.numbers[0] + m.inner.numbers[2] +
           (double)strlen(m.text) + (m.label ? (double)strlen(m.label) : 1000.0);
}

EXPORTED double mixed_sum_at(const struct mixed *m);
double mixed_sum_at(const struct mixed *m)
{
    return m ? mixed_sum(*m) : -1;
}

struct pair {
    float x, y;
};

EXPORTED float pair_sum(struct pair p, int after);
float pair_sum(struct pair p, int after)
{
    return p.x * 10 + p.y + (float)after;
}

struct large {
    double values[100];
};

EXPORTED struct large large_twice(struct large l);
struct large large_twice(struct large l)
{
    for (int i = 0; i < 100; i++)
        l.values[i] *= 2;
    return l;
}

#define FIELDS                                                                                     \
    "'fields':[{'name':'a','type':'i8'},{'name':'b','type':'double'},{'name':'c','type':'u16'},"   \
    "{'name':'inner','type':'struct','fields':[{'name':'tag','type':'char'},"                      \
    "{'name':'numbers','type':'array','items':'i32','size':3}]},"                                  \
    "{'name':'text','type':'chars','size':5},"                                                     \
    "{'name':'label','type':'string','nullable':true}]"
#define MIXED "{'m':{'a':-1,'b':0.5,'c':1000,'inner':{'tag':7,'numbers':[10,20,30]},'text':'abcd'"

static void test_structs(void)
{
    const char *spec = "{'library':null,'symbol':'mixed_sum','arguments':[{'name':'m','type':"
                       "'struct'," FIELDS "}],'returns':{'type':'double'}}";
    gives(spec, MIXED ",'label':'xyz'}}", "{'result':1053.5}");
    gives(spec, MIXED "}}", "{'result':2050.5}");
    const char *at =
        "{'library':null,'symbol':'mixed_sum_at','arguments':[{'name':'m','type':"
        "'struct','pointer':true,'nullable':true," FIELDS "}],'returns':{'type':'double'}}";
    gives(at, MIXED ",'label':'xyz'}}", "{'result':1053.5}");
    gives(at, "{}", "{'result':-1.0}");
    gives("{'library':null,'symbol':'pair_sum','arguments':[{'name':'p','type':'struct','fields':["
          "{'name':'x','type':'float'},{'name':'y','type':'float'}]},{'name':'n','type':'int'}],"
          "'returns':{'type':'float'}}",
          "{'p':{'x':1.5,'y':2},'n':100}", "{'result':117.0}");
    fails(spec, MIXED ",'more':1}}", LLMSPELL_EINVAL, "/m",
          "has a member that is no field of the struct");
    fails(spec, "{'m':{'a':1}}", LLMSPELL_EINVAL, "/m/b", "is missing");
    fails(spec, "{'m':[]}", LLMSPELL_EINVAL, "/m", "must be an object");
    fails(spec, "{'m':{'a':-1,'b':0.5,'c':1000,'inner':{'tag':7,'numbers':[10,20,3e9]},'text':''}}",
          LLMSPELL_EINVAL, "/m/inner/numbers/2",
          "does not fit i32, whose values are -2147483648 to 2147483647");
    fails(spec,
          "{'m':{'a':-1,'b':0.5,'c':1000,'inner':{'tag':7,'numbers':[1,2,3]},'text':'abcde'}}",
          LLMSPELL_EINVAL, "/m/text", "has 5 bytes; 4 fit");
}

static void test_large_struct(void)
{
    const char *fields = "'fields':[{'name':'values','type':'array','items':'double','size':100}]";
    char spec[512], params[2048] = "{'l':{'values':[", wanted[2048] = "{'result':{'values':[";
    snprintf(spec, sizeof spec,
             "{'library':null,'symbol':'large_twice','arguments':[{'name':'l','type':'struct',%s}],"
             "'returns':{'type':'struct',%s}}",
             fields, fields);
    for (int i = 0; i < 100; i++) {
        size_t a = strlen(params), b = strlen(wanted);
        snprintf(params + a, sizeof params - a, "%s%d", i ? "," : "", i);
        snprintf(wanted + b, sizeof wanted - b, "%s%d.0", i ? "," : "", 2 * i);
    }
    memcpy(params + strlen(params), "]}}", 4);
    memcpy(wanted + strlen(wanted), "]}}", 4);
    gives(spec, params, wanted);
}

/* ---- variable arguments, pointers ---- */

EXPORTED int scale(const int *value, int *both);
int scale(const int *value, int *both)
{
    int before = *both;
    *both *= *value;
    return before;
}

static void test_pointers(void)
{
    gives("{'library':null,'symbol':'scale','arguments':["
          "{'name':'by','type':'int','pointer':true},{'name':'n','type':'int','inout':true}],"
          "'returns':{'type':'int','name':'before'}}",
          "{'by':3,'n':5}", "{'n':15,'before':5}");
}

static void test_variadic(void)
{
    const char *spec = "{'library':null,'symbol':'snprintf','fixed':3,'arguments':["
                       "{'name':'text','type':'buffer','size':40,'encoding':'utf8'},"
                       "{'name':'size','type':'size_t','length_of':'text'},"
                       "{'name':'format','type':'string','value':'%d %s %.2f %lld'},"
                       "{'name':'i','type':'int'},{'name':'s','type':'string'},"
                       "{'name':'d','type':'double'},{'name':'l','type':'i64'}],"
                       "'returns':{'type':'int'}}";
    gives(spec, "{'i':-5,'s':'x','d':2.5,'l':-12345678901}",
          "{'text':'-5 x 2.50 -12345678901','result':22}");
}

TEST_MAIN("native_store", {"limits of numbers", test_limits}, {"overflow", test_overflow},
          {"wrong types", test_wrong_types}, {"texts", test_texts}, {"bytes", test_bytes},
          {"max_bytes", test_max_bytes}, {"arrays", test_arrays}, {"structs", test_structs},
          {"a large struct by value", test_large_struct}, {"pointers to numbers", test_pointers},
          {"variable arguments", test_variadic})
