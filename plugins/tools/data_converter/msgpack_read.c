/* SPDX-License-Identifier: Apache-2.0
 * Reads MessagePack. Bytes (bin) become Base64 text, timestamps RFC 3339 text; what JSON values
 * cannot hold (other extensions, keys that are no text, integers above 2^63) is an error. */
#include <math.h>
#include <time.h>

#include "../shared/text_input.h"
#include "converter.h"

struct unpacker {
    struct reading *reading;
    const unsigned char *at, *end;
    size_t depth;
};

static int32_t unpack(struct unpacker *u, json_t **ret);

static int32_t fail(struct unpacker *u, int32_t code, const char *what)
{
    size_t offset = (size_t)(u->at - (const unsigned char *)u->reading->text);
    return llmspell_fail_at(u->reading->call, code, u->reading->pointer, "%s at byte %zu", what,
                            offset);
}

static int32_t done(struct unpacker *u, json_t *value, json_t **ret)
{
    *ret = value;
    return value ? 0 : no_memory(u->reading->call);
}

/* A big-endian number of `size` bytes. */
static int32_t take_number(struct unpacker *u, size_t size, uint64_t *ret)
{
    if ((size_t)(u->end - u->at) < size)
        return fail(u, LLMSPELL_EPARSE, "the data ends too early");
    *ret = 0;
    for (size_t i = 0; i < size; i++)
        *ret = *ret << 8 | *u->at++;
    return 0;
}

static int32_t take_bytes(struct unpacker *u, uint64_t size, const char **ret)
{
    if ((uint64_t)(u->end - u->at) < size)
        return fail(u, LLMSPELL_EPARSE, "the data ends too early");
    *ret = (const char *)u->at;
    u->at += size;
    return 0;
}

/* ---- scalars ---- */

static int32_t unpack_unsigned(struct unpacker *u, size_t size, json_t **ret)
{
    uint64_t value = 0;
    int32_t rc = take_number(u, size, &value);
    if (rc == 0 && value > INT64_MAX)
        rc = fail(u, LLMSPELL_EFAILED, "an integer above 2^63 that JSON values cannot hold");
    return rc < 0 ? rc : done(u, json_integer((json_int_t)value), ret);
}

static int32_t unpack_signed(struct unpacker *u, size_t size, json_t **ret)
{
    uint64_t value = 0;
    int32_t rc = take_number(u, size, &value);
    unsigned shift = 64 - 8 * (unsigned)size;
    return rc < 0 ? rc : done(u, json_integer((json_int_t)(int64_t)(value << shift) >> shift), ret);
}

static int32_t unpack_real(struct unpacker *u, size_t size, json_t **ret)
{
    uint64_t bits = 0;
    int32_t rc = take_number(u, size, &bits);
    if (rc < 0)
        return rc;
    double value;
    if (size == 4) {
        uint32_t half = (uint32_t)bits;
        float single;
        memcpy(&single, &half, sizeof single);
        value = (double)single;
    } else {
        memcpy(&value, &bits, sizeof value);
    }
    return done(u, isfinite(value) ? json_real(value) : special_json(u->reading, value), ret);
}

static int32_t unpack_text(struct unpacker *u, uint64_t size, json_t **ret)
{
    const char *text = NULL;
    int32_t rc = take_bytes(u, size, &text);
    if (rc < 0)
        return rc;
    if (text_valid(text, size) != size)
        return fail(u, LLMSPELL_EPARSE, "text that is not UTF-8 ends");
    return done(u, json_stringn_nocheck(text, size), ret);
}

static int32_t unpack_bytes(struct unpacker *u, uint64_t size, json_t **ret)
{
    const char *data = NULL;
    int32_t rc = take_bytes(u, size, &data);
    return rc < 0 ? rc : done(u, base64_json(data, size), ret);
}

