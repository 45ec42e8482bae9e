/* SPDX-License-Identifier: Apache-2.0
 * host/kernel/history*.c as the executor and clients use them: sessions one after the other and
 * beside each other, in memory and in the file. Also runs under TSan. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/tool.h>

#include "config/tree.h"
#include "kernel/internal.h"

static void open_history(struct history *history, const struct tree *tree, size_t entries_max)
{
    struct history_options options = {
        .home = tree ? tree->root : NULL, .runtime = "lua", .entries_max = entries_max};
    CU_ASSERT_EQUAL_FATAL(history_init(history, &options), 0);
}

static void add(struct history *history, int64_t line, const char *input)
{
    history_add(history, line, input, strlen(input));
}

static void add_output(struct history *history, int64_t line, const char *text)
{
    history_add_output(history, line, text, strlen(text));
}

/* The reply as text: "1:2 input; …", with output "1:2 input -> output; …"; "error /field". Takes
 * content over; what was added before is in the file. */
static const char *ask(struct history *history, json_t *content)
{
    static char text[1 << 16];
    struct operation operation = {.content = content};
    size_t i, used = 0;
    json_t *entry;
    history_flush(history);
    cancel_init(&operation.cancel);
    json_t *reply = history_reply(history, &operation);
    text[0] = '\0';
    if (llmspell_is(reply, "status", "error"))
        snprintf(text, sizeof text, "error %s",
                 llmspell_string(json_object_get(reply, "error"), "path"));
    json_array_foreach(json_object_get(reply, "history"), i, entry)
    {
        json_t *input = json_array_get(entry, 2), *output = json_array_get(input, 1);
        const char *shown =
            json_string_value(json_is_array(input) ? json_array_get(input, 0) : input);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d:%d %s%s%s", i ? "; " : "",
                                 (int)json_integer_value(json_array_get(entry, 0)),
                                 (int)json_integer_value(json_array_get(entry, 1)), shown,
                                 json_is_string(output) ? " -> " : "",
                                 json_is_string(output) ? json_string_value(output) : "");
    }
    json_decref(reply);
    json_decref(content);
    cancel_clear(&operation.cancel);
    return text;
}

static json_t *tail(int n)
{
    return json_pack("{s:s, s:i, s:n}", "hist_access_type", "tail", "n", n, "pattern");
}

static json_t *range(int session, int start, int stop)
{
    return json_pack("{s:s, s:i, s:i, s:i}", "hist_access_type", "range", "session", session,
                     "start", start, "stop", stop);
}

static json_t *search(const char *pattern, int n, bool unique)
{
    return json_pack("{s:s, s:s, s:i, s:b}", "hist_access_type", "search", "pattern", pattern, "n",
                     n, "unique", unique);
}

static void test_sessions(void)
{
    struct tree tree;
    struct history history;
    tree_open(&tree);
    for (int session = 1; session <= 3; session++) {
        open_history(&history, &tree, 100);
        CU_ASSERT_STRING_EQUAL(ask(&history, range(0, 1, 9)), "");
        add(&history, 1, "a = 1");
        add(&history, 2, session == 2 ? "two" : "b");
        add(&history, 4, "a = 1"); /* 3 was blank */
        if (session < 3)
            history_clear(&history);
    }
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(4)), "2:4 a = 1; 3:1 a = 1; 3:2 b; 3:4 a = 1");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(1)), "3:4 a = 1");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(0)), "");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(-1)), "");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(0, 2, 9)), "3:2 b; 3:4 a = 1");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(3, 2, 3)), "3:2 b");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(-1, 1, 4)), "2:1 a = 1; 2:2 two");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(1, -3, 0)), "1:2 b; 1:4 a = 1");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(1, 1, -1)), "1:1 a = 1; 1:2 b");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(-3, 1, 0)), "");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(4, 1, 0)), "");
    CU_ASSERT_STRING_EQUAL(ask(&history, search("?", 9, false)), "1:2 b; 3:2 b");
    CU_ASSERT_STRING_EQUAL(ask(&history, search("*", 9, true)), "2:2 two; 3:2 b; 3:4 a = 1");
    CU_ASSERT_STRING_EQUAL(ask(&history, search("a*", 2, false)), "3:1 a = 1; 3:4 a = 1");
    CU_ASSERT_STRING_EQUAL(ask(&history, search("[^ab]*", 2, false)), "2:2 two");
    CU_ASSERT_STRING_EQUAL(ask(&history, json_pack("{s:s}", "hist_access_type", "range")),
                           "3:1 a = 1; 3:2 b; 3:4 a = 1");
    history_clear(&history);
    tree_close(&tree);
}

