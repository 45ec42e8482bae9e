/* SPDX-License-Identifier: Apache-2.0
 * Names of encodings, and which one a file is in: its byte order mark, else valid UTF-8, else
 * UTF-16 or UTF-32 by where its NULs are, else what uchardet guesses. */
#include "file_converter.h"

#include <ctype.h>
#include <iconv.h>
#include <strings.h>
#include <uchardet/uchardet.h>

#include "../shared/file_values.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define FEW 20 /* bytes above ASCII that are too few for uchardet's statistics */

/* Longer marks first: that of UTF-16LE begins that of UTF-32LE. */
static const struct {
    const char *name, *bytes;
    size_t size;
} marks[] = {
    {"UTF-8", "\xEF\xBB\xBF", 3}, {"UTF-32LE", "\xFF\xFE\0\0", 4}, {"UTF-32BE", "\0\0\xFE\xFF", 4},
    {"UTF-16LE", "\xFF\xFE", 2},  {"UTF-16BE", "\xFE\xFF", 2},
};

/* Spellings that iconv does not take, and uchardet's, as IANA writes them. */
static const struct {
    const char *squeezed, *name; /* squeezed: letters and digits in lower case */
} names[] = {
    {"ascii", "US-ASCII"},
    {"usascii", "US-ASCII"},
    {"utf8", "UTF-8"},
    {"utf16", "UTF-16"},
    {"utf16le", "UTF-16LE"},
    {"utf16be", "UTF-16BE"},
    {"utf32", "UTF-32"},
    {"utf32le", "UTF-32LE"},
    {"utf32be", "UTF-32BE"},
    {"windows1250", "windows-1250"},
    {"windows1251", "windows-1251"},
    {"windows1252", "windows-1252"},
    {"cp1252", "windows-1252"},
    {"windows1253", "windows-1253"},
    {"windows1254", "windows-1254"},
    {"windows1255", "windows-1255"},
    {"windows1256", "windows-1256"},
    {"windows1257", "windows-1257"},
    {"windows1258", "windows-1258"},
    {"iso88591", "ISO-8859-1"},
    {"latin1", "ISO-8859-1"},
    {"iso88592", "ISO-8859-2"},
    {"iso88595", "ISO-8859-5"},
    {"iso88597", "ISO-8859-7"},
    {"iso88599", "ISO-8859-9"},
    {"iso885915", "ISO-8859-15"},
    {"shiftjis", "Shift_JIS"},
    {"sjis", "Shift_JIS"},
    {"eucjp", "EUC-JP"},
    {"euckr", "EUC-KR"},
    {"big5", "Big5"},
    {"gb18030", "GB18030"},
    {"gbk", "GBK"},
    {"koi8r", "KOI8-R"},
    {"koi8u", "KOI8-U"},
    {"maccyrillic", "MAC-CYRILLIC"},
    {"ibm855", "IBM855"},
    {"ibm866", "IBM866"},
    {"iso2022jp", "ISO-2022-JP"},
    {"iso2022kr", "ISO-2022-KR"},
    {"tis620", "TIS-620"},
    {"viscii", "VISCII"},
    {"uhc", "UHC"},
    {"johab", "JOHAB"},
};

/* ---- names ---- */

static void squeeze(const char *name, char ret_squeezed[64])
{
    size_t size = 0;
    for (; *name && size < 63; name++)
        if (isalnum((unsigned char)*name))
            ret_squeezed[size++] = (char)tolower((unsigned char)*name);
    ret_squeezed[size] = '\0';
}

static bool iconv_knows(const char *name)
{
    iconv_t there = iconv_open("UTF-8", name);
    if (there == (iconv_t)-1)
        return false;
    iconv_close(there);
    iconv_t back = iconv_open(name, "UTF-8");
    if (back == (iconv_t)-1)
        return false;
    iconv_close(back);
    return true;
}

int32_t encoding_find(struct llmspell_call *call, const char *name, const char *pointer,
                      char *ret_name)
{
    char squeezed[64];
    const char *found = name;
    squeeze(name, squeezed);
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(names[i].squeezed, squeezed) == 0)
            found = names[i].name;
    if (strlen(found) > 63 || !iconv_knows(found))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "there is no encoding %.80s; give a name such as UTF-8, UTF-16LE, "
                                "windows-1252 or ISO-8859-1",
                                name);
    memmove(ret_name, found, strlen(found) + 1);
    return 0;
}

