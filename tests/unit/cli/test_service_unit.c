/* SPDX-License-Identifier: Apache-2.0
 * host/cli/service_unit.c: the embedded units with the paths of an installation. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "cli/service_unit.h"

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

static char *text_of(struct service_wish wish)
{
    char *text = NULL;
    struct error error;
    CU_ASSERT_FATAL(service_unit_text(&wish, &text, &error) == 0);
    return text;
}

static void test_paths(void)
{
    char *text = text_of((struct service_wish){
        .forking = true, .program = "/opt/50%/bin/llmspell", .home = "/srv/h%h/.llmspell"});
    CU_ASSERT(count(text, "\nExecStart=/opt/50%%/bin/llmspell kernel start --daemon --id %i\n") ==
              1);
    CU_ASSERT(count(text, "\nPIDFile=/srv/h%%h/.llmspell/run/%i.pid\n") == 1);
    CU_ASSERT(count(text, "\nEnvironment=LLMSPELL_HOME=/srv/h%%h/.llmspell\n") == 1);
    CU_ASSERT(count(text, "/usr/bin/llmspell") == 0);
    CU_ASSERT(count(text, "=%h") == 0);
    free(text);
}

static void test_kinds(void)
{
    for (int i = 0; i < 4; i++) {
        struct service_wish wish = {.system = i & 1, .forking = i & 2, .program = "/b/llmspell"};
        char *text = text_of(wish);
        CU_ASSERT(count(text, "\nExecStart=/b/llmspell kernel start ") == 1);
        CU_ASSERT(count(text, "\nUser=llmspell\n") == (wish.system ? 1 : 0));
        CU_ASSERT(count(text, "\nType=forking\n") == (wish.forking ? 1 : 0));
        CU_ASSERT(count(text, "\nType=notify\n") == (wish.forking ? 0 : 1));
        CU_ASSERT(count(text, "\nWatchdogSec=") == (wish.forking ? 0 : 1));
        CU_ASSERT(count(text, "=%h/.llmspell") == (wish.system ? 0 : wish.forking ? 2 : 1));
        CU_ASSERT(strlen(text) > 0 && text[strlen(text) - 1] == '\n');
        free(text);
    }
    CU_ASSERT(count(service_unit_sysusers(), "\nu llmspell - ") == 1);
}

static void test_refusals(void)
{
    static const char *const bad[] = {
        "/a b/x", "/a\nExecStartPre=/x", "/a\"b", "/a'b", "/a\\b", "/a$b", "/a;b", "/a\x7f"};
    struct error error;
    char *text = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct service_wish wish = {.program = bad[i]};
        CU_ASSERT(service_unit_text(&wish, &text, &error) == LLMSPELL_EINVAL);
        wish = (struct service_wish){.program = "/x", .home = bad[i]};
        CU_ASSERT(service_unit_text(&wish, &text, &error) == LLMSPELL_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "cannot stand in a unit"));
        CU_ASSERT_PTR_NULL(text);
    }
}

TEST_MAIN("cli/service_unit", {"paths", test_paths}, {"kinds", test_kinds},
          {"refusals", test_refusals})