static json_t *with_output(json_t *content)
{
    json_object_set_new(content, "output", json_true());
    return content;
}

static void test_outputs(void)
{
    struct tree tree;
    struct history history;
    static char large[10000], kept[5000];
    tree_open(&tree);
    open_history(&history, &tree, 100);
    add(&history, 1, "1");
    add_output(&history, 1, "one");
    add(&history, 2, "x = 1");
    add(&history, 3, "late");
    history_flush(&history); /* it runs still */
    add_output(&history, 3, "the\nvalue");
    add(&history, 4, "large");
    memset(large, 'x', 4095);
    memset(large + 4095, '\0', 1);
    for (size_t i = 4095; i < sizeof large - 4; i += 2)
        memcpy(large + i, "é", 2);
    add_output(&history, 4, large);
    static const char expected[] = "1:1 1 -> one; 1:2 x = 1; 1:3 late -> the\nvalue";
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(range(1, 1, 4))), expected);
    snprintf(kept, sizeof kept, "1:4 large -> %.4095s…", large);
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(tail(1))), kept);
    history_clear(&history);
    open_history(&history, &tree, 100);
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(range(1, 1, 4))), expected);
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(search("la[t]e", 1, false))),
                           "1:3 late -> the\nvalue");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(1, 1, 3)), "1:1 1; 1:2 x = 1");
    history_clear(&history);
    tree_close(&tree);
}

/* Two kernels at once: each sees what the other has stored, and their numbers differ. */
static void test_two_kernels(void)
{
    struct tree tree;
    struct history one, two;
    tree_open(&tree);
    open_history(&one, &tree, 100);
    open_history(&two, &tree, 100);
    add(&one, 1, "a");
    history_flush(&one);
    add(&two, 1, "b");
    history_flush(&two);
    add(&one, 2, "c");
    CU_ASSERT_STRING_EQUAL(ask(&one, tail(9)), "2:1 b; 1:1 a; 1:2 c"); /* one's own at the end */
    CU_ASSERT_STRING_EQUAL(ask(&two, tail(9)), "1:1 a; 1:2 c; 2:1 b");
    CU_ASSERT_STRING_EQUAL(ask(&two, range(-1, 1, 0)), "1:1 a; 1:2 c");
    history_clear(&one);
    history_clear(&two);
    tree_close(&tree);
}

static void test_memory_alone(void)
{
    struct history history;
    char input[32];
    open_history(&history, NULL, 5000);
    add(&history, 1, " \n\t ");
    add(&history, 2, "");
    add(&history, 3, "x");
    add_output(&history, 3, "7");
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(tail(9))), "1:3 x -> 7");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(0, 1, 9)), "1:3 x");
    for (int i = 4; i < 3000; i++) {
        snprintf(input, sizeof input, "line %d", i);
        add(&history, i, input);
    }
    CU_ASSERT_EQUAL(history.count, 1000);
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(2)), "1:2998 line 2998; 1:2999 line 2999");
    CU_ASSERT_STRING_EQUAL(ask(&history, range(0, 1, 2001)), "1:2000 line 2000");
    CU_ASSERT_FALSE(history.started);
    history_clear(&history);
    open_history(&history, NULL, 0);
    add(&history, 1, "x");
    add_output(&history, 1, "7");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(9)), "");
    history_clear(&history);
}

/* What memory has forgotten comes from the file. */
static void test_long_session(void)
{
    struct tree tree;
    struct history history;
    char input[32];
    tree_open(&tree);
    open_history(&history, &tree, 10000);
    for (int i = 1; i <= 3000; i++) {
        snprintf(input, sizeof input, "line %d", i);
        add(&history, i, input);
    }
    CU_ASSERT_STRING_EQUAL(ask(&history, range(0, 1, 3)), "1:1 line 1; 1:2 line 2");
    CU_ASSERT_STRING_EQUAL(
        ask(&history, range(0, 1999, 2003)),
        "1:1999 line 1999; 1:2000 line 2000; 1:2001 line 2001; 1:2002 line 2002");
    char *huge = malloc((256u << 10) + 2);
    memset(huge, 'x', (256u << 10) + 1);
    history_add(&history, 3001, huge, (256u << 10) + 1);
    add(&history, 3002, "after");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(2)), "1:3000 line 3000; 1:3002 after");
    free(huge);
    history_clear(&history);
    tree_close(&tree);
}

