/* SPDX-License-Identifier: Apache-2.0
 * The operations password and passphrase, never seeded, with their exact entropy. */
#include <math.h>

#include "random.h"

#define CLASSES 4
#define PASSWORD_MAX 256
#define SYMBOLS                                                                                    \
    "!#$%&()*+,-./:;<=>?@[]^_{|}~" /* no quotes and no backslash: they break when pasted */
#define AMBIGUOUS "0Oo1lI|"

static const char *const SETS[CLASSES] = {"abcdefghijklmnopqrstuvwxyz",
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", SYMBOLS};

/* The characters of a password, class by class. */
struct pool {
    char characters[128];
    unsigned char class_of[128]; /* by position in characters */
    size_t size;
    size_t class_size[CLASSES]; /* 0: not used */
};

static void pool_init(struct pool *pool, const json_t *params)
{
    bool readable = llmspell_bool(params, "exclude_ambiguous", 0);
    memset(pool, 0, sizeof *pool);
    for (unsigned class = 0; class < CLASSES; class ++) {
        if (SETS[class][0] == SYMBOLS[0] && !llmspell_bool(params, "symbols", 1))
            continue;
        for (const char *at = SETS[class]; *at; at++) {
            if (readable && strchr(AMBIGUOUS, *at))
                continue;
            pool->characters[pool->size] = *at;
            pool->class_of[pool->size++] = (unsigned char)class;
            pool->class_size[class]++;
        }
    }
}

/* log2 of the number of texts of that length that hold each class: inclusion and exclusion over
 * the sets of classes that are missing. 91^256 fits into a long double. */
static double pool_entropy(const struct pool *pool, size_t length)
{
    long double texts = 0;
    for (unsigned missing = 0; missing < 1u << CLASSES; missing++) {
        size_t rest = pool->size;
        bool counted = true, odd = false;
        for (unsigned class = 0; class < CLASSES; class ++) {
            if (!(missing & 1u << class))
                continue;
            counted = counted && pool->class_size[class] > 0;
            odd = !odd;
            rest -= pool->class_size[class];
        }
        long double term = powl((long double)rest, (long double)length);
        texts += !counted ? 0 : odd ? -term : term;
    }
    return (double)log2l(texts);
}

/* Draws until all classes are there, so that each such password is equally likely. */
static int32_t draw_password(struct task *task, const struct pool *pool, size_t length, char *text)
{
    for (;;) {
        size_t missing = 0;
        bool seen[CLASSES] = {false};
        for (size_t i = 0; i < length; i++) {
            size_t at = (size_t)source_below(&task->source, pool->size);
            text[i] = pool->characters[at];
            seen[pool->class_of[at]] = true;
        }
        for (unsigned class = 0; class < CLASSES; class ++)
            missing += pool->class_size[class] > 0 && !seen[class];
        int32_t rc = task_check(task);
        if (rc < 0 || missing == 0)
            return rc;
    }
}

static int32_t set_entropy(struct task *task, double bits)
{
    json_t *rounded = number_json(round(bits * 100) / 100);
    return json_object_set_new(task->extra, "entropy_bits", rounded) ? no_memory(task->call) : 0;
}

int32_t random_password(struct task *task)
{
    struct pool pool;
    char text[PASSWORD_MAX];
    size_t length = (size_t)llmspell_integer(task->params, "length", 20);
    pool_init(&pool, task->params);
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < task->count; i++) {
        rc = draw_password(task, &pool, length, text);
        if (rc == 0)
            rc = task_add(task, json_stringn(text, length));
    }
    explicit_bzero(text, sizeof text);
    return rc < 0 ? rc : set_entropy(task, pool_entropy(&pool, length));
}

static json_t *draw_passphrase(struct source *source, size_t words, const char *separator)
{
    LLMSPELL_CLEANUP_JSON json_t *text = json_string("");
    for (size_t i = 0; text && i < words; i++) {
        const char *word = random_words[source_below(source, WORD_COUNT)];
        json_t *longer = json_sprintf("%s%s%s", json_string_value(text), i ? separator : "", word);
        json_decref(text);
        text = longer;
    }
    return llmspell_steal_json(&text);
}

int32_t random_passphrase(struct task *task)
{
    size_t words = (size_t)llmspell_integer(task->params, "words", 6);
    const char *separator = llmspell_string(task->params, "separator");
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < task->count; i++)
        rc = task_add(task, draw_passphrase(&task->source, words, separator));
    return rc < 0 ? rc : set_entropy(task, (double)words * WORD_BITS);
}
