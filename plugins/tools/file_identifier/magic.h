/* SPDX-License-Identifier: Apache-2.0
 * What libmagic says about some bytes. */
#ifndef FILE_IDENTIFIER_MAGIC_H
#define FILE_IDENTIFIER_MAGIC_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "sample.h"

struct magic_set; /* libmagic's; for one thread */

/* Opens the database of this installation. unavailable if it cannot be read. */
int32_t magic_start(struct llmspell_call *call, struct magic_set **ret_cookie);
void magic_end(struct magic_set **cookie);
#define CLEANUP_MAGIC __attribute__((cleanup(magic_end)))

struct identity {
    char mime[256];
    char encoding[64]; /* as libmagic writes it: us-ascii, utf-8, binary */
    bool text, binary; /* neither: empty */
    json_t *description, *extensions;
};

void identity_clear(struct identity *identity);
#define CLEANUP_IDENTITY __attribute__((cleanup(identity_clear)))

/* Fills the mime, encoding, text and binary of *ret; with `all` the other members too. */
int32_t magic_identify(struct llmspell_call *call, struct magic_set *cookie,
                       const struct sample *sample, bool all, struct identity *ret_identity);

#endif
