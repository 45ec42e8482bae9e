/* SPDX-License-Identifier: Apache-2.0
 * From an encoding to UTF-8 and from UTF-8 to an encoding, by iconv in slices; what cannot be
 * converted fails, is replaced or transliterated. */
#include "file_converter.h"

#include <iconv.h>
#include <locale.h>

#include "../shared/file_values.h"

struct conversion {
    const struct job *job;
    const char *encoding; /* the one that is not UTF-8 */
    enum on_error on_error;
    bool decode;
    iconv_t iconv;
    const char *data; /* all that is converted */
    size_t size, at;
    struct bytes *out;
};

static size_t count_newlines(const char *data, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += data[i] == '\n';
    return count;
}

static size_t count_points(const char *data, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)data[i] & 0xC0) != 0x80;
    return count;
}

static uint32_t point_at(const char *data, size_t *ret_size)
{
    const unsigned char *byte = (const unsigned char *)data;
    size_t size = byte[0] < 0x80 ? 1 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    uint32_t point = size == 1 ? byte[0] : byte[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (byte[i] & 0x3F);
    *ret_size = size;
    return point;
}

static int32_t fail_decode(const struct conversion *conversion)
{
    size_t offset = conversion->at + conversion->job->encoding.bom_size;
    return llmspell_fail_at(conversion->job->call, LLMSPELL_EPARSE, "/path",
                            "%s is not valid %s at byte offset %zu; name its encoding, or let "
                            "on_error replace what is wrong",
                            conversion->job->shown, conversion->encoding, offset);
}

static int32_t fail_encode(const struct conversion *conversion)
{
    size_t size = 0;
    uint32_t point = point_at(conversion->data + conversion->at, &size);
    return llmspell_fail_at(conversion->job->call, LLMSPELL_EPARSE, "/path",
                            "the character U+%04X at offset %zu (line %zu) of %s is not in %s; "
                            "choose another encoding, or let on_error replace it",
                            (unsigned)point, count_points(conversion->data, conversion->at),
                            1 + count_newlines(conversion->data, conversion->at),
                            conversion->job->shown, conversion->encoding);
}

static int32_t no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

/* Feeds `from` to iconv, growing the output as needed. 0, EILSEQ or EINVAL, ENOMEM. NULL: ends. */
static int feed(struct conversion *conversion, char **from, size_t *left)
{
    struct bytes *out = conversion->out;
    for (;;) {
        if (!bytes_reserve(out, 64))
            return ENOMEM;
        char *to = out->data + out->size;
        size_t room = out->room - out->size;
        size_t done = iconv(conversion->iconv, from, left, &to, &room);
        out->size = (size_t)(to - out->data);
        if (done != (size_t)-1)
            return 0;
        if (errno != E2BIG)
            return errno;
        if (!bytes_reserve(out, (left ? *left : 0) + 64))
            return ENOMEM;
    }
}

/* Bytes of wrong UTF-8 that one U+FFFD stands for: as far as they begin a character (Unicode 3.9,
 * "maximal subparts"), as browsers and Python do. */
static size_t wrong_utf8(const char *data, size_t left)
{
    const unsigned char *byte = (const unsigned char *)data;
    unsigned low = byte[0] == 0xE0 ? 0xA0 : byte[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = byte[0] == 0xED ? 0x9F : byte[0] == 0xF4 ? 0x8F : 0xBF;
    size_t most = byte[0] < 0xC2   ? 1
                  : byte[0] < 0xE0 ? 2
                  : byte[0] < 0xF0 ? 3
                  : byte[0] < 0xF5 ? 4
                                   : 1;
    size_t size = 1;
    while (size < most && size < left && byte[size] >= low && byte[size] <= high) {
        low = 0x80;
        high = 0xBF;
        size++;
    }
    return size;
}

/* Steps over what cannot be converted at conversion->at, after writing what stands for it. */
static int32_t step_over(struct conversion *conversion, int error)
{
    size_t left = conversion->size - conversion->at, step;
    if (conversion->decode) {
        if (conversion->on_error == ERROR_FAIL)
            return fail_decode(conversion);
        bytes_add(conversion->out, "\xEF\xBF\xBD", 3);
        if (strcmp(conversion->encoding, "UTF-8") == 0)
            step = wrong_utf8(conversion->data + conversion->at, left);
        else
            step = error == EINVAL ? left : encoding_unit(conversion->encoding);
    } else {
        char mark[] = "?", *from = mark;
        size_t size = 1;
        if (conversion->on_error == ERROR_FAIL)
            return fail_encode(conversion);
        point_at(conversion->data + conversion->at, &step);
        if (feed(conversion, &from, &size) != 0) /* not even a question mark is in there */
            return fail_encode(conversion);
    }
    conversion->at += step < left ? step : left;
    return conversion->out->failed ? no_memory(conversion->job) : 0;
}

static void report(const struct conversion *conversion)
{
    conversion->job->call->host->progress(conversion->job->call, (double)conversion->at,
                                          (double)conversion->size, "converting");
}

/* UTF-8 without iconv, which takes characters beyond U+10FFFF. */
static int32_t run_utf8(struct conversion *conversion)
{
    while (conversion->at < conversion->size) {
        int32_t stop = llmspell_cancelled(conversion->job->call);
        const char *data = conversion->data + conversion->at;
        size_t rest = conversion->size - conversion->at, slice = rest < CHUNK ? rest : CHUNK;
        size_t good = utf8_valid_size(data, slice);
        if (stop < 0)
            return stop;
        bytes_add(conversion->out, data, good);
        conversion->at += good;
        if (conversion->out->failed)
            return no_memory(conversion->job);
        if (good < slice && (slice == rest || slice - good >= 4)) {
            int32_t rc = step_over(conversion, EILSEQ);
            if (rc < 0)
                return rc;
        }
        report(conversion);
    }
    return 0;
}

/* A slice may end within a character (EINVAL): the next one begins with it. */
static int32_t run(struct conversion *conversion)
{
    while (conversion->at < conversion->size) {
        int32_t stop = llmspell_cancelled(conversion->job->call);
        if (stop < 0)
            return stop;
        size_t rest = conversion->size - conversion->at;
        size_t left = rest < CHUNK ? rest : CHUNK, before = left;
        char *from = (char *)conversion->data + conversion->at; /* iconv does not write there */
        int error = feed(conversion, &from, &left);
        conversion->at += before - left;
        if (error == ENOMEM)
            return no_memory(conversion->job);
        if (error == EILSEQ || (error == EINVAL && before == rest)) {
            int32_t rc = step_over(conversion, error);
            if (rc < 0)
                return rc;
        }
        report(conversion);
    }
    return feed(conversion, NULL, NULL) == ENOMEM ? no_memory(conversion->job) : 0;
}

/* iconv transliterates by the locale of the thread, and C knows little. */
static int32_t run_transliterated(struct conversion *conversion)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!locale)
        return llmspell_fail_at(conversion->job->call, LLMSPELL_EUNAVAILABLE, "/on_error",
                                "this installation has no locale C.UTF-8 to transliterate with");
    locale_t old = uselocale(locale);
    char name[80];
    snprintf(name, sizeof name, "%s//TRANSLIT", conversion->encoding);
    conversion->iconv = iconv_open(name, "UTF-8");
    int32_t rc = conversion->iconv == (iconv_t)-1 ? no_memory(conversion->job) : run(conversion);
    if (conversion->iconv != (iconv_t)-1)
        iconv_close(conversion->iconv);
    uselocale(old);
    freelocale(locale);
    return rc;
}

