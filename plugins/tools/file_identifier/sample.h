/* SPDX-License-Identifier: Apache-2.0
 * The bytes that are looked at: the start of a file, or what the caller gave as base64. */
#ifndef FILE_IDENTIFIER_SAMPLE_H
#define FILE_IDENTIFIER_SAMPLE_H

#include <llmspell/tool.h>

#define SAMPLE_MAX (1u << 20) /* bytes */

struct sample {
    char *data; /* malloc'ed */
    size_t size;
    uint64_t total; /* bytes of the whole file */
    int fd;         /* of a file that is looked at whole, else -1 */
};

#define SAMPLE_EMPTY                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

void sample_clear(struct sample *sample);
#define CLEANUP_SAMPLE __attribute__((cleanup(sample_clear)))

/* pointer: the parameter to blame. Errors as the file service's, and io_error. */
int32_t sample_read(struct llmspell_call *call, const char *path, size_t length,
                    const char *pointer, struct sample *ret_sample);

/* parse_error at /input_base64 unless it is base64 with padding; white space may be in it. */
int32_t sample_decode(struct llmspell_call *call, const char *text, size_t length,
                      struct sample *ret_sample);

/* Shannon's entropy of the bytes, in bits per byte. */
double sample_entropy(const struct sample *sample);

#endif
