/* SPDX-License-Identifier: Apache-2.0
 * host/tool/native_callback.c: C that calls back: answers of all kinds, errors inside, other
 * threads, and hosts that can call nothing. */
#include "tool/native_case.h"

#include <pthread.h>
#include <stdint.h>

#define QSORT                                                                                      \
    "{'library':'libc.so.6','symbol':'qsort','arguments':["                                        \
    "{'name':'numbers','type':'array','items':'i32','inout':true},"                                \
    "{'name':'count','type':'size_t','length_of':'numbers'},"                                      \
    "{'name':'size','type':'size_t','value':4},"                                                   \
    "{'name':'compare','type':'callback','arguments':["                                            \
    "{'name':'a','type':'i32','pointer':true},{'name':'b','type':'i32','pointer':true}],"          \
    "'returns':{'type':'int'}}]}"

struct seen {
    int calls, fail_after; /* 0: never */
    char name[64];
    const char *answer; /* instead of the difference */
};

static int subtract(void *data, struct llmspell_call *call, const char *name,
                    const json_t *arguments, json_t **ret_result, struct error *ret_error)
{
    struct seen *seen = data;
    (void)call;
    snprintf(seen->name, sizeof seen->name, "%s", name);
    if (++seen->calls == seen->fail_after)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "no such thing in call %d", seen->calls);
    json_int_t a = json_integer_value(json_object_get(arguments, "a"));
    json_int_t b = json_integer_value(json_object_get(arguments, "b"));
    *ret_result = seen->answer ? case_json(seen->answer) : json_pack("{s:I}", "result", a - b);
    return 0;
}

static struct seen *seen_by(int fail_after, const char *answer)
{
    static struct seen seen;
    seen = (struct seen){.fail_after = fail_after, .answer = answer};
    case_callback = subtract;
    case_data = &seen;
    return &seen;
}

static void test_qsort(void)
{
    struct seen *seen = seen_by(0, NULL);
    gives(QSORT, "{'numbers':[5,-1,300,7],'compare':'tool:subtract'}", "{'numbers':[-1,5,7,300]}");
    CU_ASSERT(seen->calls >= 3);
    CU_ASSERT_STRING_EQUAL(seen->name, "tool:subtract");
}

static void test_errors_inside(void)
{
    struct seen *seen = seen_by(2, NULL);
    fails(QSORT, "{'numbers':[5,-1,300,7],'compare':'tool:x'}", LLMSPELL_ENOTFOUND, NULL,
          "no such thing in call 2");
    CU_ASSERT_EQUAL(seen->calls, 2); /* the rest was not asked */
    seen_by(0, "{'other':1}");
    fails(QSORT, "{'numbers':[2,1],'compare':'tool:x'}", LLMSPELL_EFAILED, NULL,
          "tool:x answered the callback \"compare\" without a member \"result\"");
    seen_by(0, "'less'");
    fails(QSORT, "{'numbers':[2,1],'compare':'tool:x'}", LLMSPELL_EFAILED, NULL,
          "what tool:x answered the callback \"compare\" must be an integer");
    seen_by(0, "3000000000");
    fails(QSORT, "{'numbers':[2,1],'compare':'tool:x'}", LLMSPELL_EFAILED, NULL,
          "what tool:x answered the callback \"compare\" does not fit int, whose values are "
          "-2147483648 to 2147483647");
    seen_by(0, NULL);
    fails(QSORT, "{'numbers':[2,1],'compare':7}", LLMSPELL_EINVAL, "/compare",
          "must be the name of what is called, such as \"tool:NAME\"");
    fails(QSORT, "{'numbers':[2,1]}", LLMSPELL_EINVAL, "/compare", "is missing");
}

static void test_no_host(void)
{
    case_callback = NULL;
    fails(QSORT, "{'numbers':[2,1],'compare':'tool:x'}", LLMSPELL_EUNAVAILABLE, NULL,
          "\"compare\" is a callback, and this host can call nothing from a native function: "
          "callbacks to tools are not available here");
}

/* ---- all kinds of arguments and answers ---- */

EXPORTED double ask(double (*f)(float, uint8_t, const char *, bool, int64_t, void *, double *),
                    void *data);
double ask(double (*f)(float, uint8_t, const char *, bool, int64_t, void *, double *), void *data)
{
    return f ? f(0.5f, 200, "h\xC3\xA9", true, INT64_MIN, data, NULL) : -1;
}

EXPORTED int8_t ask_small(int8_t (*f)(void));
int8_t ask_small(int8_t (*f)(void))
{
    return f();
}

static char *asked; /* the arguments of the last callback */

static int note_arguments(void *data, struct llmspell_call *call, const char *name,
                          const json_t *arguments, json_t **ret_result, struct error *ret_error)
{
    (void)call;
    (void)name;
    (void)ret_error;
    free(asked);
    asked = json_dumps(arguments, JSON_COMPACT);
    *ret_result = case_json(data);
    return 0;
}

static void test_kinds(void)
{
    const char *spec =
        "{'library':null,'symbol':'ask','arguments':[{'name':'f','type':'callback','nullable':true,"
        "'member':'value','arguments':[{'name':'x','type':'float'},{'name':'n','type':'u8'},"
        "{'name':'s','type':'string'},{'name':'b','type':'bool'},{'name':'l','type':'i64'},"
        "{'name':'data','type':'pointer'},{'name':'p','type':'double','pointer':true}],"
        "'returns':{'type':'double'}},{'name':'data','type':'pointer'}],"
        "'returns':{'type':'double'}}";
    case_callback = note_arguments;
    case_data = (void *)"{'value':2.25}";
    gives(spec, "{'f':'x'}", "{'result':2.25}");
    CU_ASSERT_STRING_EQUAL(
        asked,
        "{\"x\":0.5,\"n\":200,\"s\":\"hé\",\"b\":true,\"l\":-9223372036854775808,\"p\":null}");
    gives(spec, "{}", "{'result':-1.0}");
    case_data = (void *)"-7";
    gives("{'library':null,'symbol':'ask_small','arguments':[{'name':'f','type':'callback',"
          "'arguments':[],'returns':{'type':'i8'}}],'returns':{'type':'i8'}}",
          "{'f':'x'}", "{'result':-7}");
    free(asked);
    asked = NULL;
}

/* ---- another thread ---- */

static void *run_it(void *f)
{
    void (*call)(void);
    memcpy(&call, &f, sizeof call);
    call();
    return NULL;
}

EXPORTED void elsewhere(void (*f)(void));
void elsewhere(void (*f)(void))
{
    pthread_t thread;
    void *data;
    memcpy(&data, &f, sizeof data);
    if (pthread_create(&thread, NULL, run_it, data) == 0)
        pthread_join(thread, NULL);
}

static void test_thread(void)
{
    struct seen *seen = seen_by(0, NULL);
    fails("{'library':null,'symbol':'elsewhere','arguments':[{'name':'f','type':'callback',"
          "'arguments':[],'returns':{'type':'void'}}]}",
          "{'f':'x'}", LLMSPELL_EUNAVAILABLE, NULL,
          "elsewhere called its callback on another thread, which is not possible here");
    CU_ASSERT_EQUAL(seen->calls, 0);
}

TEST_MAIN("native_callback", {"qsort", test_qsort}, {"errors inside", test_errors_inside},
          {"a host that calls nothing", test_no_host}, {"kinds of arguments", test_kinds},
          {"another thread", test_thread})
