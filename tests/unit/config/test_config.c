/* SPDX-License-Identifier: Apache-2.0
 * host/config/config.c, store.c, environment.c, template.c: the layers over each other, where
 * values come from, and the messages about what is wrong. */
#include "test.h"

#include <limits.h>
#include <string.h>

#include "config/config.h"
#include "config/tree.h"

/* A home and a system folder; the process's own variables are out of the way. */
struct place {
    struct tree tree;
    char home[TREE_MAX], system[TREE_MAX];
    struct config_options options;
    struct error error;
};

extern char **environ;

static void place_open(struct place *place)
{
    for (char **at = environ; at && *at;) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        if (strncmp(name, "LLMSPELL_", 9) == 0)
            unsetenv(name), at = environ;
        else
            at++;
    }
    *place = (struct place){0};
    tree_open(&place->tree);
    place->options.home = tree_path(&place->tree, "home", place->home);
    place->options.system_dir = tree_path(&place->tree, "etc", place->system);
}

static struct config *load(struct place *place)
{
    struct config *config = NULL;
    memset(&place->error, 0, sizeof place->error);
    int rc = config_load(&place->options, &config, &place->error);
    CU_ASSERT_EQUAL(rc, 0);
    if (rc)
        printf("\n    %s\n", place->error.message);
    return config;
}

/* Loading must fail with code and a message that contains each text. */
static void refused(struct place *place, int code, const char *text, const char *other)
{
    struct config *config = NULL;
    memset(&place->error, 0, sizeof place->error);
    int rc = config_load(&place->options, &config, &place->error);
    CU_ASSERT_EQUAL(rc, code);
    CU_ASSERT_PTR_NULL(config);
    bool found = strstr(place->error.message, text) && strstr(place->error.message, other);
    CU_ASSERT_TRUE(found);
    if (rc != code || !found)
        printf("\n    got %d: %s\n    expected %d: %s … %s\n", rc, place->error.message, code, text,
               other);
    config_unref(config);
}

/* The same for the user's file with this content. */
static void refused_file(struct place *place, const char *content, const char *text,
                         const char *other)
{
    tree_write(&place->tree, "home/llmspell.ini", content);
    refused(place, LLMSPELL_EINVAL, text, other);
}

struct found {
    const char *section, *key;
    char value[256], origin[TREE_MAX];
    size_t count;
};

static void find(void *data, const char *section, const char *key, const char *value,
                 const char *origin)
{
    struct found *found = data;
    if (strcmp(section, found->section) != 0 || strcmp(key, found->key) != 0)
        return;
    found->count++;
    snprintf(found->value, sizeof found->value, "%s", value);
    snprintf(found->origin, sizeof found->origin, "%s", origin);
}

/* Value and origin of a key as `config show` gets them. */
static void shows(const struct config *config, const char *section, const char *key,
                  const char *value, const char *origin)
{
    struct found found = {.section = section, .key = key};
    config_each(config, find, &found);
    CU_ASSERT_EQUAL(found.count, 1);
    CU_ASSERT_STRING_EQUAL(found.value, value);
    CU_ASSERT_STRING_EQUAL(found.origin, origin);
    if (strcmp(found.origin, origin) != 0)
        printf("\n    origin %s, expected %s\n", found.origin, origin);
}

static void test_built_in(void)
{
    struct place place;
    place_open(&place);
    struct config *config = load(&place);
    CU_ASSERT_PTR_NULL(config_string(config, "kernel", "id"));
    CU_ASSERT_STRING_EQUAL(config_string(config, "kernel", "protocol"), "jupyter,dap");
    CU_ASSERT_STRING_EQUAL(config_string(config, "kernel", "runtime"), "lua");
    CU_ASSERT_EQUAL(config_integer(config, "kernel", "shutdown_grace"), 5000);
    CU_ASSERT_EQUAL(config_integer(config, "kernel", "tool_threads"), 4);
    CU_ASSERT_EQUAL(config_integer(config, "kernel", "history_max"), 10000);
    CU_ASSERT_STRING_EQUAL(config_string(config, "log", "level"), "info");
    CU_ASSERT_EQUAL(config_integer(config, "log", "rotate_size"), 10485760);
    CU_ASSERT_STRING_EQUAL(config_string(config, "plugins", "path"), "");
    CU_ASSERT_FALSE(config_bool(config, "plugins", "allow_writable"));
    CU_ASSERT_STRING_EQUAL(config_string(config, "policy", "fs_roots"), "${workdir}:${tmpdir}");
    CU_ASSERT_EQUAL(config_integer(config, "tools", "timeout"), 0);
    CU_ASSERT_STRING_EQUAL(config_home(config), place.home);
    CU_ASSERT_PTR_NULL(config_file(config, 0));
    CU_ASSERT_PTR_NULL(config_plugin_section(config, 0));
    shows(config, "kernel", "id", "", "built-in");
    shows(config, "kernel", "tool_threads", "4", "built-in");
    config_unref(config);
    tree_close(&place.tree);
}

