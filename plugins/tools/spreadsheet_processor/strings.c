/* SPDX-License-Identifier: Apache-2.0
 * Texts of XLSX: rich text in runs, and the escapes of what XML cannot hold. */
#include "sheet.h"

json_t *buffer_json(const struct byte_buffer *text)
{
    return text->failed ? NULL : json_stringn(text->data ? text->data : "", text->size);
}

int32_t rich_text(struct part *part, const char *element, struct byte_buffer *out)
{
    bool phonetic = false;
    if (xmlTextReaderIsEmptyElement(part->reader))
        return 0;
    for (;;) {
        int32_t rc = part_next(part);
        if (rc <= 0)
            return rc;
        if (part_at(part, XML_READER_TYPE_END_ELEMENT, element))
            return 0;
        if (part_at(part, XML_READER_TYPE_ELEMENT, "rPh"))
            phonetic = !xmlTextReaderIsEmptyElement(part->reader);
        else if (part_at(part, XML_READER_TYPE_END_ELEMENT, "rPh"))
            phonetic = false;
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "t") && !phonetic)
            rc = part_text(part, out);
        if (rc < 0)
            return rc;
    }
}

/* The value of _xHHHH_ at text; -1: it is none. */
static long escape_at(const char *text)
{
    long value = 0;
    if (text[0] != '_' || text[1] != 'x')
        return -1;
    for (int i = 2; i < 6; i++) {
        char c = (char)(text[i] | 32);
        int digit = c >= 'a' && c <= 'f' ? c - 'a' + 10 : text[i] - '0';
        if (digit < 0 || digit > 15 || (digit > 9 && !(c >= 'a' && c <= 'f')))
            return -1;
        value = value * 16 + digit;
    }
    return text[6] == '_' ? value : -1;
}

static size_t put_point(char *out, long point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | point >> 12);
    out[1] = (char)(0x80 | (point >> 6 & 0x3F));
    out[2] = (char)(0x80 | (point & 0x3F));
    return 3;
}

void decode_escapes(struct byte_buffer *text)
{
    size_t out = 0;
    if (text->failed || !text->data || !strstr(text->data, "_x"))
        return;
    for (size_t in = 0; in < text->size;) {
        long point = text->size - in >= 7 ? escape_at(text->data + in) : -1;
        if (point < 0 || (point >= 0xD800 && point < 0xE000)) {
            text->data[out++] = text->data[in++];
            continue;
        }
        out += put_point(text->data + out, point);
        in += 7;
    }
    text->size = out;
    text->data[out] = '\0';
}
