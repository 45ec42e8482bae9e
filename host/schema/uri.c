/* SPDX-License-Identifier: Apache-2.0
 * URI references: split, resolve, percent-decode. Called by reference.c and format_uri.c. */
#include "schema/uri.h"

#include <string.h>

static struct schema_uri_part part_until(const char **at, const char *end, const char *stops)
{
    struct schema_uri_part part = {*at, 0};
    while (*at < end && !(**at && strchr(stops, **at)))
        (*at)++;
    part.length = (size_t)(*at - part.at);
    return part;
}

struct schema_uri schema_uri_split(const char *text, size_t length)
{
    struct schema_uri uri = {0};
    const char *at = text, *end = text + length, *probe = text;
    struct schema_uri_part head = part_until(&probe, end, ":/?#");
    if (probe < end && *probe == ':' && head.length > 0) {
        uri.scheme = head;
        at = probe + 1;
    }
    if (end - at >= 2 && at[0] == '/' && at[1] == '/') {
        at += 2;
        uri.authority = part_until(&at, end, "/?#");
    }
    uri.path = part_until(&at, end, "?#");
    if (at < end && *at == '?') {
        at++;
        uri.query = part_until(&at, end, "#");
    }
    if (at < end && *at == '#')
        uri.fragment = (struct schema_uri_part){at + 1, (size_t)(end - at - 1)};
    return uri;
}

/* Where the last segment of out begins: what "/.." takes away. */
static size_t segment_start(const char *out, size_t length)
{
    while (length > 0 && out[--length] != '/')
        continue;
    return length;
}

/* Section 5.2.4, in place. Returns the new length. */
static size_t remove_dot_segments(char *path, size_t length)
{
    size_t in = 0, out = 0;
    while (in < length) {
        const char *rest = path + in;
        size_t left = length - in;
        if (left >= 3 && memcmp(rest, "../", 3) == 0) {
            in += 3;
        } else if (left >= 2 && memcmp(rest, "./", 2) == 0) {
            in += 2;
        } else if (left >= 3 && memcmp(rest, "/./", 3) == 0) {
            in += 2;
        } else if (left == 2 && memcmp(rest, "/.", 2) == 0) {
            path[in + 1] = '/';
            in++;
        } else if ((left >= 4 && memcmp(rest, "/../", 4) == 0) ||
                   (left == 3 && memcmp(rest, "/..", 3) == 0)) {
            in += left == 3 ? 2 : 3;
            path[in] = '/';
            out = segment_start(path, out);
        } else if ((left == 1 && *rest == '.') || (left == 2 && memcmp(rest, "..", 2) == 0)) {
            in = length;
        } else {
            do
                path[out++] = path[in++];
            while (in < length && path[in] != '/');
        }
    }
    return out;
}

static char *append(char *out, struct schema_uri_part part)
{
    if (part.length)
        memcpy(out, part.at, part.length);
    return out + part.length;
}

/* Section 5.3, without the fragment; path_tail is what follows the part of path. */
static char *recompose(struct schema_arena *arena, const struct schema_uri *uri,
                       struct schema_uri_part path_tail)
{
    size_t size = uri->scheme.length + uri->authority.length + uri->path.length + path_tail.length +
                  uri->query.length + sizeof ":///?";
    char *text = schema_arena_alloc(arena, size), *out = text;
    if (!text)
        return NULL;
    if (uri->scheme.at) {
        out = append(out, uri->scheme);
        *out++ = ':';
    }
    if (uri->authority.at) {
        *out++ = '/';
        *out++ = '/';
        out = append(out, uri->authority);
    }
    char *path = out;
    if (path_tail.at && uri->authority.at && uri->path.length == 0)
        *out++ = '/';
    out = append(append(out, uri->path), path_tail);
    /* An opaque path (urn:a:b) has no segments, and "." is a character of it like any other. */
    if (path < out && *path == '/')
        out = path + remove_dot_segments(path, (size_t)(out - path));
    if (uri->query.at) {
        *out++ = '?';
        out = append(out, uri->query);
    }
    *out = '\0';
    return text;
}

char *schema_uri_resolve(struct schema_arena *arena, const char *base,
                         const struct schema_uri *reference)
{
    struct schema_uri target = schema_uri_split(base, strlen(base));
    struct schema_uri_part tail = {0};
    if (reference->scheme.at) {
        target = *reference;
    } else if (reference->authority.at) {
        target.authority = reference->authority;
        target.path = reference->path;
        target.query = reference->query;
    } else if (reference->path.length == 0) {
        if (reference->query.at)
            target.query = reference->query;
    } else if (reference->path.at[0] == '/') {
        target.path = reference->path;
        target.query = reference->query;
    } else {
        while (target.path.length > 0 && target.path.at[target.path.length - 1] != '/')
            target.path.length--;
        tail = reference->path;
        target.query = reference->query;
    }
    return recompose(arena, &target, tail);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *schema_uri_decode(struct schema_arena *arena, struct schema_uri_part part, size_t *ret_length)
{
    char *text = schema_arena_text(arena, part.at, part.length), *out = text;
    *ret_length = 0;
    for (size_t i = 0; text && i < part.length; i++) {
        if (part.at[i] != '%') {
            *out++ = part.at[i];
            continue;
        }
        int high = i + 2 < part.length ? hex_digit(part.at[i + 1]) : -1;
        int low = i + 2 < part.length ? hex_digit(part.at[i + 2]) : -1;
        if (high < 0 || low < 0) {
            *ret_length = SIZE_MAX;
            return NULL;
        }
        *out++ = (char)(high * 16 + low);
        i += 2;
    }
    if (text) {
        *out = '\0';
        *ret_length = (size_t)(out - text);
    }
    return text;
}
