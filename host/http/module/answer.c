/* SPDX-License-Identifier: Apache-2.0
 * What comes back in a hop: status line, headers, body; each with its limit. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/module/exchange.h"

void answer_clear(struct answer *answer)
{
    json_decref(answer->headers);
    free(answer->body);
    *answer = (struct answer){.headers = NULL};
}

/* ---- headers ---- */

/* UTF-8 as it is; else each byte is taken as Latin-1, what HTTP once said. */
static json_t *text_json(const char *text, size_t size)
{
    json_t *value = json_stringn(text, size);
    if (value)
        return value;
    char *wide = malloc(size * 2 + 1), *to = wide;
    for (size_t i = 0; wide && i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80)
            *to++ = (char)(0xc0 | byte >> 6);
        *to++ = byte >= 0x80 ? (char)(0x80 | (byte & 0x3f)) : (char)byte;
    }
    value = wide ? json_stringn(wide, (size_t)(to - wide)) : NULL;
    free(wide);
    return value;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t trim(const char **text, size_t size)
{
    while (size > 0 && is_blank(**text)) {
        (*text)++;
        size--;
    }
    while (size > 0 && is_blank((*text)[size - 1]))
        size--;
    return size;
}

/* Another answer begins: after "100 Continue", or after a challenge. */
static int begin(struct answer *answer, const char *line, size_t size)
{
    const char *reason = memchr(line, ' ', size);
    size_t n = reason ? size - (size_t)(reason - line) : 0;
    n = reason ? trim(&reason, n) : 0;
    const char *text = n ? memchr(reason, ' ', n) : NULL; /* behind the number */
    n = text ? n - (size_t)(text - reason) : 0;
    n = text ? trim(&text, n) : 0;
    if (n >= sizeof answer->reason)
        n = sizeof answer->reason - 1;
    for (size_t i = 0; i < n; i++)
        answer->reason[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    answer->reason[n] = '\0';
    json_decref(answer->headers);
    answer->headers = json_object();
    return answer->headers ? 0 : LLMSPELL_ENOMEM;
}

static json_t *join(const json_t *before, json_t *value)
{
    json_t *joined =
        value ? json_sprintf("%s, %s", json_string_value(before), json_string_value(value)) : NULL;
    json_decref(value);
    return joined;
}

static int add(json_t *headers, const char *name, json_t *value)
{
    json_t *before = json_object_get(headers, name);
    if (strcmp(name, "set-cookie") == 0) {
        if (!before && json_object_set_new(headers, name, before = json_array()) != 0)
            before = NULL;
        return json_array_append_new(before, value) == 0 ? 0 : LLMSPELL_ENOMEM;
    }
    if (before)
        value = join(before, value);
    return json_object_set_new(headers, name, value) == 0 ? 0 : LLMSPELL_ENOMEM;
}

static int add_line(struct answer *answer, const char *line, size_t size)
{
    char name[256];
    const char *colon = memchr(line, ':', size), *start = line, *value = colon ? colon + 1 : NULL;
    size_t n = colon ? trim(&start, (size_t)(colon - line)) : 0;
    if (n == 0 || n >= sizeof name || !answer->headers)
        return 0;
    for (size_t i = 0; i < n; i++)
        name[i] = start[i] < 0 ? '?' : (char)tolower((unsigned char)start[i]);
    name[n] = '\0';
    n = trim(&value, size - (size_t)(colon + 1 - line));
    return add(answer->headers, name, text_json(value, n));
}

int answer_header(struct exchange *exchange, const char *line, size_t size)
{
    struct answer *answer = &exchange->answer;
    answer->header_bytes += size;
    if (answer->header_bytes > HTTP_HEADERS_MAX)
        return error_set_at(exchange->error, LLMSPELL_ELIMIT, exchange->request->pointer,
                            "the headers of the response are longer than %u KiB",
                            HTTP_HEADERS_MAX >> 10);
    bool first = size > 5 && memcmp(line, "HTTP/", 5) == 0;
    int rc = first ? begin(answer, line, size) : add_line(answer, line, size);
    return rc < 0 ? error_set(exchange->error, rc, "out of memory") : 0;
}

const char *answer_location(const struct exchange *exchange)
{
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    bool redirect = (status >= 301 && status <= 303) || status == 307 || status == 308;
    if (!redirect || exchange->request->max_redirects == 0)
        return NULL;
    return json_string_value(json_object_get(exchange->answer.headers, "location"));
}

/* ---- body ---- */

static int grow(struct answer *answer, size_t wanted, uint64_t max)
{
    if (wanted < answer->room)
        return 0;
    size_t room = answer->room ? answer->room : 16384;
    while (room <= wanted)
        room *= 2;
    if (room > max + 1)
        room = (size_t)max + 1; /* wanted <= max */
    char *body = realloc(answer->body, room);
    if (!body)
        return LLMSPELL_ENOMEM;
    answer->body = body;
    answer->room = room;
    return 0;
}

static int keep(struct exchange *exchange, const char *bytes, size_t size)
{
    const struct llmspell_http_request *request = exchange->request;
    struct answer *answer = &exchange->answer;
    int rc;
    if (request->write) {
        rc = request->write(request->write_data, bytes, size);
        answer->size += size;
        return rc < 0 ? rc : 0;
    }
    rc = grow(answer, answer->size + size, exchange->max_bytes);
    if (rc < 0)
        return error_set(exchange->error, rc, "out of memory");
    memcpy(answer->body + answer->size, bytes, size);
    answer->size += size;
    answer->body[answer->size] = '\0';
    return 0;
}

int answer_body(struct exchange *exchange, const char *bytes, size_t size)
{
    struct answer *answer = &exchange->answer;
    if (answer_location(exchange)) {
        answer->redirect = true;
        return 0;
    }
    size_t left = (size_t)(exchange->max_bytes - answer->size);
    if (size <= left)
        return keep(exchange, bytes, size);
    if (!(exchange->request->flags & LLMSPELL_HTTP_TRUNCATE))
        return error_set_at(exchange->error, LLMSPELL_ELIMIT, exchange->request->pointer,
                            "the body of the response is larger than the limit of %llu bytes",
                            (unsigned long long)exchange->max_bytes);
    answer->truncated = true;
    return left > 0 ? keep(exchange, bytes, left) : 0;
}