static void expect_level(struct place *place, const char *level, const char *origin)
{
    char buffer[TREE_MAX];
    struct config *config = load(place);
    if (!config)
        return;
    CU_ASSERT_STRING_EQUAL(config_string(config, "log", "level"), level);
    shows(config, "log", "level", level,
          strchr(origin, '/') ? tree_path(&place->tree, origin, buffer) : origin);
    config_unref(config);
}

static void test_layers(void)
{
    static const char *const sets[] = {"log.level=warn", "log.level=trace", NULL};
    struct place place;
    char file[TREE_MAX];
    place_open(&place);
    tree_write(&place.tree, "etc/llmspell.ini", "[log]\nlevel = off\n");
    expect_level(&place, "off", "etc/llmspell.ini:2");
    tree_write(&place.tree, "home/llmspell.ini", "\n[log]\nlevel = error\n");
    expect_level(&place, "error", "home/llmspell.ini:3");
    tree_write(&place.tree, "c/x.ini", "[log]\nlevel = warn\n");
    place.options.file = tree_path(&place.tree, "c/x.ini", file);
    expect_level(&place, "warn", "c/x.ini:2");
    tree_write(&place.tree, "etc/conf.d/a.ini", "[log]\nlevel = info\n");
    expect_level(&place, "info", "etc/conf.d/a.ini:2");
    tree_write(&place.tree, "home/conf.d/20.ini", "[log]\nlevel = debug\n");
    tree_write(&place.tree, "home/conf.d/10.ini", "[log]\nlevel = trace\n");
    tree_write(&place.tree, "home/conf.d/30.txt", "nothing that would be read");
    tree_write(&place.tree, "home/conf.d/.40.ini", "neither this");
    expect_level(&place, "debug", "home/conf.d/20.ini:2");
    tree_write(&place.tree, "c/conf.d/z.ini", "[log]\nlevel = off\n");
    expect_level(&place, "off", "c/conf.d/z.ini:2");
    setenv("LLMSPELL_LOG_LEVEL", "Error", 1);
    expect_level(&place, "error", "environment LLMSPELL_LOG_LEVEL");
    place.options.sets = sets;
    expect_level(&place, "trace", "--set");
    place.options.sets = NULL;
    place.options.skip_environment = true;
    expect_level(&place, "off", "c/conf.d/z.ini:2");
    tree_close(&place.tree);
}

static void test_files(void)
{
    struct place place;
    char path[TREE_MAX];
    place_open(&place);
    tree_write(&place.tree, "etc/llmspell.ini", "");
    tree_write(&place.tree, "home/llmspell.ini", "[log]\nlevel = warn\n");
    tree_write(&place.tree, "home/other.ini", "[log]\nlevel = error\n");
    tree_write(&place.tree, "home/conf.d/a.ini", "[log]\nformat = json\n");
    setenv("LLMSPELL_CONFIG", tree_path(&place.tree, "home/other.ini", path), 1);
    struct config *config = load(&place);
    static const char *const expected[] = {"etc/llmspell.ini", "home/llmspell.ini",
                                           "home/other.ini", "home/conf.d/a.ini"};
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_STRING_EQUAL(config_file(config, i), tree_path(&place.tree, expected[i], path));
    CU_ASSERT_PTR_NULL(config_file(config, 4)); /* conf.d is beside two files, but read once */
    CU_ASSERT_STRING_EQUAL(config_string(config, "log", "level"), "error");
    config_unref(config);
    setenv("LLMSPELL_CONFIG", "", 1); /* empty = not set */
    config = load(&place);
    CU_ASSERT_STRING_EQUAL(config_string(config, "log", "level"), "warn");
    config_unref(config);
    char absent[TREE_MAX];
    setenv("LLMSPELL_CONFIG", tree_path(&place.tree, "absent.ini", absent), 1);
    refused(&place, LLMSPELL_ENOTFOUND, absent, "No such file or directory");
    place.options.file = place.home; /* -c wins over the variable; a folder is no file */
    refused(&place, LLMSPELL_EIO, place.home, "Is a directory");
    unsetenv("LLMSPELL_CONFIG");
    tree_close(&place.tree);
}

