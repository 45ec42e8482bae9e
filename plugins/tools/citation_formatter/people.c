/* SPDX-License-Identifier: Apache-2.0
 * Names of people as the styles write them, and lists of names. */
#include "citation.h"

#include <ctype.h>

/* The first character of a word with the marks on it. */
static size_t first_character(const char *word)
{
    size_t size = 1;
    while (((unsigned char)word[size] & 0xC0) == 0x80)
        size++;
    while ((unsigned char)word[size] == 0xCC ||
           ((unsigned char)word[size] == 0xCD && (unsigned char)word[size + 1] < 0xB0))
        size += 2; /* U+0300 … U+036F */
    return size;
}

/* "Jane A.-B." as J, A, B: each with stop behind, between two either hyphen or blank. */
static void put_initials(struct text_buffer *out, const char *given, const char *stop,
                         const char *blank, const char *hyphen)
{
    const char *between = "";
    while (*given) {
        if (isspace((unsigned char)*given) || *given == '.' || *given == '-') {
            if (*given == '-')
                between = hyphen;
            else if (*between == '\0' || between != hyphen)
                between = blank;
            given++;
            continue;
        }
        size_t size = first_character(given);
        if (out->len > 0 && out->data[out->len - 1] != ' ')
            text_buffer_puts(out, between);
        text_buffer_add(out, given, size);
        text_buffer_puts(out, stop);
        while (*given && !isspace((unsigned char)*given) && *given != '.' && *given != '-')
            given++;
        between = "";
    }
}

static void put_family(struct text_buffer *out, const struct person *person)
{
    text_buffer_puts(out, person->particle);
    if (*person->particle && !strchr("'-", person->particle[strlen(person->particle) - 1]))
        text_buffer_putc(out, ' ');
    text_buffer_puts(out, person->family);
}

static void put_initials_of(struct text_buffer *out, const char *sep, const struct person *person,
                            const char *stop, const char *blank, const char *hyphen)
{
    CLEANUP_TEXT_BUFFER struct text_buffer initials = {.limit = TEXT_MAX};
    put_initials(&initials, person->given, stop, blank, hyphen);
    if (initials.len == 0)
        return;
    text_buffer_puts(out, sep);
    text_buffer_add(out, initials.data, initials.len);
}

static void put_suffix(struct text_buffer *out, const char *sep, const struct person *person)
{
    if (*person->suffix) {
        text_buffer_puts(out, sep);
        text_buffer_puts(out, person->suffix);
    }
}

static void put_person(struct text_buffer *out, const struct person *person, enum name_form form)
{
    if (form == NAME_IEEE) {
        put_initials_of(out, "", person, ".", " ", "-");
        text_buffer_puts(out, *person->given ? " " : "");
    } else if (form == NAME_FULL) {
        text_buffer_puts(out, person->given);
        text_buffer_puts(out, *person->given ? " " : "");
    }
    put_family(out, person);
    if (form == NAME_APA) {
        put_initials_of(out, ", ", person, ".", " ", "-");
    } else if (form == NAME_HARVARD) {
        put_initials_of(out, ", ", person, ".", "", "-");
    } else if (form == NAME_VANCOUVER) {
        put_initials_of(out, " ", person, "", "", "");
    } else if (form == NAME_INVERTED && *person->given) {
        text_buffer_puts(out, ", ");
        text_buffer_puts(out, person->given);
    }
    bool comma = form == NAME_APA || form == NAME_INVERTED || form == NAME_HARVARD;
    put_suffix(out, comma ? ", " : " ", person);
}

char *person_name(const struct person *person, enum name_form form)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = TEXT_MAX};
    if (*person->family)
        put_person(&out, person, form);
    else
        text_buffer_puts(&out, person->literal);
    text_buffer_putc(&out, '\0');
    return out.error ? NULL : strdup(out.data);
}

static void put_name(struct line *line, const struct person *person, enum name_form form)
{
    LLMSPELL_CLEANUP_FREE char *name = person_name(person, form);
    if (name)
        line_put(line, name);
    else
        line->out.error = LLMSPELL_ENOMEM;
}

void people_put(struct line *line, const struct people *people, const struct name_list *how)
{
    bool cut = people->count > how->max;
    size_t shown = cut ? how->shown : people->count;
    if (people->count == 0)
        return;
    if (line->fresh)
        line_put(line, line->out.len > 0 ? " " : "");
    line->fresh = false;
    for (size_t i = 0; i < shown; i++) {
        bool is_last = i + 1 == shown && !cut && !people->others;
        if (i > 0)
            line_put(line, !is_last ? how->between : shown == 2 ? how->last_of_two : how->last);
        put_name(line, &people->list[i], i == 0 ? how->first : how->rest);
    }
    if (cut && how->last_shown) {
        line_put(line, how->et_al);
        put_name(line, &people->list[people->count - 1], how->rest);
    } else if (cut || people->others) {
        line_put(line, how->last_shown ? ", et al." : how->et_al);
    }
}
