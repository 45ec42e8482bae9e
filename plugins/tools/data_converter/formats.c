/* SPDX-License-Identifier: Apache-2.0
 * The table of formats, and what several of them need. */
#include <math.h>
#include <stdarg.h>

#include "../shared/json_put.h"
#include "../shared/number.h"
#include "converter.h"

const struct format formats[] = {
    {"json", read_json, write_json, false},
    {"jsonl", read_jsonl, write_jsonl, false},
    {"yaml", read_yaml, write_yaml, false},
    {"toml", read_toml, write_toml, false},
    {"xml", read_xml, write_xml, false},
    {"csv", read_csv, write_csv, false},
    {"tsv", read_tsv, write_tsv, false},
    {"ini", read_ini, write_ini, false},
    {"properties", read_properties, write_properties, false},
    {"query", read_query, write_query, false},
    {"msgpack", read_msgpack, write_msgpack, true},
    {NULL, NULL, NULL, false},
};

const struct format *format_find(const char *name)
{
    for (const struct format *format = formats; format->name; format++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

json_t *formats_list(void)
{
    json_t *list = json_array();
    for (const struct format *format = formats; list && format->name; format++) {
        json_t *item = json_pack("{s:s, s:b, s:b, s:b}", "name", format->name, "read", true,
                                 "write", true, "binary", format->binary);
        if (json_array_append_new(list, item) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

/* ---- reading ---- */

int32_t fail_at_text(const struct reading *reading, const char *place, const char *format, ...)
{
    char what[400];
    size_t line = 1;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    for (const char *at = reading->text; at < place; at++)
        line += *at == '\n';
    return llmspell_fail_at(reading->call, LLMSPELL_EPARSE, reading->pointer, "%s in line %zu",
                            what, line);
}

int32_t count_node(struct reading *reading)
{
    if (++reading->nodes > NODES_MAX)
        return llmspell_fail_at(reading->call, LLMSPELL_ELIMIT, reading->pointer,
                                "the document has more than %d values", NODES_MAX);
    return reading->nodes % 4096 ? 0 : llmspell_cancelled(reading->call);
}

json_t *special_json(struct reading *reading, double value)
{
    struct yaml_specials *s = reading->specials;
    json_t **shared = isnan(value) ? &s->nan : value > 0 ? &s->infinity : &s->minus_infinity;
    if (!*shared)
        *shared = number_json(value);
    return json_incref(*shared);
}

/* ---- writing ---- */

/* A step of a JSON pointer; of a long key the first whole characters. Returns its bytes. */
static size_t write_step(const char *key, char *part, size_t size)
{
    size_t used = 0;
    part[used++] = '/';
    for (; *key && used + 3 < size; key++) {
        if (*key == '~' || *key == '/') {
            part[used++] = '~';
            part[used++] = *key == '~' ? '0' : '1';
        } else {
            part[used++] = *key;
        }
    }
    while (((unsigned char)*key & 0xC0) == 0x80) { /* cut within a character */
        key--;
        used--;
    }
    return used;
}

/* The JSON pointer of a place; a long one is cut at its beginning. */
static void put_pointer(const struct place *place, char *text, size_t size)
{
    char part[160];
    size_t used = 1, n;
    text[size - 1] = '\0';
    for (; place && place->up; place = place->up) {
        if (place->key)
            n = write_step(place->key, part, sizeof part);
        else
            n = (size_t)snprintf(part, sizeof part, "/%zu", place->index);
        if (used + n > size)
            break;
        used += n;
        memcpy(text + size - used, part, n);
    }
    memmove(text, text + size - used, used);
}

int32_t fail_value(const struct writing *writing, const struct place *place, const char *what)
{
    char pointer[400];
    put_pointer(place, pointer, sizeof pointer);
    return llmspell_fail_at(writing->call, LLMSPELL_EFAILED, writing->pointer,
                            "%s cannot hold the value at \"%s\": %s", writing->format, pointer,
                            what);
}

int32_t writing_step(struct writing *writing)
{
    if (writing->out.error < 0) /* all that would be written is lost: say why at once */
        return bounded_text_check(writing->call, &writing->out);
    return ++writing->steps % 4096 ? 0 : llmspell_cancelled(writing->call);
}

const char *scalar_text(const json_t *value, char scratch[SCALAR_TEXT_MAX], size_t *ret_size)
{
    CLEANUP_BOUNDED_TEXT struct bounded_text text = {.max = SCALAR_TEXT_MAX - 1};
    if (json_is_string(value)) {
        *ret_size = json_string_length(value);
        return json_string_value(value);
    }
    if (!json_is_number(value) && !json_is_boolean(value))
        return NULL;
    json_put(&text, value, 0, false);
    memcpy(scratch, text.text, text.used);
    *ret_size = text.used;
    return scratch;
}

bool special_number(const struct writing *writing, const json_t *value, double *ret_value)
{
    const struct yaml_specials *s = writing->specials;
    if (!json_is_string(value))
        return false;
    if (value == s->nan)
        *ret_value = (double)NAN;
    else if (value == s->infinity)
        *ret_value = HUGE_VAL;
    else if (value == s->minus_infinity)
        *ret_value = -HUGE_VAL;
    else
        return false;
    return true;
}

int32_t members_begin(const struct writing *writing, const json_t *object, struct members *ret)
{
    *ret = (struct members){.object = object};
    if (!writing->sort_keys || json_object_size(object) == 0) {
        ret->iterator = json_object_iter((json_t *)object);
        return 0;
    }
    ret->keys = json_sorted_keys(object);
    return ret->keys ? 0 : no_memory(writing->call);
}

bool members_next(struct members *members, const char **ret_key, json_t **ret_value)
{
    if (members->keys) {
        if (members->at == json_object_size(members->object))
            return false;
        *ret_key = members->keys[members->at++];
        *ret_value = json_object_get(members->object, *ret_key);
        return true;
    }
    if (!members->iterator)
        return false;
    *ret_key = json_object_iter_key(members->iterator);
    *ret_value = json_object_iter_value(members->iterator);
    members->iterator = json_object_iter_next((json_t *)members->object, members->iterator);
    return true;
}

void members_clear(struct members *members)
{
    free(members->keys);
}
