/* SPDX-License-Identifier: Apache-2.0
 * Blots secrets out of messages: registered ones, and what looks like one (password=…, "key": "…",
 * Authorization headers, user:password@ in URLs). Used by logger.c, which locks. */
#ifndef HOST_LOG_REDACT_H
#define HOST_LOG_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDACT_MIN 6 /* bytes of a registered secret */
#define REDACT_MARK "[redacted]"

/* One text to look for: a secret, or its form within a JSON string. */
struct redactor_secret {
    char *text;
    size_t size;
    unsigned uses;
};

struct redactor {
    struct redactor_secret *secrets;
    size_t count, room;
    uint64_t starts[64]; /* a bit for a hash of the first four bytes of each */
};

/* Errors: EINVAL (shorter than REDACT_MIN), ENOMEM. */
int redactor_add(struct redactor *redactor, const char *secret);
void redactor_remove(struct redactor *redactor, const char *secret);
void redactor_clear(struct redactor *redactor);

/* Does a registered secret stand in the text? */
bool redactor_finds(const struct redactor *redactor, const char *text, size_t size);

/* The message with every secret replaced, or NULL if it shows none (the usual case costs one pass).
 * Overlapping secrets become one mark; the beginning of a secret at the end of a message that was
 * cut counts, too. Never shows the message for want of memory. To redactor_release. */
char *redactor_apply(const struct redactor *redactor, const char *message);
void redactor_release(char *clean);

/* redact_patterns.c: marks in mask (size bytes, 1 = secret) what looks like a secret behind the ':'
 * or '=' at text[at]. Returns whether it marked anything. mask may be NULL: only asks. */
int redact_pattern(const char *text, size_t size, size_t at, unsigned char *mask);

#endif
