/* SPDX-License-Identifier: Apache-2.0
 * Secrets that the operator grants to one tool: `secrets` of [tool.NAME], and what its manifest
 * asks for. Behind the extension "llmspell.secret/1"; used by tool/extensions.c. */
#ifndef HOST_SECRETS_H
#define HOST_SECRETS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct secrets; /* names and places, never values; immutable */

/* granted: "api_key:env:MY_KEY, token:file:/run/secrets/token", NULL or "" = none. A name is of
 * letters, digits, '_', '-' and '.', at most 64. capabilities: the manifest's list, of which
 * `secret:NAME` counts ('*' and '?' are globs). tool: for messages. *ret_secrets is never NULL.
 * EINVAL names the item. [any-thread] */
int secrets_new(const char *granted, const json_t *capabilities, const char *tool,
                struct secrets **ret_secrets, struct error *ret_error);
void secrets_free(struct secrets *secrets);

/* Calls each for the place of every granted secret that the manifest asks for: a variable's name or
 * a file's path. */
typedef void (*secrets_place_fn)(void *data, bool is_file, const char *place);
void secrets_places(const struct secrets *secrets, secrets_place_fn each, void *data);

/* As llmspell_secret.get. The value of a file: without one line break at its end. [any-thread] */
int secrets_get(const struct secrets *secrets, const char *name, const char *pointer,
                char **ret_value, size_t *ret_size, struct error *ret_error);

/* Zeroes and frees; NULL is fine. */
void secrets_release(char *value, size_t size);

#endif
