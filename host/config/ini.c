/* SPDX-License-Identifier: Apache-2.0
 * The reader that stands between an INI file and inih. Debian's inih cuts lines over 199 bytes and
 * names over 49 bytes, lets keys under an unclosed [section fall into section "", takes an indented
 * key for more of the value above, and tells no line numbers: all that is settled here. */
#include "config/ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log/utf8.h"

#define RAW_MAX 1024 /* bytes of a line that are looked at; inih takes far fewer */

struct reader {
    FILE *stream;
    const char *name;
    struct ini_file *file;
    struct error *error;
    int code;          /* the first error, 0 while all is well */
    int line;          /* the line that inih works on */
    size_t total;      /* bytes read */
    bool ended;        /* end of file was met */
    bool continuation; /* the line goes on with the value of the key above */
    bool has_key;      /* a key stands above, without a blank line between */
    size_t key_indent; /* blanks before that key */
};

/* A line without its end and the blanks around it. */
struct line {
    char raw[RAW_MAX];
    char *text;    /* into raw */
    size_t length; /* of text */
    size_t indent;
    bool cut; /* more than RAW_MAX bytes */
};

__attribute__((format(printf, 3, 4))) static int refuse(struct reader *reader, int code,
                                                        const char *format, ...)
{
    if (reader->code)
        return reader->code;
    char message[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    reader->code = code;
    return error_set(reader->error, code, "%s:%d: %s", reader->name, reader->line, message);
}

static int out_of_memory(struct reader *reader)
{
    return refuse(reader, LLMSPELL_ENOMEM, "out of memory");
}

/* Reads one line into line->raw. Returns 0, 1 at the end of the file, or a negative code. */
static int read_raw(struct reader *reader, struct line *line)
{
    size_t size = 0;
    bool any = false;
    int c;
    while ((c = getc_unlocked(reader->stream)) != EOF) {
        any = true;
        if (++reader->total > INI_FILE_MAX)
            return refuse(reader, LLMSPELL_ELIMIT, "the file is larger than %u bytes",
                          INI_FILE_MAX);
        if (c == '\n')
            break;
        if (size < sizeof line->raw - 1)
            line->raw[size++] = (char)c;
        else if (!isspace(c))
            line->cut = true;
    }
    if (ferror(reader->stream))
        return refuse(reader, LLMSPELL_EIO, "cannot read: %s", strerror(errno));
    while (size > 0 && isspace((unsigned char)line->raw[size - 1]))
        size--;
    line->raw[size] = '\0';
    line->length = size;
    return any ? 0 : 1;
}

static void skip_indent(struct reader *reader, struct line *line)
{
    line->text = line->raw;
    if (reader->line == 1 && strncmp(line->raw, "\xEF\xBB\xBF", 3) == 0) {
        line->text += 3;
        line->length -= 3;
    }
    while (line->length > 0 && (*line->text == ' ' || *line->text == '\t')) {
        line->text++;
        line->length--;
        line->indent++;
    }
}

/* Only text goes on: a NUL would end a line early, a control character could forge messages. */
static int check_text(struct reader *reader, const struct line *line)
{
    const unsigned char *text = (const unsigned char *)line->text;
    for (size_t i = 0; i < line->length;) {
        uint32_t code = 0;
        size_t length = utf8_sequence(text + i, line->length - i, &code);
        if (length == 0)
            return refuse(reader, LLMSPELL_EPARSE, "byte %zu is not UTF-8: save the file in UTF-8",
                          line->indent + i + 1);
        if (utf8_is_control(code) && code != '\t')
            return refuse(reader, LLMSPELL_EPARSE,
                          "byte %zu is the control character 0x%02x: remove it",
                          line->indent + i + 1, (unsigned)code);
        i += length;
    }
    return 0;
}

/* room: bytes of inih's buffer; it must hold the text, a line end and NUL. */
static int check_length(struct reader *reader, const struct line *line, size_t room)
{
    if (!line->cut && line->length + line->indent + 2 <= room)
        return 0;
    return refuse(reader, LLMSPELL_EPARSE,
                  "the line is longer than %zu bytes: shorten it, or continue the value on further "
                  "lines that are indented deeper than the key",
                  room - 2);
}

static int append_entry(struct reader *reader, const char *section, const char *key,
                        const char *value)
{
    struct ini_file *file = reader->file;
    if (file->count >= INI_ENTRIES_MAX)
        return refuse(reader, LLMSPELL_ELIMIT, "the file has more than %d keys", INI_ENTRIES_MAX);
    if ((file->count & (file->count - 1)) == 0) { /* room doubles at each power of two */
        size_t room = file->count ? file->count * 2 : 1;
        struct ini_entry *grown = reallocarray(file->entries, room, sizeof *grown);
        if (!grown)
            return out_of_memory(reader);
        file->entries = grown;
    }
    struct ini_entry *entry = &file->entries[file->count++];
    *entry = (struct ini_entry){.section = strdup(section),
                                .key = key ? strdup(key) : NULL,
                                .value = value ? strdup(value) : NULL,
                                .line = reader->line};
    if (!entry->section || (key && !entry->key) || (value && !entry->value))
        return out_of_memory(reader);
    return 0;
}

/* inih tells nothing about an empty section and cuts its name: so headings are read here. */
static int read_heading(struct reader *reader, const struct line *line)
{
    const char *end = strchr(line->text, ']');
    if (!end)
        return refuse(reader, LLMSPELL_EPARSE, "the section is not closed: \"%s\" needs a ']'",
                      line->text);
    size_t length = (size_t)(end - line->text) - 1;
    if (length == 0)
        return refuse(reader, LLMSPELL_EPARSE, "[] has no name");
    if (length > INI_NAME_MAX)
        return refuse(reader, LLMSPELL_EPARSE, "the section's name is longer than %d bytes",
                      INI_NAME_MAX);
    const char *rest = end + 1 + strspn(end + 1, " \t");
    if (*rest && *rest != ';' && *rest != '#')
        return refuse(reader, LLMSPELL_EPARSE,
                      "\"%s\" stands behind the section: put it on a line of its own", rest);
    char section[INI_NAME_MAX + 1] = "";
    memcpy(section, line->text + 1, length);
    if (section[strcspn(section, " \t;")])
        return refuse(reader, LLMSPELL_EPARSE, "the section's name \"%s\" has a blank or a ';'",
                      section);
    reader->has_key = false;
    return append_entry(reader, section, NULL, NULL);
}

/* "name =" or "name=" at the start: a key, by its looks. */
static bool looks_like_key(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && text[length + strspn(text + length, " \t")] == '=';
}

static int check_continuation(struct reader *reader, struct line *line)
{
    if (*line->text == '[' || looks_like_key(line->text))
        return refuse(reader, LLMSPELL_EPARSE,
                      "\"%s\" is indented deeper than the key above, so it would go on with that "
                      "key's value: start it in the same column",
                      line->text);
    for (char *at = line->text + 1; *at; at++) /* not every release of inih does this here */
        if (*at == ';' && isspace((unsigned char)at[-1])) {
            *at = '\0';
            break;
        }
    return 0;
}

/* Decides what a line with text is, and checks it for inih. */
static int classify(struct reader *reader, struct line *line, size_t room)
{
    int rc = check_length(reader, line, room);
    if (!rc)
        rc = check_text(reader, line);
    if (rc)
        return rc;
    reader->continuation = reader->has_key && line->indent > reader->key_indent;
    if (reader->continuation)
        return check_continuation(reader, line);
    if (*line->text == '[')
        return read_heading(reader, line);
    reader->has_key = true;
    reader->key_indent = line->indent;
    return 0;
}

/* The fgets of inih: hands out one checked line at a time, NULL at the end and after an error. */
static char *next_line(char *buffer, int size, void *stream)
{
    struct reader *reader = stream;
    struct line line = {.text = line.raw};
    if (reader->code || reader->ended || size < 3)
        return NULL;
    reader->line++;
    int rc = read_raw(reader, &line);
    reader->ended = rc == 1;
    if (rc)
        return NULL;
    skip_indent(reader, &line);
    reader->continuation = false;
    bool comment = *line.text == ';' || *line.text == '#';
    if (comment || line.length == 0) {
        reader->has_key = reader->has_key && comment;
        snprintf(buffer, (size_t)size, "\n");
        return buffer;
    }
    if (classify(reader, &line, (size_t)size))
        return NULL;
    snprintf(buffer, (size_t)size, "%s%s\n", reader->continuation ? " " : "", line.text);
    return buffer;
}

static const struct ini_entry *find_entry(const struct ini_file *file, const char *section,
                                          const char *key)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct ini_entry *entry = &file->entries[i];
        if (entry->key && strcmp(entry->key, key) == 0 && strcmp(entry->section, section) == 0)
            return entry;
    }
    return NULL;
}

