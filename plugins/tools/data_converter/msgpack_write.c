/* SPDX-License-Identifier: Apache-2.0
 * Writes MessagePack, each value in its shortest form. */
#include "converter.h"

static int32_t pack(struct writing *writing, const json_t *value);

/* A code and a big-endian number of `size` bytes. */
static void put(struct bounded_text *out, unsigned code, uint64_t number, size_t size)
{
    char bytes[9] = {(char)code};
    for (size_t i = 0; i < size; i++)
        bytes[size - i] = (char)(number >> (8 * i) & 0xFF);
    bounded_put(out, bytes, size + 1);
}

static void pack_integer(struct bounded_text *out, json_int_t value)
{
    if (value >= 0) {
        uint64_t number = (uint64_t)value;
        if (number < 0x80)
            put(out, (unsigned)number, 0, 0);
        else if (number <= UINT8_MAX)
            put(out, 0xCC, number, 1);
        else if (number <= UINT16_MAX)
            put(out, 0xCD, number, 2);
        else if (number <= UINT32_MAX)
            put(out, 0xCE, number, 4);
        else
            put(out, 0xCF, number, 8);
        return;
    }
    uint64_t number = (uint64_t)value;
    if (value >= -32)
        put(out, (unsigned)(number & 0xFF), 0, 0);
    else if (value >= INT8_MIN)
        put(out, 0xD0, number, 1);
    else if (value >= INT16_MIN)
        put(out, 0xD1, number, 2);
    else if (value >= INT32_MIN)
        put(out, 0xD2, number, 4);
    else
        put(out, 0xD3, number, 8);
}

static void pack_real(struct bounded_text *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(out, 0xCB, bits, 8);
}

static void pack_text(struct bounded_text *out, const char *text, size_t size)
{
    if (size < 32)
        put(out, 0xA0 | (unsigned)size, 0, 0);
    else if (size <= UINT8_MAX)
        put(out, 0xD9, size, 1);
    else
        put(out, size <= UINT16_MAX ? 0xDA : 0xDB, size, size <= UINT16_MAX ? 2 : 4);
    bounded_put(out, text, size);
}

static void pack_head(struct bounded_text *out, size_t count, unsigned small, unsigned large)
{
    if (count < 16)
        put(out, small | (unsigned)count, 0, 0);
    else if (count <= UINT16_MAX)
        put(out, large, count, 2);
    else
        put(out, large + 1, count, 4);
}

static int32_t pack_list(struct writing *writing, const json_t *list)
{
    int32_t rc = 0;
    pack_head(&writing->out, json_array_size(list), 0x90, 0xDC);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = pack(writing, json_array_get(list, i));
    return rc;
}

static int32_t pack_object(struct writing *writing, const json_t *object)
{
    CLEANUP_MEMBERS struct members members;
    const char *key;
    json_t *value;
    int32_t rc = members_begin(writing, object, &members);
    pack_head(&writing->out, json_object_size(object), 0x80, 0xDE);
    while (rc == 0 && members_next(&members, &key, &value)) {
        pack_text(&writing->out, key, strlen(key));
        rc = pack(writing, value);
    }
    return rc;
}

static int32_t pack(struct writing *writing, const json_t *value)
{
    double special;
    int32_t stop = writing_step(writing);
    if (stop < 0)
        return stop;
    if (json_is_object(value))
        return pack_object(writing, value);
    if (json_is_array(value))
        return pack_list(writing, value);
    if (special_number(writing, value, &special))
        pack_real(&writing->out, special);
    else if (json_is_string(value))
        pack_text(&writing->out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        pack_integer(&writing->out, json_integer_value(value));
    else if (json_is_real(value))
        pack_real(&writing->out, json_real_value(value));
    else
        put(&writing->out, json_is_null(value) ? 0xC0 : json_is_true(value) ? 0xC3 : 0xC2, 0, 0);
    return 0;
}

int32_t write_msgpack(struct writing *writing, const json_t *value)
{
    return pack(writing, value);
}