/* 4, 8 or 12 bytes: seconds, or nanoseconds and seconds. */
static int32_t unpack_timestamp(struct unpacker *u, uint64_t size, json_t **ret)
{
    uint64_t word = 0, nanos = 0;
    int64_t seconds = 0;
    int32_t rc = 0;
    if (size == 12)
        rc = take_number(u, 4, &nanos);
    if (rc == 0)
        rc = take_number(u, size == 4 ? 4 : 8, &word);
    if (rc < 0)
        return rc;
    seconds = (int64_t)word;
    if (size == 8) {
        nanos = word >> 34;
        seconds = (int64_t)(word & 0x3FFFFFFFFull);
    }
    struct tm tm;
    time_t clock = (time_t)seconds;
    if (nanos > 999999999 || !gmtime_r(&clock, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
        return fail(u, LLMSPELL_EFAILED, "a timestamp out of the range of RFC 3339 ends");
    char text[64];
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (tm.tm_year < -900) /* %Y has no leading zeros */
        used =
            (size_t)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (nanos) {
        used +=
            (size_t)snprintf(text + used, sizeof text - used, ".%09llu", (unsigned long long)nanos);
        while (text[used - 1] == '0')
            used--;
    }
    text[used++] = 'Z';
    return done(u, json_stringn(text, used), ret);
}

static int32_t unpack_extension(struct unpacker *u, uint64_t size, json_t **ret)
{
    uint64_t type = 0;
    int32_t rc = take_number(u, 1, &type);
    if (rc < 0)
        return rc;
    if (type == 0xFF && (size == 4 || size == 8 || size == 12))
        return unpack_timestamp(u, size, ret);
    return fail(u, LLMSPELL_EFAILED, "an extension that JSON values cannot hold");
}

/* ---- lists and maps ---- */

static int32_t enter(struct unpacker *u, uint64_t count)
{
    if (++u->depth > DEPTH_MAX)
        return fail(u, LLMSPELL_ELIMIT, "nested deeper than 500 levels");
    if (count > (uint64_t)(u->end - u->at))
        return fail(u, LLMSPELL_EPARSE, "a list or map that is longer than the data");
    return 0;
}

static int32_t unpack_list(struct unpacker *u, uint64_t count, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = list ? enter(u, count) : no_memory(u->reading->call);
    for (uint64_t i = 0; rc == 0 && i < count; i++) {
        json_t *item = NULL;
        rc = unpack(u, &item);
        if (rc == 0 && json_array_append_new(list, item) != 0)
            rc = no_memory(u->reading->call);
    }
    u->depth--;
    *ret = rc == 0 ? llmspell_steal_json(&list) : NULL;
    return rc;
}

static int32_t unpack_member(struct unpacker *u, json_t *object)
{
    LLMSPELL_CLEANUP_JSON json_t *key = NULL, *value = NULL;
    int32_t rc = unpack(u, &key);
    if (rc < 0)
        return rc;
    const char *name = json_string_value(key);
    if (!name || strlen(name) != json_string_length(key))
        return fail(u, LLMSPELL_EFAILED, "a key that is no text ends");
    if (json_object_get(object, name))
        return fail(u, LLMSPELL_EPARSE, "a key that is given twice ends");
    rc = unpack(u, &value);
    if (rc == 0 && json_object_set_nocheck(object, name, value) != 0)
        rc = no_memory(u->reading->call);
    return rc;
}

static int32_t unpack_map(struct unpacker *u, uint64_t count, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    int32_t rc = object ? enter(u, count) : no_memory(u->reading->call);
    for (uint64_t i = 0; rc == 0 && i < count; i++)
        rc = unpack_member(u, object);
    u->depth--;
    *ret = rc == 0 ? llmspell_steal_json(&object) : NULL;
    return rc;
}

/* ---- the first byte ---- */

typedef int32_t (*sized_fn)(struct unpacker *u, uint64_t size, json_t **ret);

/* A size of `bytes` bytes, and what has it. */
static int32_t unpack_sized(struct unpacker *u, size_t bytes, sized_fn run, json_t **ret)
{
    uint64_t size = 0;
    int32_t rc = take_number(u, bytes, &size);
    return rc < 0 ? rc : run(u, size, ret);
}

static int32_t unpack_coded(struct unpacker *u, unsigned char code, json_t **ret)
{
    switch (code) {
    case 0xC0:
        return done(u, json_null(), ret);
    case 0xC2:
    case 0xC3:
        return done(u, json_boolean(code & 1), ret);
    case 0xC4:
    case 0xC5:
    case 0xC6:
        return unpack_sized(u, (size_t)1 << (code - 0xC4), unpack_bytes, ret);
    case 0xC7:
    case 0xC8:
    case 0xC9:
        return unpack_sized(u, (size_t)1 << (code - 0xC7), unpack_extension, ret);
    case 0xCA:
    case 0xCB:
        return unpack_real(u, code == 0xCA ? 4 : 8, ret);
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
        return unpack_unsigned(u, (size_t)1 << (code - 0xCC), ret);
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
        return unpack_signed(u, (size_t)1 << (code - 0xD0), ret);
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
        return unpack_extension(u, (uint64_t)1 << (code - 0xD4), ret);
    case 0xD9:
    case 0xDA:
    case 0xDB:
        return unpack_sized(u, (size_t)1 << (code - 0xD9), unpack_text, ret);
    case 0xDC:
    case 0xDD:
        return unpack_sized(u, code == 0xDC ? 2 : 4, unpack_list, ret);
    case 0xDE:
    case 0xDF:
        return unpack_sized(u, code == 0xDE ? 2 : 4, unpack_map, ret);
    default:
        return fail(u, LLMSPELL_EPARSE, "a byte that MessagePack does not use ends");
    }
}

static int32_t unpack(struct unpacker *u, json_t **ret)
{
    uint64_t code = 0;
    int32_t rc = count_node(u->reading);
    if (rc == 0)
        rc = take_number(u, 1, &code);
    if (rc < 0)
        return rc;
    if (code < 0x80)
        return done(u, json_integer((json_int_t)code), ret);
    if (code < 0x90)
        return unpack_map(u, code & 15, ret);
    if (code < 0xA0)
        return unpack_list(u, code & 15, ret);
    if (code < 0xC0)
        return unpack_text(u, code & 31, ret);
    if (code >= 0xE0)
        return done(u, json_integer((json_int_t)code - 256), ret);
    return unpack_coded(u, (unsigned char)code, ret);
}

int32_t read_msgpack(struct reading *reading, json_t **ret_value)
{
    const unsigned char *text = (const unsigned char *)reading->text;
    struct unpacker u = {reading, text, text + reading->size, 0};
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    int32_t rc = unpack(&u, &value);
    if (rc == 0 && u.at != u.end)
        rc = fail(&u, LLMSPELL_EPARSE, "there is more data behind the value,");
    *ret_value = rc == 0 ? llmspell_steal_json(&value) : NULL;
    return rc;
}