size_t encoding_bom(const char *name, char ret_bom[4])
{
    for (size_t i = 0; i < COUNT(marks); i++)
        if (strcmp(marks[i].name, name) == 0) {
            memcpy(ret_bom, marks[i].bytes, marks[i].size);
            return marks[i].size;
        }
    return 0;
}

size_t encoding_unit(const char *name)
{
    return strncmp(name, "UTF-16", 6) == 0 ? 2 : strncmp(name, "UTF-32", 6) == 0 ? 4 : 1;
}

bool encoding_has_ascii_lines(const char *name)
{
    char probe[] = "a\t b\r\nc\r";
    char text[64], *in = probe, *out = text;
    size_t left = sizeof probe - 1, room = sizeof text;
    iconv_t back = iconv_open("UTF-8", name);
    if (back == (iconv_t)-1)
        return false;
    size_t done = iconv(back, &in, &left, &out, &room);
    iconv_close(back);
    return done == 0 && left == 0 && (size_t)(out - text) == sizeof probe - 1 &&
           memcmp(text, probe, sizeof probe - 1) == 0;
}

/* ---- detection ---- */

static void set(struct encoding *encoding, const char *name, double confidence)
{
    snprintf(encoding->name, sizeof encoding->name, "%s", name);
    encoding->confidence = confidence;
}

static bool find_mark(const struct job *job, struct encoding *encoding)
{
    for (size_t i = 0; i < COUNT(marks); i++) {
        size_t size = marks[i].size;
        if (job->size < size || memcmp(job->data, marks[i].bytes, size) != 0)
            continue;
        if (job->size % encoding_unit(marks[i].name) != 0)
            continue;
        set(encoding, marks[i].name, 1);
        memcpy(encoding->bom, marks[i].bytes, size);
        encoding->bom_size = size;
        return true;
    }
    return false;
}

/* Text in wide units without a mark: it can be decoded, holds no control characters, and three in
 * four are Latin. A share less would let pass texts of bytes with a NUL here and there. */
static bool is_wide_text(const struct job *job, const char *name)
{
    size_t unit = encoding_unit(name);
    bool little = strstr(name, "LE") != NULL;
    size_t latin = 0, units = job->size / unit;
    if (job->size == 0 || job->size % unit != 0)
        return false;
    for (size_t at = 0; at < job->size; at += unit) {
        uint32_t value = 0;
        for (size_t k = 0; k < unit; k++) {
            unsigned char byte = (unsigned char)job->data[at + k];
            value |= (uint32_t)byte << 8 * (little ? k : unit - 1 - k);
        }
        if ((value < 0x20 && value != '\t' && value != '\n' && value != '\r' && value != '\f') ||
            value == 0xFFFE || value == 0xFFFF || value > 0x10FFFF)
            return false;
        latin += value < 0x100;
    }
    return latin * 4 >= units * 3;
}

static bool find_wide(const struct job *job, struct encoding *encoding)
{
    static const char *const wide[] = {"UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE"};
    for (size_t i = 0; i < COUNT(wide); i++)
        if (is_wide_text(job, wide[i])) {
            set(encoding, wide[i], 0.9);
            return true;
        }
    return false;
}

static bool is_letter(unsigned char byte)
{
    return isalpha(byte) || byte >= 0xC0;
}

/* What the bytes above ASCII say about a text of a western language in windows-1252. */
struct western {
    size_t high;    /* bytes above ASCII */
    bool controls;  /* 0x80 to 0x9F: not ISO-8859-1 */
    bool plausible; /* letters among letters, signs not within words */
};

static struct western western_look(const char *data, size_t size)
{
    struct western look = {.plausible = true};
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        unsigned char before = i > 0 ? (unsigned char)data[i - 1] : ' ';
        unsigned char after = i + 1 < size ? (unsigned char)data[i + 1] : ' ';
        if (byte < 0x80)
            continue;
        look.high++;
        look.controls |= byte < 0xA0;
        if (memchr("\x81\x8D\x8F\x90\x9D\xD0\xD7\xDE\xF0\xF7\xFE", byte, 11) ||
            (byte < 0xC0 && byte != 0x92 && is_letter(before) && is_letter(after)) ||
            (byte >= 0xC0 && (before >= 0xC0 || after >= 0xC0)))
            look.plausible = false;
    }
    return look;
}