int32_t text_decode(const struct job *job, const char *from, enum on_error on_error,
                    const char *data, size_t size, struct bytes *ret_text)
{
    struct conversion conversion = {.job = job,
                                    .encoding = from,
                                    .on_error = on_error,
                                    .decode = true,
                                    .data = data,
                                    .size = size,
                                    .out = ret_text};
    if (strcmp(from, "UTF-8") == 0)
        return run_utf8(&conversion);
    size_t before = ret_text->size;
    conversion.iconv = iconv_open("UTF-8", from);
    if (conversion.iconv == (iconv_t)-1)
        return no_memory(job);
    int32_t rc = run(&conversion);
    iconv_close(conversion.iconv);
    size_t size_out = ret_text->size - before;
    if (rc == 0 && size_out > 0 && utf8_valid_size(ret_text->data + before, size_out) < size_out)
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                                "%s is not valid %s: it has characters beyond U+10FFFF; name its "
                                "encoding",
                                job->shown, from);
    return rc;
}

int32_t text_encode(const struct job *job, const char *to, enum on_error on_error, const char *data,
                    size_t size, struct bytes *ret_data)
{
    struct conversion conversion = {.job = job,
                                    .encoding = to,
                                    .on_error = on_error,
                                    .data = data,
                                    .size = size,
                                    .out = ret_data};
    if (on_error == ERROR_TRANSLIT)
        return run_transliterated(&conversion);
    conversion.iconv = iconv_open(to, "UTF-8");
    if (conversion.iconv == (iconv_t)-1)
        return no_memory(job);
    int32_t rc = run(&conversion);
    iconv_close(conversion.iconv);
    return rc;
}
