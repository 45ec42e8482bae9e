/* SPDX-License-Identifier: Apache-2.0
 * host/tool/grants.c: what the manifest asks for, cut to what the operator says; trusted or not. */
#include "tool/grants.h"

#include <string.h>

#include "test.h"

/* NULL if it was refused: *ret_code says how. */
static json_t *granted(const char *capabilities, const char *common, bool trusted, int *ret_code)
{
    json_t *asked = json_loads(capabilities, 0, NULL), *settings = json_loads(common, 0, NULL);
    struct grants *grants;
    struct error error = {.message = ""};
    struct grant_wish wish = {.workdir = "/work",
                              .tmpdir = "/scratch",
                              .home = "/proc/nowhere",
                              .tool_name = "probe",
                              .common = settings,
                              .trusted = trusted};
    CU_ASSERT_FATAL(asked && settings);
    *ret_code = grants_new(asked, &wish, &grants, &error);
    json_t *seen = *ret_code == 0 ? grants_json(grants) : NULL;
    if (*ret_code == 0)
        grants_unref(grants);
    json_decref(asked);
    json_decref(settings);
    return seen;
}

static void check(const char *capabilities, const char *common, bool trusted, const char *expected)
{
    int rc;
    json_t *seen = granted(capabilities, common, trusted, &rc);
    json_t *wanted = json_loads(expected, 0, NULL);
    CU_ASSERT_FATAL(rc == 0 && wanted);
    if (!json_equal(seen, wanted)) {
        char *text = json_dumps(seen, 0);
        printf("\n%s %s: %s\n", capabilities, common, text);
        free(text);
        CU_FAIL("other grants");
    }
    json_decref(seen);
    json_decref(wanted);
}

#define G(read, write, net, exec, env, denied)                                                     \
    "{\"read\":[" read "],\"write\":[" write "],\"net\":" net ",\"exec\":[" exec "],\"env\":[" env \
    "],\"denied\":[" denied "]}"

static void test_nothing(void)
{
    check("[]", "{\"net\":true,\"exec\":[\"*\"],\"env\":[\"*\"]}", true,
          G("", "", "false", "", "", ""));
}

static void test_trust(void)
{
    const char *all = "[\"net:connect\",\"exec:/bin/sh\",\"env:HOME\"]";
    check(all, "{}", true, G("", "", "true", "\"/bin/sh\"", "\"HOME\"", ""));
    check(all, "{}", false,
          G("", "", "false", "", "", "\"net:connect\",\"exec:/bin/sh\",\"env:HOME\""));
}

/* A list of the operator counts for both, and gives nothing that was not asked for. */
static void test_lists(void)
{
    const char *asked = "[\"exec:/bin/sh\",\"exec:/bin/ls\",\"env:A\",\"http\"]";
    const char *lists = "{\"exec\":[\"/bin/ls\",\"/bin/rm\"],\"env\":[\"B\"],\"net\":true}";
    const char *seen = G("", "", "true", "\"/bin/ls\"", "", "\"exec:/bin/sh\",\"env:A\"");
    check(asked, lists, false, seen);
    check(asked, lists, true, seen);
    check(asked, "{\"exec\":[],\"env\":[\"*\"],\"net\":false}", true,
          G("", "", "false", "", "\"A\"", "\"exec:/bin/sh\",\"exec:/bin/ls\",\"http\""));
}

static void test_folders(void)
{
    check("[\"fs:read:${workdir}\"]", "{}", false,
          G("\"/work\",\"/scratch\"", "", "false", "", "", ""));
    check("[\"fs:read:/data\",\"fs:write:/data\"]", "{}", false,
          G("", "\"/data\"", "false", "", "", ""));
    check("[\"fs:write:${tmpdir}\"]", "{\"fs_roots\":[\"/one\",\"${tmpdir}\"]}", false,
          G("", "\"/one\",\"/scratch\"", "false", "", "", ""));
    check("[\"fs:write:${workdir}\"]", "{\"fs_roots\":[]}", true, G("", "", "false", "", "", ""));
}

static void test_refused(void)
{
    int rc;
    CU_ASSERT_PTR_NULL(granted("[\"fs:read:relative\"]", "{}", true, &rc));
    CU_ASSERT_EQUAL(rc, LLMSPELL_EREFUSED);
    CU_ASSERT_PTR_NULL(granted("[\"fs:write:${statedir}\"]", "{}", true, &rc));
    CU_ASSERT_EQUAL(rc, LLMSPELL_EIO); /* there is no such home */
}

TEST_MAIN("grants", {"nothing", test_nothing}, {"trust", test_trust}, {"lists", test_lists},
          {"folders", test_folders}, {"refused", test_refused})