/* Guesses of uchardet that short texts of western languages get as well. */
static bool is_latin_guess(const char *name)
{
    static const char *const latin[] = {"",
                                        "ISO-8859-2",
                                        "ISO-8859-3",
                                        "ISO-8859-4",
                                        "ISO-8859-9",
                                        "ISO-8859-10",
                                        "ISO-8859-13",
                                        "ISO-8859-15",
                                        "ISO-8859-16",
                                        "WINDOWS-1250",
                                        "WINDOWS-1254",
                                        "WINDOWS-1257",
                                        "WINDOWS-1258",
                                        "MAC-CENTRALEUROPE"};
    for (size_t i = 0; i < COUNT(latin); i++)
        if (strcasecmp(name, latin[i]) == 0)
            return true;
    return false;
}

static int32_t ask_uchardet(const struct job *job, char ret_name[64])
{
    int32_t stop = 0;
    uchardet_t detector = uchardet_new();
    if (!detector)
        return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t at = 0; at < job->size && stop == 0; at += CHUNK) {
        size_t size = job->size - at < CHUNK ? job->size - at : CHUNK;
        if (uchardet_handle_data(detector, job->data + at, size) != 0)
            stop = llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
        else
            stop = llmspell_cancelled(job->call);
    }
    uchardet_data_end(detector);
    snprintf(ret_name, 64, "%s", uchardet_get_charset(detector));
    uchardet_delete(detector);
    return stop;
}

static int32_t guess(const struct job *job, struct encoding *encoding)
{
    char name[64];
    int32_t rc = ask_uchardet(job, name);
    if (rc < 0)
        return rc;
    struct western look = western_look(job->data, job->size);
    bool few = look.high < FEW;
    if (few && look.plausible && is_latin_guess(name))
        snprintf(name, sizeof name, "windows-1252");
    if (strcasecmp(name, "ISO-8859-1") == 0 && look.controls)
        snprintf(name, sizeof name, "windows-1252");
    if (!name[0] || encoding_find(job->call, name, "/path", encoding->name) < 0) {
        bool windows = look.plausible || look.controls;
        set(encoding, windows ? "windows-1252" : "ISO-8859-1", 0.1);
        return 0;
    }
    encoding->confidence = few ? 0.5 : 0.75;
    return 0;
}

static int32_t detect(const struct job *job, struct encoding *encoding)
{
    bool zero = memchr(job->data, '\0', job->size) != NULL;
    if (find_mark(job, encoding))
        return 0;
    if (zero && find_wide(job, encoding))
        return 0;
    if (zero)
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                                "%s is not a text: it holds NUL bytes (at offset %zu first)",
                                job->shown,
                                (size_t)((char *)memchr(job->data, '\0', job->size) - job->data));
    if (utf8_valid_size(job->data, job->size) < job->size)
        return guess(job, encoding);
    bool ascii = true;
    for (size_t i = 0; i < job->size && ascii; i++)
        ascii = (unsigned char)job->data[i] < 0x80;
    set(encoding, ascii ? "US-ASCII" : "UTF-8", ascii ? 1 : 0.99);
    return 0;
}

/* ---- resolution ---- */

/* The byte order of "UTF-16" and "UTF-32": that of the mark, little without one. */
static void settle_order(struct encoding *encoding, const struct encoding *mark)
{
    if (strcmp(encoding->name, "UTF-16") != 0 && strcmp(encoding->name, "UTF-32") != 0)
        return;
    bool same = mark->bom_size && strncmp(mark->name, encoding->name, 6) == 0;
    memcpy(encoding->name + 6, same ? mark->name + 6 : "LE", 3);
}

int32_t encoding_resolve(struct job *job)
{
    const char *name = llmspell_string(job->params, "from_encoding");
    struct encoding *encoding = &job->encoding;
    struct encoding mark = {0};
    *encoding = (struct encoding){0};
    if (strcasecmp(name, "auto") == 0)
        return detect(job, encoding);
    int32_t rc = encoding_find(job->call, name, "/from_encoding", encoding->name);
    if (rc < 0)
        return rc;
    find_mark(job, &mark);
    settle_order(encoding, &mark);
    if (strcmp(encoding->name, mark.name) == 0)
        *encoding = mark;
    encoding->confidence = 1;
    const char *zero = memchr(job->data, '\0', job->size);
    if (zero && encoding_has_ascii_lines(encoding->name))
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                                "%s is not a text in %s: it holds NUL bytes (at offset %zu first)",
                                job->shown, encoding->name, (size_t)(zero - job->data));
    return 0;
}