static int extend_value(struct reader *reader, const char *value)
{
    struct ini_file *file = reader->file;
    struct ini_entry *entry = file->count ? &file->entries[file->count - 1] : NULL;
    if (!entry || !entry->value) /* the line above could not be read: inih reports that one */
        return refuse(reader, LLMSPELL_EPARSE, "there is no key above to continue");
    char *joined = NULL;
    if (asprintf(&joined, "%s%s%s", entry->value, *entry->value && *value ? "\n" : "", value) < 0)
        return out_of_memory(reader);
    free(entry->value);
    entry->value = joined;
    return 0;
}

static int add_key(struct reader *reader, const char *section, const char *key, const char *value)
{
    if (!*key)
        return refuse(reader, LLMSPELL_EPARSE, "no key stands before the '='");
    if (!*section)
        return refuse(reader, LLMSPELL_EPARSE,
                      "the key \"%s\" stands outside of any section: put a [section] above it",
                      key);
    if (strlen(key) > INI_NAME_MAX)
        return refuse(reader, LLMSPELL_EPARSE, "the key's name is longer than %d bytes",
                      INI_NAME_MAX);
    const struct ini_entry *first = find_entry(reader->file, section, key);
    if (first)
        return refuse(reader, LLMSPELL_EPARSE,
                      "[%s] %s stands here and in line %d: remove one of the two", section, key,
                      first->line);
    return append_entry(reader, section, key, value);
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
    struct reader *reader = user;
    if (reader->code || !key)
        return reader->code == 0;
    if (reader->continuation)
        return extend_value(reader, value) == 0;
    return add_key(reader, section, key, value) == 0;
}

int ini_read(FILE *stream, const char *name, struct ini_file *ret_file, struct error *ret_error)
{
    struct ini_file file = {0};
    struct reader reader = {.stream = stream, .name = name, .file = &file, .error = ret_error};
    int failed_line = ini_parse_stream(next_line, &reader, handle, &reader);
    /* inih goes on after a line that it cannot read: the first error in the file counts */
    if (failed_line > 0 && (!reader.code || failed_line < reader.line)) {
        reader.code = 0;
        reader.line = failed_line;
        refuse(&reader, LLMSPELL_EPARSE,
               "this is neither \"[section]\" nor \"key = value\" nor a comment");
    } else if (failed_line < 0 && !reader.code) {
        out_of_memory(&reader);
    }
    if (reader.code) {
        ini_clear(&file);
        return reader.code;
    }
    *ret_file = file;
    return 0;
}

void ini_clear(struct ini_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->entries[i].section);
        free(file->entries[i].key);
        free(file->entries[i].value);
    }
    free(file->entries);
    *file = (struct ini_file){0};
}