static void test_home(void)
{
    struct place place;
    char path[TREE_MAX], cwd[PATH_MAX], expected[PATH_MAX + 8];
    place_open(&place);
    place.options.home = NULL;
    setenv("LLMSPELL_HOME", "rel/", 1);
    struct config *config = load(&place);
    snprintf(expected, sizeof expected, "%s/rel", getcwd(cwd, sizeof cwd));
    CU_ASSERT_STRING_EQUAL(config_home(config), expected);
    config_unref(config);
    unsetenv("LLMSPELL_HOME");
    setenv("HOME", place.tree.root, 1);
    tree_write(&place.tree, ".llmspell/llmspell.ini", "[kernel]\nid = mine\n");
    config = load(&place);
    CU_ASSERT_STRING_EQUAL(config_home(config), tree_path(&place.tree, ".llmspell", path));
    CU_ASSERT_STRING_EQUAL(config_string(config, "kernel", "id"), "mine");
    config_unref(config);
    tree_close(&place.tree);
}

static void test_paths(void)
{
    struct place place;
    char path[TREE_MAX], cwd[PATH_MAX], expected[PATH_MAX + 8];
    static const char *const sets[] = {"log.file=x.log", "kernel.workdir=", NULL};
    place_open(&place);
    tree_write(&place.tree, "home/conf.d/a.ini",
               "[log]\nfile = logs/x.log\n[kernel]\nworkdir = /w\n[policy]\nfs_roots =\n");
    struct config *config = load(&place);
    CU_ASSERT_STRING_EQUAL(config_string(config, "log", "file"),
                           tree_path(&place.tree, "home/conf.d/logs/x.log", path));
    CU_ASSERT_STRING_EQUAL(config_string(config, "kernel", "workdir"), "/w");
    CU_ASSERT_STRING_EQUAL(config_string(config, "policy", "fs_roots"), "");
    config_unref(config);
    place.options.sets = sets;
    config = load(&place);
    snprintf(expected, sizeof expected, "%s/x.log", getcwd(cwd, sizeof cwd));
    CU_ASSERT_STRING_EQUAL(config_string(config, "log", "file"), expected);
    CU_ASSERT_PTR_NULL(config_string(config, "kernel", "workdir"));
    config_unref(config);
    tree_close(&place.tree);
}

static void test_unknown(void)
{
    struct place place;
    place_open(&place);
    refused_file(&place, "[log]\n\nlevle = debug\n", "home/llmspell.ini:3: [log] has no key",
                 "did you mean level?");
    refused_file(&place, "[logs]\nlevel = debug\n", "llmspell.ini:1: there is no section [logs]",
                 "did you mean [log]?");
    refused_file(&place, "[nothing_like_it]\n", "no section [nothing_like_it]",
                 "kernel, log, plugins, policy, tools, and tool.NAME");
    refused_file(&place, "[log]\nhistory = 1\n", "[log] has no key \"history\"",
                 "it belongs into [kernel]");
    refused_file(&place, "[log]\nqqqqqq = 1\n",
                 "its keys are level, format, sink, file, rotate_size", "rotate_count");
    refused_file(&place, "[tool.]\nx = 1\n", "llmspell.ini:1: [tool.]", "name of a plugin");
    refused_file(&place, "[tool.A/b]\n", "llmspell.ini:1: [tool.A/b]", "name of a plugin");
    tree_write(&place.tree, "home/llmspell.ini", "[log]\nlevel\n");
    refused(&place, LLMSPELL_EPARSE, "home/llmspell.ini:2: ", "neither");
    tree_close(&place.tree);
}

