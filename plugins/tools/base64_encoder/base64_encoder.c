/* SPDX-License-Identifier: Apache-2.0
 * base64_encoder: text or a file to Base64 and back, strictly (RFC 4648, no foreign characters but
 * white space, no stray bits). Called by the host's tool registry through llmspell_tool_v1. */
#include <stdbool.h>

#include <llmspell/fs.h>
#include <llmspell/tool.h>

#define FILE_MAX (50ull << 20)      /* bytes */
#define OUTPUT_MAX (70000ull << 10) /* bytes: limits.output_kb of the manifest */
#define CANCEL_MASK 0xFFFFFu        /* the cancel flag is read once a MiB */

/* What a call works on. data is borrowed from the parameters or points to owned. */
struct source {
    const unsigned char *data;
    size_t size;
    const char *pointer; /* the parameter to blame */
    char *owned;
};

static const char ALPHABETS[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static const char HEX_DIGITS[] = "0123456789abcdef";

#define NO (-1)
#define SPACE (-2)
#define PAD (-3)

/* Values of ASCII characters; the two that differ between the variants are in sextet(). */
static const signed char SEXTETS[128] = {
    NO,    NO, NO, NO, NO, NO, NO, NO, NO, SPACE, SPACE, SPACE, SPACE, SPACE, NO, NO, /* 0x00 */
    NO,    NO, NO, NO, NO, NO, NO, NO, NO, NO,    NO,    NO,    NO,    NO,    NO, NO, /* 0x10 */
    SPACE, NO, NO, NO, NO, NO, NO, NO, NO, NO,    NO,    NO,    NO,    NO,    NO, NO, /* 0x20 */
    52,    53, 54, 55, 56, 57, 58, 59, 60, 61,    NO,    NO,    NO,    PAD,   NO, NO, /* 0-9 = */
    NO,    0,  1,  2,  3,  4,  5,  6,  7,  8,     9,     10,    11,    12,    13, 14, /* A-O */
    15,    16, 17, 18, 19, 20, 21, 22, 23, 24,    25,    NO,    NO,    NO,    NO, NO, /* P-Z */
    NO,    26, 27, 28, 29, 30, 31, 32, 33, 34,    35,    36,    37,    38,    39, 40, /* a-o */
    41,    42, 43, 44, 45, 46, 47, 48, 49, 50,    51,    NO,    NO,    NO,    NO, NO, /* p-z */
};

static int sextet(unsigned char c, bool url_safe)
{
    if (c >= 128)
        return NO;
    if (c == (url_safe ? '-' : '+'))
        return 62;
    if (c == (url_safe ? '_' : '/'))
        return 63;
    return SEXTETS[c];
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : NO;
}

static int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

/* Bytes of the UTF-8 sequence at p, or 0: no overlong forms, no surrogates, no code points beyond
 * U+10FFFF (the table of RFC 3629, 4). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t size = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || size > left)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

/* How a message shows the character at offset: 'x' if it is visible ASCII, else U+00E9, or a byte
 * that is no UTF-8. */
static const char *show(const struct source *source, size_t offset, char text[16])
{
    const unsigned char *p = source->data + offset;
    size_t size = utf8_sequence(p, source->size - offset);
    unsigned code = size > 1 ? p[0] & (0x7Fu >> size) : p[0];
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (p[i] & 0x3Fu);
    if (code > ' ' && code < 0x7F)
        snprintf(text, 16, "'%c'", (char)code);
    else
        snprintf(text, 16, size ? "U+%04X" : "byte 0x%02X", code);
    return text;
}

/* Offsets count code points. Each is the byte index too: all before the first error is ASCII. */
static int32_t fail_offset(struct llmspell_call *call, const struct source *source,
                           const char *what, size_t offset, const char *cure)
{
    return llmspell_fail_at(call, LLMSPELL_EPARSE, source->pointer, "%s at offset %zu; %s", what,
                            offset, cure);
}

/* others: the characters that only the other variant has. */
static int32_t fail_character(struct llmspell_call *call, const struct source *source,
                              size_t offset, const char *alphabet, const char *others)
{
    char shown[16];
    unsigned char c = source->data[offset];
    return llmspell_fail_at(call, LLMSPELL_EPARSE, source->pointer,
                            "%s at offset %zu is not a character of %s%s",
                            show(source, offset, shown), offset, alphabet,
                            c && strchr(others, c) ? "; the other variant has it" : "");
}

/* ---- input ---- */

/* Replaces the hex text of source by its bytes. */
static int32_t decode_hex(struct llmspell_call *call, struct source *source)
{
    unsigned char *bytes = malloc(source->size / 2 + 1);
    if (!bytes)
        return no_memory(call);
    source->owned = (char *)bytes;
    for (size_t i = 0; i < source->size; i++) {
        int value = hex_value(source->data[i]);
        if (value < 0)
            return fail_character(call, source, i, "hex", "");
        bytes[i / 2] = (unsigned char)(i % 2 ? bytes[i / 2] | value : value << 4);
    }
    if (source->size % 2)
        return fail_offset(call, source, "the hex text lacks a digit", source->size,
                           "each byte is two digits");
    source->data = bytes;
    source->size /= 2;
    return 0;
}

static int32_t load(struct llmspell_call *call, const json_t *params, struct source *source)
{
    const char *path = llmspell_string(params, "path");
    if (!path) {
        source->pointer = "/input";
        source->data = (const unsigned char *)llmspell_string(params, "input");
        source->size = llmspell_string_length(params, "input");
        return 0;
    }
    source->pointer = "/path";
    if (strlen(path) != llmspell_string_length(params, "path"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/path", "a path holds no NUL character");
    int32_t rc = llmspell_fs_read(call, path, "/path", FILE_MAX, &source->owned, &source->size);
    source->data = (const unsigned char *)source->owned;
    return rc;
}

/* ---- encode ---- */

/* Text that grows within a buffer of known size, broken into lines. */
struct writer {
    char *text;
    size_t used;
    size_t wrap, column; /* wrap 0: one line */
};

static void put(struct writer *out, char c)
{
    if (out->wrap && out->column == out->wrap) {
        out->text[out->used++] = '\n';
        out->column = 0;
    }
    out->text[out->used++] = c;
    out->column++;
}

/* The last one or two bytes. */
static void put_tail(struct writer *out, const unsigned char *in, size_t size, const char *alphabet,
                     bool padding)
{
    unsigned second = size == 2 ? in[1] : 0;
    put(out, alphabet[in[0] >> 2]);
    put(out, alphabet[(in[0] & 3u) << 4 | second >> 4]);
    if (size == 2)
        put(out, alphabet[(second & 15u) << 2]);
    for (size_t i = size; padding && i < 3; i++)
        put(out, '=');
}

static int32_t put_all(struct llmspell_call *call, struct writer *out, const struct source *source,
                       const char *alphabet, bool padding)
{
    const unsigned char *in = source->data;
    size_t whole = source->size / 3;
    for (size_t i = 0; i < whole; i++, in += 3) {
        put(out, alphabet[in[0] >> 2]);
        put(out, alphabet[(in[0] & 3u) << 4 | in[1] >> 4]);
        put(out, alphabet[(in[1] & 15u) << 2 | in[2] >> 6]);
        put(out, alphabet[in[2] & 63u]);
        int32_t stop = (i & CANCEL_MASK) == CANCEL_MASK ? llmspell_cancelled(call) : 0;
        if (stop < 0)
            return stop;
    }
    if (source->size % 3)
        put_tail(out, in, source->size % 3, alphabet, padding);
    return 0;
}

static int32_t encode(struct llmspell_call *call, const json_t *params, struct source *source,
                      json_t **ret_result)
{
    bool hex =
        llmspell_is(params, "input_encoding", "hex") || llmspell_bool(params, "binary_input", 0);
    int32_t rc = hex && !source->owned ? decode_hex(call, source) : 0;
    if (rc < 0)
        return rc;
    struct writer out = {.wrap = (size_t)llmspell_integer(params, "wrap", 0)};
    size_t room = (source->size + 2) / 3 * 4;
    room += out.wrap ? room / out.wrap : 0;
    if (room > OUTPUT_MAX) /* before the memory for it is taken; without wrap all fits */
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/wrap",
                                "the output would have %zu bytes, more than the limit of %llu; "
                                "take longer lines",
                                room, OUTPUT_MAX);
    LLMSPELL_CLEANUP_FREE char *text = out.text = malloc(room + 1);
    if (!text)
        return no_memory(call);
    const char *alphabet = ALPHABETS[llmspell_is(params, "variant", "url_safe")];
    rc = put_all(call, &out, source, alphabet, llmspell_bool(params, "padding", 1));
    if (rc < 0)
        return rc;
    free(source->owned); /* a file of 50 MiB need not stay while the result is copied */
    source->owned = NULL;
    return llmspell_return(
        call, ret_result,
        json_pack("{s:o, s:s, s:I}", "output", json_stringn_nocheck(text, out.used), "variant",
                  llmspell_string(params, "variant"), "bytes", (json_int_t)source->size));
}

/* ---- decode ---- */

struct decoder {
    unsigned char *bytes;
    size_t used;
    unsigned bits;    /* the sextets of the unfinished group of four */
    unsigned sextets; /* how many: 0..3 */
    unsigned pads;    /* '=' seen so far */
    size_t first_pad; /* its offset */
    size_t last;      /* offset of the last sextet */
};

static int32_t take_pad(struct llmspell_call *call, const struct source *source, struct decoder *d,
                        size_t offset)
{
    if (d->pads == 0)
        d->first_pad = offset;
    d->pads++;
    if (d->sextets < 2 || d->sextets + d->pads > 4)
        return fail_offset(call, source, "'=' where no padding is due", offset,
                           "it only fills the last group up to four characters");
    return 0;
}

static int32_t take_sextet(struct llmspell_call *call, const struct source *source,
                           struct decoder *d, size_t offset, unsigned value)
{
    if (d->pads)
        return fail_offset(call, source, "'=' inside the text", d->first_pad,
                           "nothing follows the padding: decode joined texts one by one");
    d->last = offset;
    d->bits = d->bits << 6 | value;
    if (++d->sextets < 4)
        return 0;
    d->bytes[d->used++] = (unsigned char)(d->bits >> 16);
    d->bytes[d->used++] = (unsigned char)(d->bits >> 8);
    d->bytes[d->used++] = (unsigned char)d->bits;
    d->bits = d->sextets = 0;
    return 0;
}

/* The unfinished group: 2 sextets hold one byte, 3 hold two; the bits left over must be zero. */
static int32_t take_end(struct llmspell_call *call, const struct source *source, struct decoder *d)
{
    if (d->sextets == 1)
        return fail_offset(call, source, "one left-over character", d->last,
                           "the text is cut off or has one too many");
    unsigned spare = d->sextets == 2 ? 4 : 2;
    if (d->sextets == 0)
        return 0;
    if (d->bits & ((1u << spare) - 1))
        return fail_offset(call, source, "non-zero trailing bits in the last character", d->last,
                           "the text is cut off or was changed");
    unsigned bits = d->bits >> spare;
    if (d->sextets == 3)
        d->bytes[d->used++] = (unsigned char)(bits >> 8);
    d->bytes[d->used++] = (unsigned char)bits;
    return 0;
}

static int32_t take_all(struct llmspell_call *call, const struct source *source, bool url_safe,
                        struct decoder *d)
{
    for (size_t i = 0; i < source->size; i++) {
        int32_t rc = (i & CANCEL_MASK) == CANCEL_MASK ? llmspell_cancelled(call) : 0;
        int value = sextet(source->data[i], url_safe);
        if (value == NO)
            return url_safe ? fail_character(call, source, i, "the url_safe alphabet", "+/")
                            : fail_character(call, source, i, "the standard alphabet", "-_");
        if (rc == 0 && value == PAD)
            rc = take_pad(call, source, d, i);
        else if (rc == 0 && value >= 0)
            rc = take_sextet(call, source, d, i, (unsigned)value);
        if (rc < 0)
            return rc;
    }
    return take_end(call, source, d);
}

/* The number of leading bytes that are valid UTF-8: all of them if the bytes are text. */
static size_t utf8_prefix(const unsigned char *bytes, size_t size)
{
    size_t i = 0, step = 1;
    while (i < size && (step = utf8_sequence(bytes + i, size - i)) != 0)
        i += step;
    return i;
}

static json_t *hex_string(const unsigned char *bytes, size_t size)
{
    LLMSPELL_CLEANUP_FREE char *text = malloc(size * 2 + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = HEX_DIGITS[bytes[i] >> 4];
        text[2 * i + 1] = HEX_DIGITS[bytes[i] & 15];
    }
    return json_stringn_nocheck(text, size * 2);
}

static int32_t show_decoded(struct llmspell_call *call, const json_t *params,
                            const struct source *source, const struct decoder *d,
                            json_t **ret_result)
{
    bool hex = llmspell_is(params, "output_encoding", "hex");
    size_t valid = hex ? 0 : utf8_prefix(d->bytes, d->used);
    if (!hex && valid < d->used) {
        if (llmspell_is(params, "output_encoding", "utf8"))
            return llmspell_fail_at(call, LLMSPELL_EPARSE, source->pointer,
                                    "the decoded bytes are not UTF-8 from byte %zu on; ask for "
                                    "output_encoding hex or auto",
                                    valid);
        hex = true;
    }
    json_t *output =
        hex ? hex_string(d->bytes, d->used) : json_stringn_nocheck((const char *)d->bytes, d->used);
    return llmspell_return(
        call, ret_result,
        json_pack("{s:o, s:s, s:s, s:I}", "output", output, "encoding", hex ? "hex" : "utf8",
                  "variant", llmspell_string(params, "variant"), "bytes", (json_int_t)d->used));
}

static int32_t decode(struct llmspell_call *call, const json_t *params, struct source *source,
                      json_t **ret_result)
{
    if (source->owned && source->size >= 3 && memcmp(source->data, "\xEF\xBB\xBF", 3) == 0) {
        source->data += 3; /* a text file may start with a BOM */
        source->size -= 3;
    }
    struct decoder d = {.used = 0};
    LLMSPELL_CLEANUP_FREE unsigned char *bytes = d.bytes = malloc(source->size / 4 * 3 + 3);
    if (!bytes)
        return no_memory(call);
    int32_t rc = take_all(call, source, llmspell_is(params, "variant", "url_safe"), &d);
    if (rc < 0)
        return rc;
    free(source->owned);
    source->owned = NULL;
    return show_decoded(call, params, source, &d, ret_result);
}

static int32_t base64_invoke(void *self, struct llmspell_call *call, const json_t *params,
                             json_t **ret_result)
{
    (void)self;
    struct source source = {.owned = NULL};
    int32_t rc = load(call, params, &source);
    if (rc == 0)
        rc = llmspell_is(params, "operation", "decode") ? decode(call, params, &source, ret_result)
                                                        : encode(call, params, &source, ret_result);
    free(source.owned);
    return rc;
}

LLMSPELL_TOOL(.invoke = base64_invoke)
