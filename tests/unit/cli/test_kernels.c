/* SPDX-License-Identifier: Apache-2.0
 * Which kernels there are, and which one a name means. A held PID file stands for a process that
 * runs. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/kernels.h"
#include "daemon/pidfile.h"
#include "test.h"

#define HELD_MAX 4

struct home {
    char root[64];
    struct config *config;
    struct pidfile *held[HELD_MAX];
    size_t held_count;
};

static void write_file(const struct home *home, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", home->root, name);
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
}

static void home_open(struct home *home)
{
    static const char *const folders[] = {"kernels", "run", "logs", "state"};
    struct error error;
    *home = (struct home){.root = "/tmp/llmspell-kernels-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(home->root));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", home->root, folders[i]);
        CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    }
    struct config_options options = {
        .skip_environment = true, .system_dir = home->root, .home = home->root};
    CU_ASSERT_EQUAL_FATAL(config_load(&options, &home->config, &error), 0);
}

/* A kernel that runs, or starts if it has no connection file. */
static void hold(struct home *home, const char *id, bool connection)
{
    char path[160], name[64];
    struct error error;
    snprintf(path, sizeof path, "%s/run/%s.pid", home->root, id);
    CU_ASSERT_EQUAL_FATAL(pidfile_open(path, &home->held[home->held_count++], &error), 0);
    snprintf(name, sizeof name, "kernels/%s.json", id);
    if (connection)
        write_file(home, name, "{\"key\": \"k\"}");
}

static void home_close(struct home *home)
{
    static const char *const names[] = {"kernels/alpha-1.json",
                                        "kernels/alpha-2.json",
                                        "kernels/dead.json",
                                        "run/dead.pid",
                                        "logs/ended.log",
                                        "logs/ended.log.1",
                                        "kernels",
                                        "run",
                                        "logs",
                                        "state/tools",
                                        "state",
                                        ""};
    for (size_t i = 0; i < home->held_count; i++)
        pidfile_close(home->held[i]);
    config_unref(home->config);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", home->root, names[i]);
        remove(path);
    }
    CU_ASSERT_NOT_EQUAL(access(home->root, F_OK), 0);
}

/* What a name means: "ID STATE", or the error code. */
static void expect(const struct home *home, const char *name, int flags, int code, const char *want)
{
    struct kernel_entry entry;
    struct error error = {0};
    char got[96] = "";
    int rc = kernels_select(home->config, name, flags, &entry, &error);
    CU_ASSERT_EQUAL(rc, code);
    if (rc == 0) {
        snprintf(got, sizeof got, "%s %s", entry.files.id, kernel_entry_state(&entry));
        CU_ASSERT_STRING_EQUAL(got, want);
        kernel_entry_clear(&entry);
    } else {
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, want));
    }
}

static void list(const struct home *home, int flags, const char *want)
{
    struct kernel_entry *entries;
    struct error error;
    size_t count;
    char got[256] = "";
    CU_ASSERT_EQUAL_FATAL(kernels_list(home->config, flags, &entries, &count, &error), 0);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s %s, ", entries[i].files.id,
                 kernel_entry_state(&entries[i]));
    }
    CU_ASSERT_STRING_EQUAL(got, want);
    kernels_free(entries, count);
}

static void test_none(void)
{
    struct home home;
    home_open(&home);
    list(&home, KERNELS_ENDED, "");
    expect(&home, NULL, KERNELS_DEAD, LLMSPELL_ENOTFOUND, "no kernel runs");
    home_close(&home);
}

static void test_names(void)
{
    struct home home;
    home_open(&home);
    hold(&home, "alpha-1", true);
    expect(&home, NULL, 0, 0, "alpha-1 running");
    expect(&home, "al", 0, 0, "alpha-1 running");
    expect(&home, "al", KERNELS_EXACT, LLMSPELL_ENOTFOUND, "no kernel al runs");
    expect(&home, "alpha-1", KERNELS_EXACT, 0, "alpha-1 running");
    expect(&home, "alpha-9", 0, LLMSPELL_ENOTFOUND, "did you mean alpha-1?");
    hold(&home, "alpha-2", true);
    hold(&home, "alpha", false);
    expect(&home, NULL, 0, LLMSPELL_EINVAL, "3 kernels run: name one");
    expect(&home, "alpha-", 0, LLMSPELL_EINVAL, "2 kernels run whose id starts with alpha-");
    expect(&home, "alpha", 0, 0, "alpha starting"); /* a whole id beats the start of others */
    expect(&home, "/no/such/file", 0, LLMSPELL_ENOTFOUND, "/no/such/file");
    list(&home, 0, "alpha starting, alpha-1 running, alpha-2 running, ");
    home_close(&home);
}

static void test_dead_and_ended(void)
{
    struct home home;
    home_open(&home);
    write_file(&home, "run/dead.pid", "1\n"); /* somebody runs under this number */
    write_file(&home, "kernels/dead.json", "{}");
    write_file(&home, "logs/ended.log", "");
    write_file(&home, "logs/ended.log.1", "");
    char tools[160];
    snprintf(tools, sizeof tools, "%s/state/tools", home.root);
    CU_ASSERT_EQUAL(mkdir(tools, 0700), 0); /* no kernel's folder */
    list(&home, 0, "dead dead, ");
    list(&home, KERNELS_ENDED, "dead dead, ended dead, ");
    expect(&home, NULL, 0, LLMSPELL_ENOTFOUND, "no kernel runs");
    expect(&home, NULL, KERNELS_DEAD, 0, "dead dead");
    expect(&home, "d", KERNELS_DEAD, 0, "dead dead");
    expect(&home, "ended", KERNELS_DEAD, LLMSPELL_ENOTFOUND, "no kernel");
    expect(&home, "ended", KERNELS_ENDED, 0, "ended dead");
    expect(&home, NULL, KERNELS_ENDED, LLMSPELL_EINVAL, "2 kernels are dead, none runs: name one");
    hold(&home, "alpha-1", true);
    expect(&home, NULL, KERNELS_ENDED, 0, "alpha-1 running"); /* one that runs goes first */
    expect(&home, "dead", KERNELS_DEAD, 0, "dead dead");
    home_close(&home);
}

static void test_connection(void)
{
    struct home home;
    struct error error;
    json_t *connection = NULL;
    home_open(&home);
    hold(&home, "alpha-1", false);
    CU_ASSERT_EQUAL(kernels_find(home.config, NULL, &connection, &error), LLMSPELL_EBUSY);
    write_file(&home, "kernels/alpha-1.json", "{");
    CU_ASSERT_EQUAL(kernels_find(home.config, NULL, &connection, &error), LLMSPELL_EPARSE);
    CU_ASSERT_PTR_NULL(connection);
    write_file(&home, "kernels/alpha-1.json", "{\"key\": \"k\"}");
    CU_ASSERT_EQUAL(kernels_find(home.config, "alpha", &connection, &error), 0);
    CU_ASSERT(llmspell_is(connection, "key", "k"));
    json_decref(connection);
    home_close(&home);
}

TEST_MAIN("cli/kernels", {"none", test_none}, {"names", test_names},
          {"dead and ended", test_dead_and_ended}, {"connection", test_connection})