static void test_bad_values(void)
{
    struct place place;
    place_open(&place);
    refused_file(&place, "[kernel]\ntool_threads = 900\n",
                 "llmspell.ini:2: [kernel] tool_threads = \"900\"",
                 "expected an integer from 1 to 64");
    refused_file(&place, "[kernel]\nidle_timeout = soon\n", "[kernel] idle_timeout = \"soon\"",
                 "a duration from 0 to 365d");
    refused_file(&place, "[log]\nlevel = loud\n", "[log] level = \"loud\"",
                 "one of off, error, warn, info, debug, trace");
    refused_file(&place, "[log]\nrotate_size = 2X\n", "[log] rotate_size = \"2X\"",
                 "a size from 0 to 1024G");
    refused_file(&place, "[plugins]\nallow_writable = maybe\n", "allow_writable = \"maybe\"",
                 "true or false");
    refused_file(&place, "[kernel]\nruntime =\n", "[kernel] runtime = \"\"", "not empty");
    refused_file(&place, "[kernel]\nprotocol = ,\n", "[kernel] protocol", "at least one name");
    tree_close(&place.tree);
}

static void test_set(void)
{
    struct place place;
    const char *sets[] = {NULL, NULL};
    static const char *const cases[][2] = {
        {"log.levle=debug", "did you mean level?"},
        {"kernel.tool_threads=0", "expected an integer from 1 to 64"},
        {"log.level", "expected section.key=value"},
        {"level=debug", "expected section.key=value"},
        {".level=debug", "expected section.key=value"},
        {"log.=debug", "expected section.key=value"},
        {"kernel.id=a\x1b[31m", "control character"},
        {"kernel.id=\xFF", "not UTF-8"},
    };
    place_open(&place);
    place.options.sets = sets;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char start[64];
        snprintf(start, sizeof start, "--set %s: ", cases[i][0]);
        for (char *c = start; *c; c++) /* messages hold no bytes that a terminal would obey */
            if (*c == '\x1b' || *c == '\xFF')
                *c = '?';
        sets[0] = cases[i][0];
        refused(&place, LLMSPELL_EINVAL, start, cases[i][1]);
    }
    sets[0] = "protocol.jupyter.ip=::1";
    struct config *config = load(&place);
    shows(config, "protocol.jupyter", "ip", "::1", "--set");
    config_unref(config);
    tree_close(&place.tree);
}

static void test_environment(void)
{
    struct place place;
    place_open(&place);
    setenv("LLMSPELL_KERNEL_IDLE_TIMEOUT", "2m", 1);
    setenv("LLMSPELL_KERNEL_ID", "", 1); /* empty = not set */
    setenv("LLMSPELL_PLUGIN_PATH", "/p", 1);
    setenv("LLMSPELL_LOG", "x", 1);
    setenv("LLMSPELL_SOMETHING_ELSE", "x", 1);
    setenv("LLMSPELL_log_level", "x", 1);
    struct config *config = load(&place);
    CU_ASSERT_EQUAL(config_integer(config, "kernel", "idle_timeout"), 120000);
    CU_ASSERT_PTR_NULL(config_string(config, "kernel", "id"));
    config_unref(config);
    setenv("LLMSPELL_LOG_LEVLE", "debug", 1);
    refused(&place, LLMSPELL_EINVAL, "environment LLMSPELL_LOG_LEVLE: [log] has no key \"levle\"",
            "did you mean level?");
    unsetenv("LLMSPELL_LOG_LEVLE");
    setenv("LLMSPELL_TOOLS_TIMEOUT", "x", 1);
    refused(&place, LLMSPELL_EINVAL, "environment LLMSPELL_TOOLS_TIMEOUT: [tools] timeout = \"x\"",
            "expected a duration");
    tree_close(&place.tree);
}

