/* SPDX-License-Identifier: Apache-2.0
 * The operations string and bytes. */
#include "random.h"

#define POINTS_MAX 256                      /* characters of an alphabet */
#define TEXT_MAX ((size_t)16 * 1024 * 1024) /* bytes of all strings of a call */
#define POINT_BYTES 4                       /* of a code point in UTF-8, at most */

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const struct {
    const char *name, *characters;
} CHARSETS[] = {
    {"alphanumeric", UPPER LOWER DIGITS},
    {"alpha", UPPER LOWER},
    {"lower", LOWER},
    {"upper", UPPER},
    {"digits", DIGITS},
    {"hex", DIGITS "abcdef"},
    {"base58", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"},
    {"printable", "!\"#$%&'()*+,-./" DIGITS ":;<=>?@" UPPER "[\\]^_`" LOWER "{|}~"},
};

/* An alphabet, cut into its code points. */
struct alphabet {
    const char *points[POINTS_MAX + 1]; /* where each begins, and the end */
    size_t count;
};

static void alphabet_cut(struct alphabet *ret, const char *text, size_t size)
{
    ret->count = 0;
    for (size_t i = 0; i < size && ret->count < POINTS_MAX; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            ret->points[ret->count++] = text + i;
    ret->points[ret->count] = text + size;
}

static void alphabet_get(struct alphabet *ret, const json_t *params)
{
    const char *own = llmspell_string(params, "alphabet");
    if (own) {
        alphabet_cut(ret, own, llmspell_string_length(params, "alphabet"));
        return;
    }
    size_t i = sizeof CHARSETS / sizeof CHARSETS[0] - 1;
    while (i > 0 && !llmspell_is(params, "charset", CHARSETS[i].name))
        i--;
    alphabet_cut(ret, CHARSETS[i].characters, strlen(CHARSETS[i].characters));
}

/* Refuses what would not fit into a result, before it is made. */
static int32_t check_size(struct task *task, size_t length)
{
    if (length * task->count <= TEXT_MAX / POINT_BYTES)
        return 0;
    return llmspell_fail_at(task->call, LLMSPELL_ELIMIT, "/count",
                            "%zu times %zu is more than the %zu characters of one call; ask for "
                            "fewer or shorter ones",
                            task->count, length, TEXT_MAX / POINT_BYTES);
}

static json_t *draw_string(struct source *source, const struct alphabet *alphabet, size_t length,
                           char *buffer)
{
    char *at = buffer;
    for (size_t i = 0; i < length; i++) {
        size_t point = (size_t)source_below(source, alphabet->count);
        const char *from = alphabet->points[point];
        at = mempcpy(at, from, (size_t)(alphabet->points[point + 1] - from));
    }
    return json_stringn(buffer, (size_t)(at - buffer));
}

int32_t random_string(struct task *task)
{
    struct alphabet alphabet;
    size_t length = (size_t)llmspell_integer(task->params, "length", 16);
    int32_t rc = check_size(task, length);
    if (rc < 0)
        return rc;
    alphabet_get(&alphabet, task->params);
    LLMSPELL_CLEANUP_FREE char *buffer = malloc(length * POINT_BYTES);
    if (!buffer)
        return no_memory(task->call);
    for (size_t i = 0; rc == 0 && i < task->count; i++)
        rc = task_add(task, draw_string(&task->source, &alphabet, length, buffer));
    return rc;
}

static size_t write_hex(const unsigned char *bytes, size_t size, char *text)
{
    static const char digits[] = DIGITS "abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return 2 * size;
}

static size_t write_base64(const unsigned char *bytes, size_t size, char *text)
{
    static const char digits[] = UPPER LOWER DIGITS "+/";
    char *at = text;
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        unsigned group = (unsigned)bytes[i] << 16;
        group |= have > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= have > 2 ? bytes[i + 2] : 0u;
        *at++ = digits[group >> 18];
        *at++ = digits[group >> 12 & 63];
        *at++ = have > 1 ? digits[group >> 6 & 63] : '=';
        *at++ = have > 2 ? digits[group & 63] : '=';
    }
    return (size_t)(at - text);
}

int32_t random_bytes(struct task *task)
{
    size_t length = (size_t)llmspell_integer(task->params, "length", 16);
    bool hex = !llmspell_is(task->params, "format", "base64");
    int32_t rc = check_size(task, length);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_FREE unsigned char *bytes = malloc(length);
    LLMSPELL_CLEANUP_FREE char *text = malloc(length * 2 + 4);
    if (!bytes || !text)
        return no_memory(task->call);
    for (size_t i = 0; rc == 0 && i < task->count; i++) {
        for (size_t j = 0; j < length; j++)
            bytes[j] = (unsigned char)source_below(&task->source, 256);
        size_t size = hex ? write_hex(bytes, length, text) : write_base64(bytes, length, text);
        rc = task_add(task, json_stringn(text, size));
    }
    return rc;
}
