/* SPDX-License-Identifier: Apache-2.0
 * The password of a call: a parameter, or a secret by its name. It is zeroed after use. */
#include "pdf.h"

#include <llmspell/secret.h>

static void zero_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void password_clear(struct job *job)
{
    zero_free(job->password);
    job->password = NULL;
}

static int32_t keep(struct job *job, const char *value, size_t size)
{
    if (memchr(value, '\0', size))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, job->password_pointer,
                                "the password holds a NUL character");
    job->password = strndup(value, size);
    return job->password ? 0 : job_no_memory(job);
}

int32_t password_load(struct job *job)
{
    char *value = NULL;
    uint64_t size = 0;
    const char *plain = llmspell_string(job->params, "password");
    const char *name = llmspell_string(job->params, "password_secret");
    if (plain)
        return keep(job, plain, llmspell_string_length(job->params, "password"));
    if (!name)
        return 0;
    job->password_pointer = "/password_secret";
    int32_t rc = llmspell_secret_get(job->call, name, job->password_pointer, &value, &size);
    if (rc < 0)
        return rc;
    rc = keep(job, value, (size_t)size);
    llmspell_secret_release(job->call, value, size);
    return rc;
}

char *password_latin1(const char *password)
{
    bool ascii = true;
    size_t used = 0;
    char *text = calloc(1, strlen(password) + 1);
    for (const unsigned char *at = (const unsigned char *)password; text && *at; at++) {
        if (*at >= 0x80)
            ascii = false;
        if (*at > 0xC3) {
            zero_free(text);
            return NULL;
        }
        if (*at >= 0xC0) /* two bytes: U+0080 to U+00FF */
            text[used++] = (char)((at[0] & 3) << 6 | (at[1] & 0x3F));
        else if (*at < 0x80)
            text[used++] = (char)*at;
    }
    if (text && !ascii)
        return text;
    zero_free(text);
    return NULL;
}
