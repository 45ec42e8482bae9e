/* SPDX-License-Identifier: Apache-2.0
 * Bytes of a repository as JSON: whatever their encoding, the answer is valid UTF-8. */
#include <ctype.h>
#include <iconv.h>

#include "../shared/civil.h"
#include "../shared/text_input.h"
#include "git_inspector.h"

#define ENCODING_MAX 40 /* bytes of the name of an encoding */

#define REPLACEMENT "\xEF\xBF\xBD"

bool text_is_binary(const char *text, size_t size)
{
    return memchr(text, '\0', size) || text_valid(text, size) < size;
}

/* Valid text; each byte that is not becomes U+FFFD. */
static json_t *repaired(const char *text, size_t size)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = SIZE_MAX};
    for (size_t at = 0; at < size; at++) {
        size_t valid = text_valid(text + at, size - at);
        text_buffer_add(&out, text + at, valid);
        at += valid;
        if (at < size)
            text_buffer_puts(&out, REPLACEMENT);
    }
    return text_buffer_json(&out);
}

/* The name comes from the repository: only what names of encodings are made of. */
static bool is_encoding(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.:", name[i]))
            return false;
    return length > 0 && length <= ENCODING_MAX;
}

/* NULL where the text is not in that encoding. */
static json_t *converted(const char *text, size_t size, const char *encoding)
{
    iconv_t cd = is_encoding(encoding) ? iconv_open("UTF-8", encoding) : (iconv_t)-1;
    if (cd == (iconv_t)-1)
        return NULL;
    size_t room = size * 4 + 16, left = room;
    LLMSPELL_CLEANUP_FREE char *out = malloc(room);
    char *from = (char *)(uintptr_t)text, *to = out;
    bool whole = out && iconv(cd, &from, &size, &to, &left) != (size_t)-1 &&
                 iconv(cd, NULL, NULL, &to, &left) != (size_t)-1;
    iconv_close(cd);
    return whole ? json_stringn(out, room - left) : NULL;
}

json_t *text_value(const char *text, size_t size, const char *encoding)
{
    bool utf8 =
        !encoding || strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0;
    json_t *value = utf8 ? NULL : converted(text, size, encoding);
    if (!value && text_valid(text, size) == size)
        value = json_stringn(text, size);
    return value ? value : repaired(text, size);
}

json_t *path_value(const char *path)
{
    return text_value(path, strlen(path), NULL);
}

json_t *time_value(const git_time *time)
{
    char text[CIVIL_TEXT];
    const int64_t limit = (int64_t)1 << 40; /* far beyond the year 9999 */
    if (time->time < -limit || time->time > limit ||
        !civil_write(time->time, 0, time->offset * 60, text))
        return json_null();
    return json_string(text);
}
