/* SPDX-License-Identifier: Apache-2.0
 * Reading and decoding what is to be identified, and its entropy. */
#include "sample.h"

#include <math.h>

#include <llmspell/fs.h>

void sample_clear(struct sample *sample)
{
    free(sample->data);
    if (sample->fd >= 0)
        close(sample->fd);
    *sample = (struct sample)SAMPLE_EMPTY;
}

static int32_t read_start(struct llmspell_call *call, int fd, const char *path, const char *pointer,
                          struct sample *sample)
{
    while (sample->size < SAMPLE_MAX) {
        int32_t stop = llmspell_cancelled(call);
        if (stop < 0)
            return stop;
        ssize_t got = read(fd, sample->data + sample->size, SAMPLE_MAX - sample->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return llmspell_fail_at(call, LLMSPELL_EIO, pointer, "cannot read %s: %s", path,
                                    strerror(errno));
        if (got == 0)
            break;
        sample->size += (size_t)got;
    }
    return 0;
}

int32_t sample_read(struct llmspell_call *call, const char *path, size_t length,
                    const char *pointer, struct sample *ret_sample)
{
    if (strlen(path) != length)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "the path holds a NUL character; file names cannot");
    LLMSPELL_CLEANUP_CLOSE int fd =
        llmspell_fs_open_file(call, path, pointer, UINT64_MAX, &ret_sample->total);
    if (fd < 0)
        return fd;
    ret_sample->data = malloc(SAMPLE_MAX);
    if (!ret_sample->data)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = read_start(call, fd, path, pointer, ret_sample);
    if (rc == 0 && ret_sample->total <= SAMPLE_MAX) {
        ret_sample->fd = fd;
        fd = -1;
    }
    return rc;
}

/* ---- base64 ---- */

static int digit(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

static int32_t fail_base64(struct llmspell_call *call, size_t offset)
{
    return llmspell_fail_at(call, LLMSPELL_EPARSE, "/input_base64",
                            "input_base64 is not base64 with padding: it goes wrong at offset %zu",
                            offset);
}

int32_t sample_decode(struct llmspell_call *call, const char *text, size_t length,
                      struct sample *ret_sample)
{
    uint32_t bits = 0;
    size_t digits = 0, padding = 0, size = 0;
    ret_sample->data = malloc(length / 4 * 3 + 4);
    if (!ret_sample->data)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            continue;
        int value = digit(text[i]);
        if (text[i] == '=' ? ++padding > 2 : value < 0 || padding > 0)
            return fail_base64(call, i);
        bits = bits << 6 | (value < 0 ? 0 : (uint32_t)value);
        if (++digits % 4 != 0)
            continue;
        for (size_t k = 0; k < 3 - padding; k++)
            ret_sample->data[size++] = (char)(bits >> (16 - 8 * k) & 0xFF);
    }
    if (digits % 4 != 0 || (padding == 1 && (bits & 0xFF)) || (padding == 2 && (bits & 0xFFFF)))
        return fail_base64(call, length);
    ret_sample->total = size;
    ret_sample->size = size < SAMPLE_MAX ? size : SAMPLE_MAX;
    return 0;
}

double sample_entropy(const struct sample *sample)
{
    size_t counts[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < sample->size; i++)
        counts[(unsigned char)sample->data[i]]++;
    for (size_t i = 0; i < 256; i++) {
        double share = (double)counts[i] / (double)(sample->size ? sample->size : 1);
        sum += counts[i] ? share * log2(share) : 0;
    }
    return sum < 0 ? -sum : 0;
}
