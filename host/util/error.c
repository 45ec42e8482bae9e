/* SPDX-License-Identifier: Apache-2.0
 * struct error: filling it. Used by all of the host. */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

/* Cuts half a UTF-8 sequence off the end of text that vsnprintf had to shorten. */
static void trim_partial(char *text)
{
    size_t length = strlen(text), start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (length - (start - 1) < want)
        text[start - 1] = '\0';
}

/* A message may quote any bytes, but becomes JSON and goes to terminals: what is not UTF-8, and
 * control characters, are replaced by '?'. */
static void replace_wrong(char *text)
{
    size_t size = strlen(text);
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if ((*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7F)
            *c = '?';
    for (size_t good; (good = utf8_valid(text, size)) < size; text += good, size -= good)
        text[good] = '?';
}

static int fill(struct error *error, int code, const char *path, const char *format, va_list args)
{
    if (!error)
        return code;
    error->code = code;
    error->has_path = path != NULL;
    error->path[0] = '\0';
    if (path) {
        snprintf(error->path, sizeof error->path, "%s", path);
        trim_partial(error->path);
        replace_wrong(error->path);
    }
    vsnprintf(error->message, sizeof error->message, format, args);
    trim_partial(error->message);
    replace_wrong(error->message);
    return code;
}

int error_set(struct error *error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, NULL, format, args);
    va_end(args);
    return code;
}

int error_set_at(struct error *error, int code, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(error, code, path, format, args);
    va_end(args);
    return code;
}
