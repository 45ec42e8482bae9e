/* SPDX-License-Identifier: Apache-2.0
 * Registered secrets, and the one pass over a message that finds them. */
#include "log/redact.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/error.h>
#include <llmspell/tool.h>

static char no_memory[] = "(a message that was not redacted for want of memory)";

/* ---- the register ---- */

static unsigned hash_start(const char *text)
{
    uint32_t start;
    memcpy(&start, text, sizeof start);
    return (start * UINT32_C(2654435761)) >> 20; /* 12 bits */
}

static void mark_starts(struct redactor *redactor)
{
    memset(redactor->starts, 0, sizeof redactor->starts);
    for (size_t i = 0; i < redactor->count; i++) {
        unsigned hash = hash_start(redactor->secrets[i].text);
        redactor->starts[hash / 64] |= UINT64_C(1) << hash % 64;
    }
}

static struct redactor_secret *find_secret(const struct redactor *redactor, const char *text)
{
    for (size_t i = 0; i < redactor->count; i++)
        if (strcmp(redactor->secrets[i].text, text) == 0)
            return &redactor->secrets[i];
    return NULL;
}

static int add_text(struct redactor *redactor, const char *text)
{
    struct redactor_secret *known = find_secret(redactor, text);
    if (known) {
        known->uses++;
        return 0;
    }
    if (redactor->count == redactor->room) {
        size_t room = redactor->room ? 2 * redactor->room : 8;
        void *grown = realloc(redactor->secrets, room * sizeof *redactor->secrets);
        if (!grown)
            return LLMSPELL_ENOMEM;
        redactor->secrets = grown;
        redactor->room = room;
    }
    char *copy = strdup(text);
    if (!copy)
        return LLMSPELL_ENOMEM;
    redactor->secrets[redactor->count++] =
        (struct redactor_secret){.text = copy, .size = strlen(copy), .uses = 1};
    mark_starts(redactor);
    return 0;
}

static void remove_text(struct redactor *redactor, const char *text)
{
    struct redactor_secret *known = find_secret(redactor, text);
    if (!known || --known->uses > 0)
        return;
    explicit_bzero(known->text, known->size);
    free(known->text);
    *known = redactor->secrets[--redactor->count];
    mark_starts(redactor);
}

/* How the secret reads within a JSON string; NULL without memory. */
static char *escape_json(const char *secret)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt", digits[] = "0123456789abcdef";
    char *escaped = malloc(6 * strlen(secret) + 1), *to = escaped;
    for (const char *from = secret; escaped && *from; from++) {
        const char *letter = NULL;
        for (size_t i = 0; i + 1 < sizeof letters && !letter; i += 2)
            letter = letters[i] == *from ? &letters[i] : NULL;
        if (letter || (unsigned char)*from < 0x20)
            *to++ = '\\';
        if (letter)
            *to++ = letter[1];
        else if ((unsigned char)*from < 0x20) {
            memcpy(to, "u00", 3);
            to[3] = digits[*from >> 4];
            to[4] = digits[*from & 15];
            to += 5;
        } else
            *to++ = *from;
    }
    if (escaped)
        *to = '\0';
    return escaped;
}

int redactor_add(struct redactor *redactor, const char *secret)
{
    if (strlen(secret) < REDACT_MIN)
        return LLMSPELL_EINVAL;
    LLMSPELL_CLEANUP_FREE char *escaped = escape_json(secret);
    if (!escaped)
        return LLMSPELL_ENOMEM;
    int rc = add_text(redactor, secret);
    if (rc == 0 && strcmp(secret, escaped) != 0) {
        rc = add_text(redactor, escaped);
        if (rc)
            remove_text(redactor, secret);
    }
    return rc;
}

void redactor_remove(struct redactor *redactor, const char *secret)
{
    LLMSPELL_CLEANUP_FREE char *escaped = escape_json(secret);
    if (escaped && strcmp(secret, escaped) != 0)
        remove_text(redactor, escaped);
    remove_text(redactor, secret);
}

void redactor_clear(struct redactor *redactor)
{
    for (size_t i = 0; i < redactor->count; i++)
        free(redactor->secrets[i].text);
    free(redactor->secrets);
    *redactor = (struct redactor){0};
}

bool redactor_finds(const struct redactor *redactor, const char *text, size_t size)
{
    for (size_t i = 0; i < redactor->count; i++)
        if (memmem(text, size, redactor->secrets[i].text, redactor->secrets[i].size))
            return true;
    return false;
}

/* ---- messages ---- */

/* The length of the longest secret at text; the beginning of one, if the message ends there. */
static size_t match_secret(const struct redactor *redactor, const char *text, size_t left)
{
    size_t longest = 0;
    for (size_t i = 0; i < redactor->count; i++) {
        const struct redactor_secret *secret = &redactor->secrets[i];
        size_t size = secret->size < left ? secret->size : left;
        if (size > longest && memcmp(secret->text, text, size) == 0)
            longest = size;
    }
    return longest >= REDACT_MIN ? longest : 0;
}

static bool may_start(const struct redactor *redactor, const char *text)
{
    unsigned hash = hash_start(text);
    return redactor->starts[hash / 64] >> hash % 64 & 1;
}

static bool mark_secrets(const struct redactor *redactor, const char *text, size_t size,
                         unsigned char *mask)
{
    bool found = false;
    for (size_t i = 0; redactor->count > 0 && i + REDACT_MIN <= size; i++) {
        size_t length =
            may_start(redactor, text + i) ? match_secret(redactor, text + i, size - i) : 0;
        if (length && !mask)
            return true;
        if (length)
            memset(mask + i, 1, length);
        found = found || length;
    }
    return found;
}

static bool mark_patterns(const char *text, size_t size, unsigned char *mask)
{
    bool found = false;
    for (const char *at = text; (at = strpbrk(at, ":=")); at++) {
        found = redact_pattern(text, size, (size_t)(at - text), mask) || found;
        if (found && !mask)
            return true;
    }
    return found;
}

/* Each run of marked bytes becomes one mark. */
static char *replace_marked(const char *text, size_t size, const unsigned char *mask)
{
    size_t runs = 0, to = 0;
    for (size_t i = 0; i < size; i++)
        runs += mask[i] && (i == 0 || !mask[i - 1]);
    char *clean = malloc(size + runs * strlen(REDACT_MARK) + 1);
    for (size_t i = 0; clean && i < size; i++) {
        if (!mask[i])
            clean[to++] = text[i];
        else if (i == 0 || !mask[i - 1]) {
            memcpy(clean + to, REDACT_MARK, strlen(REDACT_MARK));
            to += strlen(REDACT_MARK);
        }
    }
    if (clean)
        clean[to] = '\0';
    return clean;
}

char *redactor_apply(const struct redactor *redactor, const char *message)
{
    size_t size = strlen(message);
    if (!mark_secrets(redactor, message, size, NULL) && !mark_patterns(message, size, NULL))
        return NULL;
    LLMSPELL_CLEANUP_FREE unsigned char *mask = calloc(1, size + 1);
    if (!mask)
        return no_memory;
    mark_secrets(redactor, message, size, mask);
    mark_patterns(message, size, mask);
    char *clean = replace_marked(message, size, mask);
    return clean ? clean : no_memory;
}

void redactor_release(char *clean)
{
    if (clean != no_memory)
        free(clean);
}