/* Without the file this session's memory is all there is; the executor never notices. */
static void test_no_file(void)
{
    struct tree tree;
    struct history history;
    tree_open(&tree);
    tree_write(&tree, "history", "no folder");
    open_history(&history, &tree, 100);
    add(&history, 1, "x");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(9)), "1:1 x");
    CU_ASSERT_TRUE(history.failed);
    history_clear(&history);
    tree_close(&tree);
}

static void test_locked(void)
{
    struct tree tree;
    struct history history;
    struct history_file file;
    struct error error;
    tree_open(&tree);
    CU_ASSERT_EQUAL(history_file_init(&file, tree.root, "lua", 100), 0);
    CU_ASSERT_EQUAL(history_file_lock(&file, &error), 0);
    open_history(&history, &tree, 100);
    add(&history, 1, "x");
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(9)), "1:1 x"); /* after a second */
    add(&history, 2, "y");
    CU_ASSERT_FALSE(history.failed);
    history_file_unlock(&file);
    history_clear(&history);
    open_history(&history, &tree, 100);
    CU_ASSERT_STRING_EQUAL(ask(&history, tail(9)), "1:1 x; 1:2 y");
    history_clear(&history);
    history_file_clear(&file);
    tree_close(&tree);
}

static void test_wrong_fields(void)
{
    static const char *const fields[] = {
        "hist_access_type", "output", "raw", "unique", "session", "start", "stop", "n", "pattern"};
    struct history history;
    char expected[64];
    open_history(&history, NULL, 100);
    add(&history, 1, "x");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(expected, sizeof expected, "error /%s", fields[i]);
        CU_ASSERT_STRING_EQUAL(ask(&history, json_pack("{s:{}}", fields[i])), expected);
        CU_ASSERT_STRING_EQUAL(ask(&history, json_pack("{s:f}", fields[i], 1.5)), expected);
        CU_ASSERT_STRING_EQUAL(ask(&history, json_pack("{s:n}", fields[i])), "1:1 x");
    }
    CU_ASSERT_STRING_EQUAL(ask(&history, json_pack("{s:s}", "hist_access_type", "all")),
                           "error /hist_access_type");
    char pattern[2000];
    memset(pattern, '*', sizeof pattern - 1);
    pattern[sizeof pattern - 1] = '\0';
    CU_ASSERT_STRING_EQUAL(ask(&history, search(pattern, 1, false)), "error /pattern");
    history_clear(&history);
}

static void *ask_again_and_again(void *data)
{
    struct history *history = data;
    struct operation operation = {.content = with_output(tail(50))};
    for (int i = 0; i < 50; i++)
        json_decref(history_reply(history, &operation));
    json_decref(operation.content);
    return NULL;
}

/* The executor adds while the thread writes and another one looks. */
static void test_threads(void)
{
    struct tree tree;
    struct history history;
    pthread_t thread;
    char input[32];
    tree_open(&tree);
    open_history(&history, &tree, 200); /* so that it compacts meanwhile */
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask_again_and_again, &history), 0);
    for (int i = 1; i <= 20000; i++) {
        snprintf(input, sizeof input, "%d", i);
        add(&history, i, input);
        add_output(&history, i, input);
        if (i % 5000 == 0)
            history_flush(&history);
    }
    pthread_join(thread, NULL);
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(tail(1))), "1:20000 20000 -> 20000");
    CU_ASSERT_FALSE(history.full);
    history_clear(&history);
    open_history(&history, &tree, 200);
    CU_ASSERT_STRING_EQUAL(ask(&history, with_output(tail(1))), "1:20000 20000 -> 20000");
    history_clear(&history);
    tree_close(&tree);
}

TEST_MAIN("kernel/history", {"sessions", test_sessions}, {"outputs", test_outputs},
          {"two kernels", test_two_kernels}, {"memory alone", test_memory_alone},
          {"long session", test_long_session}, {"no file", test_no_file}, {"locked", test_locked},
          {"wrong fields", test_wrong_fields}, {"threads", test_threads})
