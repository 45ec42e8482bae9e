/* SPDX-License-Identifier: Apache-2.0
 * libmagic, asked four times for the four things it knows, and set right where it gives up early:
 * empty input and single bytes. */
#include "magic.h"

#include <magic.h>
#include <unistd.h>

#include "../shared/file_values.h"
#include "types.h"

int32_t magic_start(struct llmspell_call *call, struct magic_set **ret_cookie)
{
    *ret_cookie = magic_open(MAGIC_RAW | MAGIC_NO_CHECK_COMPRESS);
    if (!*ret_cookie)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    size_t most = SAMPLE_MAX; /* of a file, too */
    if (magic_setparam(*ret_cookie, MAGIC_PARAM_BYTES_MAX, &most) == 0 &&
        magic_load(*ret_cookie, NULL) == 0)
        return 0;
    return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                         "the database of libmagic cannot be loaded (install libmagic-mgc): %s",
                         magic_error(*ret_cookie));
}

void magic_end(struct magic_set **cookie)
{
    if (*cookie)
        magic_close(*cookie);
    *cookie = NULL;
}

void identity_clear(struct identity *identity)
{
    json_decref(identity->description);
    json_decref(identity->extensions);
    *identity = (struct identity){0};
}

/* Borrowed until the next question. Of a file libmagic learns more than of its bytes: it goes
 * through the headers of ELF files and of old office documents. */
static int32_t ask(struct llmspell_call *call, struct magic_set *cookie, int flags,
                   const struct sample *sample, const char **ret_answer)
{
    int32_t stop = llmspell_cancelled(call);
    if (stop < 0)
        return stop;
    magic_setflags(cookie, flags | MAGIC_RAW | MAGIC_NO_CHECK_COMPRESS);
    bool file = sample->fd >= 0 && lseek(sample->fd, 0, SEEK_SET) == 0;
    *ret_answer = file ? magic_descriptor(cookie, sample->fd)
                       : magic_buffer(cookie, sample->data, sample->size);
    if (*ret_answer)
        return 0;
    const char *error = magic_error(cookie);
    return llmspell_fail(call, LLMSPELL_EFAILED, "libmagic failed: %s",
                         error ? error : "no reason");
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "jpeg/jpg" or "???" as a sorted list; the table's where libmagic has none. */
static json_t *extension_list(const char *answer, const char *mime)
{
    enum { MOST = 64 };
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    LLMSPELL_CLEANUP_FREE char *text = strdup(strcmp(answer, "???") == 0 ? "" : answer);
    const char *names[MOST];
    size_t count = 0;
    char *rest = text;
    if (!list || !text)
        return NULL;
    while (rest && *rest && count < MOST)
        names[count++] = strsep(&rest, "/");
    qsort(names, count, sizeof *names, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(names[i])) != 0)
            return NULL;
    if (count == 0 && !type_add_extensions(mime, list))
        return NULL;
    return llmspell_steal_json(&list);
}

/* libmagic says octet-stream for any single byte. */
static bool is_text_byte(const char *data, size_t size)
{
    return size == 1 && (data[0] == '\t' || data[0] == '\n' || data[0] == '\r' ||
                         (data[0] >= ' ' && data[0] <= '~'));
}

static int32_t identify_trivial(struct llmspell_call *call, size_t size, struct identity *ret)
{
    bool empty = size == 0;
    snprintf(ret->mime, sizeof ret->mime, "%s", empty ? "inode/x-empty" : "text/plain");
    snprintf(ret->encoding, sizeof ret->encoding, "%s", empty ? "binary" : "us-ascii");
    ret->text = !empty;
    ret->description = json_string(empty ? "empty" : "ASCII text");
    ret->extensions = json_array();
    if (!ret->description || !ret->extensions || !type_add_extensions(ret->mime, ret->extensions))
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

static int32_t describe(struct llmspell_call *call, struct magic_set *cookie,
                        const struct sample *sample, struct identity *identity)
{
    const char *answer = NULL;
    int32_t rc = ask(call, cookie, MAGIC_NONE, sample, &answer);
    if (rc < 0)
        return rc;
    identity->description = clean_text(answer, strlen(answer), true);
    rc = ask(call, cookie, MAGIC_EXTENSION, sample, &answer);
    if (rc < 0)
        return rc;
    identity->extensions = extension_list(answer, identity->mime);
    if (!identity->description || !identity->extensions)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

int32_t magic_identify(struct llmspell_call *call, struct magic_set *cookie,
                       const struct sample *sample, bool all, struct identity *ret_identity)
{
    if (sample->size == 0 || is_text_byte(sample->data, sample->size))
        return identify_trivial(call, sample->size, ret_identity);
    const char *answer = NULL;
    int32_t rc = ask(call, cookie, MAGIC_MIME_TYPE, sample, &answer);
    if (rc < 0)
        return rc;
    snprintf(ret_identity->mime, sizeof ret_identity->mime, "%.200s", answer);
    rc = ask(call, cookie, MAGIC_MIME_ENCODING, sample, &answer);
    if (rc < 0)
        return rc;
    snprintf(ret_identity->encoding, sizeof ret_identity->encoding, "%.60s", answer);
    /* A PDF or a GIF can be all ASCII; that does not make it a text. */
    const char *mime = ret_identity->mime;
    bool media = strcmp(mime, "application/pdf") == 0 || type_covers("image/*", mime) ||
                 type_covers("audio/*", mime) || type_covers("video/*", mime) ||
                 type_covers("font/*", mime);
    bool letters = strcmp(ret_identity->encoding, "binary") != 0;
    ret_identity->text = letters && (!media || type_is_text(mime));
    ret_identity->binary = !ret_identity->text;
    return all ? describe(call, cookie, sample, ret_identity) : 0;
}