static void test_plugin_sections(void)
{
    struct place place;
    char origin[TREE_MAX];
    place_open(&place);
    tree_write(&place.tree, "home/llmspell.ini",
               "[tool.json_query]\n[protocol.my_proto]\nport = 1\nhosts = a,\n  b\n");
    setenv("LLMSPELL_PROTOCOL_JUPYTER_SHELL_PORT", "5", 1);
    setenv("LLMSPELL_PROTOCOL_MY_PROTO_PORT", "2", 1);
    setenv("LLMSPELL_TOOL_OTHER_THING_KEY", "3", 1);
    setenv("LLMSPELL_TOOL_JSON_QUERY_DEPTH", "4", 1);
    struct config *config = load(&place);
    CU_ASSERT_STRING_EQUAL(config_plugin_section(config, 0), "tool.json_query");
    CU_ASSERT_STRING_EQUAL(config_plugin_section(config, 1), "protocol.my_proto");
    CU_ASSERT_STRING_EQUAL(config_plugin_section(config, 2), "protocol.jupyter");
    CU_ASSERT_PTR_NULL(config_plugin_section(config, 3));
    shows(config, "protocol.jupyter", "shell_port", "5",
          "environment LLMSPELL_PROTOCOL_JUPYTER_SHELL_PORT");
    shows(config, "protocol.my_proto", "port", "2", "environment LLMSPELL_PROTOCOL_MY_PROTO_PORT");
    shows(config, "protocol.my_proto", "hosts", "a, b",
          tree_path(&place.tree, "home/llmspell.ini:4", origin));
    shows(config, "tool.json_query", "depth", "4", "environment LLMSPELL_TOOL_JSON_QUERY_DEPTH");
    config_unref(config);
    tree_close(&place.tree);
}

/* ---- the template ---- */

struct dump {
    FILE *out;
};

static void dump_one(void *data, const char *section, const char *key, const char *value,
                     const char *origin)
{
    (void)origin;
    fprintf(((struct dump *)data)->out, "%s.%s=%s\n", section, key, value);
}

static char *dump_config(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    struct dump dump = {open_memstream(&text, &size)};
    config_each(config, dump_one, &dump);
    fclose(dump.out);
    return text;
}

static char *template_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CU_ASSERT_EQUAL(config_write_template(out), 0);
    fclose(out);
    return text;
}

static void test_template(void)
{
    struct place place;
    place_open(&place);
    struct config *config = load(&place);
    char *built_in = dump_config(config), *text = template_text();
    config_unref(config);
    for (int step = 0; step < 2; step++) { /* as it is, then with every value in force */
        tree_write(&place.tree, "home/llmspell.ini", text);
        config = load(&place);
        char *loaded = dump_config(config);
        CU_ASSERT_STRING_EQUAL(loaded, built_in);
        free(loaded);
        config_unref(config);
        for (char *at = text; (at = strstr(at, "\n;"));)
            memmove(at + 1, at + 2, strlen(at + 2) + 1);
    }
    for (const struct setting *row = settings_table; row->section; row++) {
        char line[128];
        snprintf(line, sizeof line, "\n%s =", row->key);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, line));
        CU_ASSERT_TRUE(row->help && strlen(row->help) > 10);
    }
    free(text);
    free(built_in);
    tree_close(&place.tree);
}

static void test_template_in_conf(void)
{
    struct tree source;
    snprintf(source.root, sizeof source.root, "%s", SOURCE_DIR);
    char *kept = tree_read(&source, "conf/llmspell.ini"), *text = template_text();
    CU_ASSERT_STRING_EQUAL(kept, text);
    free(kept);
    free(text);
    FILE *full = fopen("/dev/full", "w");
    CU_ASSERT_EQUAL(config_write_template(full), LLMSPELL_EIO);
    fclose(full);
}

TEST_MAIN("config/config", {"built-in values", test_built_in}, {"layers", test_layers},
          {"files", test_files}, {"home", test_home}, {"paths", test_paths},
          {"unknown names", test_unknown}, {"bad values", test_bad_values}, {"--set", test_set},
          {"environment", test_environment}, {"plugin sections", test_plugin_sections},
          {"template", test_template}, {"conf/llmspell.ini", test_template_in_conf})
