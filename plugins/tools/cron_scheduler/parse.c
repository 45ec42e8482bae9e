/* SPDX-License-Identifier: Apache-2.0
 * Reads cron expressions: five or six fields, or a macro. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cron.h"

#define NAME_LENGTH 3
#define NTH_MAX 5
#define SHOWN_MAX 40 /* bytes of the expression in a message */

static const struct {
    const char *name;
    int min, max;
    const char *names; /* three letters each, from min on */
} FIELDS[FIELD_COUNT] = {
    {"second", 0, 59, NULL},
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day", 1, 31, NULL},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {"weekday", 0, 6, "SUNMONTUEWEDTHUFRISAT"},
};

static const struct {
    const char *name, *expression;
} MACROS[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

const char *field_name(enum field_id id)
{
    return FIELDS[id].name;
}

int field_min(enum field_id id)
{
    return FIELDS[id].min;
}

int field_max(enum field_id id)
{
    return FIELDS[id].max;
}

/* What is left of a field, and which one it is. */
struct reader {
    const char *at, *end;
    enum field_id id;
    const char *item; /* where the item that is read begins */
    size_t item_length;
    struct cron_error *error;
};

/* As many bytes of a text as a message shows, without cutting a character. */
static int shown(const char *text, size_t length)
{
    size_t size = length < SHOWN_MAX ? length : SHOWN_MAX;
    while (size > 0 && size < length && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--;
    return (int)size;
}

/* Says what is wrong with the item. Returns false. */
static bool fail(struct reader *reader, const char *reason)
{
    reader->error->field = FIELDS[reader->id].name;
    snprintf(reader->error->message, sizeof reader->error->message, "%s \"%.*s\": %s",
             FIELDS[reader->id].name, shown(reader->item, reader->item_length), reader->item,
             reason);
    return false;
}

static bool fail_range(struct reader *reader)
{
    char reason[64], example[24] = "";
    if (FIELDS[reader->id].names)
        snprintf(example, sizeof example, ", or a name such as %.3s", FIELDS[reader->id].names);
    snprintf(reason, sizeof reason, "a%s %s is a number from %d to %d%s",
             reader->id == FIELD_HOUR ? "n" : "", FIELDS[reader->id].name, FIELDS[reader->id].min,
             reader->id == FIELD_WEEKDAY ? 7 : FIELDS[reader->id].max, example);
    return fail(reader, reason);
}

/* What stands behind a complete item. */
static bool fail_rest(struct reader *reader)
{
    char reason[160];
    size_t left = (size_t)(reader->item + reader->item_length - reader->at);
    snprintf(reason, sizeof reason, "\"%.*s\" is too much; an item is *, 5, 9-17, */15, 5/15%s",
             shown(reader->at, left), reader->at,
             reader->id == FIELD_DAY       ? ", L or 15W"
             : reader->id == FIELD_WEEKDAY ? ", MON-FRI, 5L or 2#3"
             : reader->id == FIELD_MONTH   ? " or JAN-MAR"
                                           : " or 10-40/15");
    return fail(reader, reason);
}

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool take_letter(struct reader *reader, char c)
{
    return take(reader, c) || take(reader, (char)(c | 0x20));
}

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* A number up to max, or -1 if it is greater. */
static int read_number(struct reader *reader, int max)
{
    int number = 0;
    while (is_digit(reader)) {
        if (number <= max)
            number = number * 10 + (*reader->at - '0');
        reader->at++;
    }
    return number <= max ? number : -1;
}

/* The value of a three-letter name, or -1. */
static int read_name(struct reader *reader)
{
    const char *names = FIELDS[reader->id].names;
    if (!names || reader->end - reader->at < NAME_LENGTH)
        return -1;
    for (int i = 0; names[i * NAME_LENGTH]; i++) {
        if (strncasecmp(names + i * NAME_LENGTH, reader->at, NAME_LENGTH) == 0) {
            reader->at += NAME_LENGTH;
            return FIELDS[reader->id].min + i;
        }
    }
    return -1;
}

/* A value of the field; of weekdays also 7. */
static bool read_value(struct reader *reader, int *ret_value, bool *ret_named)
{
    *ret_named = !is_digit(reader);
    int max = reader->id == FIELD_WEEKDAY ? 7 : FIELDS[reader->id].max;
    *ret_value = *ret_named ? read_name(reader) : read_number(reader, max);
    return *ret_value >= FIELDS[reader->id].min || fail_range(reader);
}

static bool read_step(struct reader *reader, struct item *item)
{
    int span = FIELDS[reader->id].max - FIELDS[reader->id].min + 1;
    if (!is_digit(reader))
        return fail(reader, "after / comes a number, as in */15");
    item->step = read_number(reader, 9999);
    if (item->step == 0)
        return fail(reader, "a step is at least 1, as in */15");
    if (item->step < 0 || item->step > span)
        item->step = span; /* the first value only, as any greater step */
    return true;
}

/* L, 15W, 5L and 2#3. */
static bool read_special(struct reader *reader, struct item *item)
{
    if (reader->id == FIELD_DAY && take_letter(reader, 'W')) {
        item->kind = ITEM_NEAREST;
        return true;
    }
    if (reader->id != FIELD_WEEKDAY)
        return false;
    if (take_letter(reader, 'L')) {
        item->kind = ITEM_LAST;
    } else if (take(reader, '#')) {
        item->kind = ITEM_NTH;
        item->to = is_digit(reader) ? read_number(reader, NTH_MAX) : 0;
    } else {
        return false;
    }
    item->from %= 7;
    return true;
}

/* The second half of a range. Ranges of weekdays and of names wrap. */
static bool read_range(struct reader *reader, struct item *item, bool named)
{
    bool end_named;
    item->kind = ITEM_RANGE;
    if (!read_value(reader, &item->to, &end_named))
        return false;
    if (item->to >= item->from || reader->id == FIELD_WEEKDAY || (named && end_named))
        return true;
    return fail(reader, "a range goes from the smaller to the greater number; "
                        "one past the end is two: 22-23,0-2");
}

static bool read_item(struct reader *reader, struct item *item)
{
    bool named, days = reader->id == FIELD_DAY || reader->id == FIELD_WEEKDAY;
    *item = (struct item){.kind = ITEM_ALL, .step = 1};
    if (take(reader, '*') || (days && take(reader, '?')))
        return !take(reader, '/') || read_step(reader, item);
    if (reader->id == FIELD_DAY && take_letter(reader, 'L')) {
        item->kind = ITEM_LAST;
        return true;
    }
    item->kind = ITEM_VALUE;
    if (!read_value(reader, &item->from, &named))
        return false;
    if (read_special(reader, item))
        return item->kind != ITEM_NTH || item->to > 0 ||
               fail(reader, "after # comes a number from 1 to 5, as in 2#3 or TUE#3");
    if (take(reader, '-') && !read_range(reader, item, named))
        return false;
    if (!take(reader, '/'))
        return true;
    if (item->kind == ITEM_VALUE) { /* 5/15 counts on to the end */
        item->kind = ITEM_RANGE;
        if (reader->id == FIELD_WEEKDAY)
            item->from %= 7;
        item->to = FIELDS[reader->id].max;
    }
    return read_step(reader, item);
}

static uint64_t item_mask(enum field_id id, const struct item *item)
{
    int min = FIELDS[id].min, span = FIELDS[id].max - min + 1, from = item->from, to = item->to;
    uint64_t mask = 0;
    if (item->kind > ITEM_VALUE)
        return 0;
    if (item->kind == ITEM_VALUE)
        to = from;
    if (item->kind == ITEM_ALL) {
        from = min;
        to = FIELDS[id].max;
    }
    if (to < from)
        to += span;
    for (int value = from; value <= to; value += item->step)
        mask |= 1ull << ((value - min) % span + min);
    return mask;
}

static bool read_field(struct reader *reader, struct field *field)
{
    *field = (struct field){.restricted = *reader->at != '*' && *reader->at != '?'};
    do {
        size_t left = (size_t)(reader->end - reader->at);
        const char *comma = memchr(reader->at, ',', left);
        reader->item = reader->at;
        reader->item_length = comma ? (size_t)(comma - reader->at) : left;
        if (field->count == ITEMS_MAX)
            return fail(reader, "the list is too long");
        struct item *item = &field->items[field->count];
        if (!read_item(reader, item))
            return false;
        if (reader->at != reader->item + reader->item_length)
            return fail_rest(reader);
        field->mask |= item_mask(reader->id, item);
        field->count++;
    } while (take(reader, ','));
    return true;
}

/* ---- expressions ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct word {
    const char *at, *end;
};

/* Returns how many there are; only the first FIELD_COUNT are stored. */
static size_t split(const char *text, const char *end, struct word ret_words[FIELD_COUNT])
{
    size_t count = 0;
    for (const char *at = text; at < end;) {
        if (is_blank(*at)) {
            at++;
            continue;
        }
        const char *from = at;
        while (at < end && !is_blank(*at))
            at++;
        if (count < FIELD_COUNT)
            ret_words[count] = (struct word){from, at};
        count++;
    }
    return count;
}

static const char *find_macro(const struct word *word)
{
    size_t length = (size_t)(word->end - word->at);
    for (size_t i = 0; i < sizeof MACROS / sizeof MACROS[0]; i++)
        if (strlen(MACROS[i].name) == length && strncasecmp(MACROS[i].name, word->at, length) == 0)
            return MACROS[i].expression;
    return NULL;
}

static bool fail_expression(struct cron_error *error, const struct word *words, size_t count)
{
    error->field = "expression";
    if (count > 0 && *words[0].at == '@')
        snprintf(error->message, sizeof error->message,
                 "%.*s is no schedule; there are @yearly, @annually, @monthly, @weekly, @daily, "
                 "@midnight and @hourly",
                 shown(words[0].at, (size_t)(words[0].end - words[0].at)), words[0].at);
    else
        snprintf(
            error->message, sizeof error->message,
            "an expression has 5 fields (minute, hour, day, month, weekday) or 6 (second first), "
            "not %zu",
            count);
    return false;
}

bool cron_parse(const char *text, size_t length, struct cron *ret_cron,
                struct cron_error *ret_error)
{
    struct word words[FIELD_COUNT];
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--; /* the end of a line that was read from a file */
    size_t count = split(text, text + length, words);
    const char *macro = count == 1 ? find_macro(&words[0]) : NULL;
    if (macro)
        count = split(macro, macro + strlen(macro), words);
    if (count < FIELD_COUNT - 1 || count > FIELD_COUNT || *words[0].at == '@')
        return fail_expression(ret_error, words, count);
    struct reader reader = {.id = FIELD_SECOND, .error = ret_error};
    ret_cron->has_seconds = count == FIELD_COUNT;
    if (!ret_cron->has_seconds)
        ret_cron->fields[FIELD_SECOND] = (struct field){
            .items = {{.kind = ITEM_VALUE, .step = 1}}, .count = 1, .mask = 1, .restricted = true};
    for (size_t i = 0; i < count; i++) {
        reader.id = (enum field_id)(i + FIELD_COUNT - count);
        reader.at = words[i].at;
        reader.end = words[i].end;
        if (!read_field(&reader, &ret_cron->fields[reader.id]))
            return false;
    }
    return true;
}
