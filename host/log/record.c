/* SPDX-License-Identifier: Apache-2.0
 * Formats of a log record: compact, pretty (coloured) and JSON. */
#include "log/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/utf8.h"

#define SOURCE_MAX 64
#define FRAME_MAX 256 /* bytes of a record besides source and message */
#define ESCAPED_MAX 6 /* the longest escape of one byte: \u001b */
#define CUT_MARK " [cut]"

static const char *const labels[] = {"OFF  ", "ERROR", "WARN ", "INFO ", "DEBUG", "TRACE"};
static const char *const colors[] = {"",         "\x1b[31m", "\x1b[33m",
                                     "\x1b[32m", "\x1b[34m", "\x1b[35m"};

static void add(struct record *record, const char *text, size_t size)
{
    memcpy(record->text + record->size, text, size);
    record->size += size;
}

static void add_text(struct record *record, const char *text)
{
    add(record, text, strlen(text));
}

static void put_digits(char *to, int width, int64_t number)
{
    while (width-- > 0) {
        to[width] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* 2026-11-22T17:43:13.306Z. By hand (the civil calendar, years from 0 to 9999), since gmtime_r and
 * snprintf would cost more than all the rest of a record. */
static void add_time(struct record *record, const struct timespec *time)
{
    char text[] = "0000-00-00T00:00:00.000Z";
    int64_t days = time->tv_sec / 86400, rest = time->tv_sec % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t shifted = days + 719468; /* from 0000-03-01: a leap day ends its year */
    int64_t era = shifted / 146097, day = shifted % 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;
    put_digits(text, 4, era * 400 + year + (month >= 10));
    put_digits(text + 5, 2, month < 10 ? month + 3 : month - 9);
    put_digits(text + 8, 2, in_year - (153 * month + 2) / 5 + 1);
    put_digits(text + 11, 2, rest / 3600);
    put_digits(text + 14, 2, rest / 60 % 60);
    put_digits(text + 17, 2, rest % 60);
    put_digits(text + 20, 3, time->tv_nsec / 1000000);
    add(record, text, sizeof text - 1);
}

/* \n, \r and \t by letter, other control characters by number. */
static void add_escape(struct record *record, uint32_t code, bool json)
{
    static const char letters[] = "\nn\rr\tt";
    char text[16];
    const char *letter = code ? strchr(letters, (int)code) : NULL;
    if (letter && code < 0x20)
        snprintf(text, sizeof text, "\\%c", letter[1]);
    else
        snprintf(text, sizeof text, json ? "\\u%04x" : "\\x%02x", (unsigned)code);
    add_text(record, text);
}

/* The leading bytes that are as they are in every format: most messages are nothing else. */
static size_t count_plain(const char *text, size_t size, bool json)
{
    size_t i = 0;
    while (i < size && text[i] >= 0x20 && text[i] < 0x7F &&
           !(json && (text[i] == '"' || text[i] == '\\')))
        i++;
    return i;
}

/* Text stays, the rest is escaped; in JSON a byte that is not UTF-8 becomes U+FFFD. */
static void add_escaped(struct record *record, const char *text, size_t size, bool json)
{
    for (size_t i = 0; i < size;) {
        size_t plain = count_plain(text + i, size - i, json);
        add(record, text + i, plain);
        i += plain;
        if (i == size)
            break;
        uint32_t code = 0;
        size_t length = utf8_sequence((const unsigned char *)text + i, size - i, &code);
        if (length == 0 && json)
            add_text(record, "\xEF\xBF\xBD");
        else if (length == 0)
            add_escape(record, (unsigned char)text[i], false);
        else if (utf8_is_control(code) || code == 0x2028 || code == 0x2029)
            add_escape(record, code, json);
        else {
            if (json && (code == '"' || code == '\\'))
                add(record, "\\", 1);
            add(record, text + i, length);
        }
        i += length ? length : 1;
    }
}

static void format_line(struct record *record, enum log_level level, bool color,
                        const struct timespec *time)
{
    add_text(record, color ? "\x1b[2m" : "");
    add_time(record, time);
    add_text(record, color ? "\x1b[0m " : " ");
    add_text(record, color ? colors[level] : "");
    add_text(record, labels[level]);
    add_text(record, color ? "\x1b[0m \x1b[1m" : " ");
}

static void format_json(struct record *record, enum log_level level, const struct timespec *time)
{
    add_text(record, "{\"time\":\"");
    add_time(record, time);
    add_text(record, "\",\"level\":\"");
    add_text(record, log_level_name(level));
    add_text(record, "\",\"source\":\"");
}

/* Room for the longest that source and message can become; without it less of the message. */
static size_t make_room(struct record *record, size_t source, size_t message)
{
    size_t room = FRAME_MAX + ESCAPED_MAX * (source + message);
    record->text = room <= sizeof record->small ? record->small : malloc(room);
    if (record->text)
        return message;
    record->text = record->small;
    return (sizeof record->small - FRAME_MAX) / ESCAPED_MAX - source;
}

void record_init(struct record *record, enum log_level level, enum log_format format, bool color,
                 const struct timespec *time, const char *source, const char *message)
{
    bool json = format == LOG_JSON;
    size_t source_size = (size_t)utf8_clip(source, SOURCE_MAX);
    size_t whole = strlen(message);
    size_t wanted =
        whole > RECORD_MESSAGE_MAX ? (size_t)utf8_clip(message, RECORD_MESSAGE_MAX) : whole;
    size_t size = make_room(record, source_size, wanted);
    if (size < wanted)
        size = (size_t)utf8_clip(message, size);
    color = color && format == LOG_PRETTY;
    record->size = 0;
    if (json)
        format_json(record, level, time);
    else
        format_line(record, level, color, time);
    record->body = json ? 0 : record->size;
    add_escaped(record, source, source_size, json);
    add_text(record, json ? "\",\"message\":\"" : color ? "\x1b[0m: " : ": ");
    add_escaped(record, message, size, json);
    add_text(record, size < whole ? CUT_MARK : "");
    add_text(record, json ? "\"}\n" : "\n");
}

void record_clear(struct record *record)
{
    if (record->text != record->small)
        free(record->text);
    record->text = NULL;
}
