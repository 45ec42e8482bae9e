/* SPDX-License-Identifier: Apache-2.0
 * Query strings (application/x-www-form-urlencoded): a flat object of text, a list where a name
 * comes more than once. */
#include "../shared/text_input.h"
#include "converter.h"

/* ---- reading ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int32_t decode(struct reading *reading, const char *text, size_t size,
                      struct bounded_text *out)
{
    out->used = 0;
    for (size_t i = 0; i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (text[i] == '%' && low < 0)
            return llmspell_fail_at(reading->call, LLMSPELL_EPARSE, reading->pointer,
                                    "%% without two hexadecimal digits at byte %zu",
                                    (size_t)(text - reading->text) + i);
        char c = text[i] == '+' ? ' ' : text[i];
        if (low >= 0)
            c = (char)(high << 4 | low);
        bounded_char(out, c);
        i += low >= 0 ? 2 : 0;
    }
    if (out->used && text_valid(out->text, out->used) != out->used)
        return llmspell_fail_at(reading->call, LLMSPELL_EPARSE, reading->pointer,
                                "\"%.*s\" is not UTF-8", size > 60 ? 60 : (int)size, text);
    return bounded_text_check(reading->call, out);
}

/* The second value of a name makes a list of both. */
static int32_t add_value(struct reading *reading, json_t *object, const char *key, json_t *value)
{
    LLMSPELL_CLEANUP_JSON json_t *owned = value;
    json_t *before = json_object_get(object, key);
    bool ok = owned != NULL;
    if (ok && json_is_array(before))
        ok = json_array_append(before, owned) == 0;
    else if (ok && before)
        ok = json_object_set_new(object, key, json_pack("[O, O]", before, owned)) == 0;
    else if (ok)
        ok = json_object_set(object, key, owned) == 0;
    return ok ? count_node(reading) : no_memory(reading->call);
}

static int32_t read_pair(struct reading *reading, json_t *object, const char *text, size_t size,
                         struct bounded_text *scratch)
{
    const char *equals = memchr(text, '=', size);
    size_t key_size = equals ? (size_t)(equals - text) : size;
    int32_t rc = decode(reading, text, key_size, scratch);
    LLMSPELL_CLEANUP_FREE char *key = strndup(scratch->used ? scratch->text : "", scratch->used);
    if (rc < 0 || !key)
        return rc < 0 ? rc : no_memory(reading->call);
    if (strlen(key) != scratch->used)
        return fail_at_text(reading, text, "a name holds a NUL character");
    rc = decode(reading, equals ? equals + 1 : text, equals ? size - key_size - 1 : 0, scratch);
    return rc < 0 ? rc : add_value(reading, object, key, bounded_text_json(scratch));
}

int32_t read_query(struct reading *reading, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    CLEANUP_BOUNDED_TEXT struct bounded_text scratch = {.max = OUTPUT_MAX};
    const char *at = reading->text, *end = at + reading->size;
    int32_t rc = object ? 0 : no_memory(reading->call);
    while (end > at && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    at += at < end && *at == '?';
    while (rc == 0 && at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        size_t size = (size_t)((stop ? stop : end) - at);
        if (size)
            rc = read_pair(reading, object, at, size, &scratch);
        at += size + 1;
    }
    *ret_value = rc == 0 ? llmspell_steal_json(&object) : NULL;
    return rc;
}

/* ---- writing ---- */

static void encode(struct bounded_text *out, const char *text, size_t size)
{
    char escape[4];
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c && strchr("-._~", c));
        if (plain) {
            bounded_char(out, text[i]);
        } else {
            snprintf(escape, sizeof escape, "%%%02X", c);
            bounded_puts(out, escape);
        }
    }
}

static int32_t put_pair(struct writing *writing, const struct place *place, const char *key,
                        const json_t *value)
{
    char scratch[SCALAR_TEXT_MAX];
    size_t size = 0;
    const char *text = scalar_text(value, scratch, &size);
    if (!text)
        return fail_value(writing, place,
                          json_is_null(value) ? "there is no null" : "there is text only");
    if (writing->out.used)
        bounded_char(&writing->out, '&');
    encode(&writing->out, key, strlen(key));
    bounded_char(&writing->out, '=');
    encode(&writing->out, text, size);
    return writing_step(writing);
}

int32_t write_query(struct writing *writing, const json_t *value)
{
    CLEANUP_MEMBERS struct members members = {0};
    struct place top = {0};
    const char *key;
    json_t *member;
    if (!json_is_object(value))
        return fail_value(writing, NULL, "it must be an object");
    int32_t rc = members_begin(writing, value, &members);
    while (rc == 0 && members_next(&members, &key, &member)) {
        struct place place = {.up = &top, .key = key};
        if (!json_is_array(member)) {
            rc = put_pair(writing, &place, key, member);
            continue;
        }
        if (json_array_size(member) == 0)
            return fail_value(writing, &place, "a list without values would be lost");
        for (size_t i = 0; rc == 0 && i < json_array_size(member); i++) {
            struct place item = {.up = &place, .index = i};
            rc = put_pair(writing, &item, key, json_array_get(member, i));
        }
    }
    return rc;
}
