/* SPDX-License-Identifier: Apache-2.0
 * A CSL-JSON item as the styles see it. Members of other types than CSL's count as missing. */
#include "citation.h"

#include <ctype.h>

#include "../shared/number.h"

static const char *const kinds[][2] = {{"article-journal", "A"},
                                       {"article-magazine", "A"},
                                       {"article-newspaper", "A"},
                                       {"article", "A"},
                                       {"book", "B"},
                                       {"chapter", "C"},
                                       {"entry-encyclopedia", "C"},
                                       {"entry-dictionary", "C"},
                                       {"paper-conference", "P"},
                                       {"thesis", "T"},
                                       {"report", "R"},
                                       {"webpage", "W"},
                                       {"post-weblog", "W"},
                                       {"post", "W"}};

static enum work_kind kind_of(const char *type)
{
    static const char letters[] = "ABCPTRW";
    for (size_t i = 0; type && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i][0], type) == 0)
            return (enum work_kind)(strchr(letters, *kinds[i][1]) - letters);
    return WORK_OTHER;
}

const char *month_name(int month)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    return month >= 1 && month <= 12 ? names[month - 1] : "";
}

char *member_text(const json_t *item, const char *key)
{
    char number[NUMBER_TEXT_MAX] = "";
    const json_t *value = json_object_get(item, key);
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        number_text(json_real_value(value), number);
    return strdup(json_is_string(value) ? json_string_value(value) : number);
}

/* ---- dates ---- */

static int part_of(const json_t *value)
{
    if (json_is_string(value)) {
        json_int_t number;
        return number_read_integer(json_string_value(value), json_string_length(value), &number) &&
                       number > -10000 && number < 10000
                   ? (int)number
                   : 0;
    }
    json_int_t number = json_integer_value(value);
    return number > -10000 && number < 10000 ? (int)number : 0;
}

static int date_parts(const json_t *list, int ret_parts[3])
{
    int count = 0;
    for (; count < 3 && (size_t)count < json_array_size(list); count++)
        if ((ret_parts[count] = part_of(json_array_get(list, (size_t)count))) == 0)
            break;
    return count;
}

/* CSL's object, pandoc's one with year, month and day, a year, or a date as text. */
int work_date(const json_t *issued, int ret_parts[3], const char **ret_text)
{
    static const char *const names[] = {"year", "month", "day"};
    int count = 0;
    *ret_text = NULL;
    if (json_is_array(issued))
        issued = json_array_get(issued, 0);
    if (json_is_integer(issued) && (ret_parts[0] = part_of(issued)) != 0)
        return 1;
    if (json_is_string(issued)) {
        *ret_text = json_string_value(issued);
    } else if (json_object_get(issued, "date-parts")) {
        const json_t *list = json_object_get(issued, "date-parts");
        return date_parts(json_array_get(list, 0), ret_parts);
    } else if (json_object_get(issued, "year")) {
        for (; count < 3; count++)
            if ((ret_parts[count] = part_of(json_object_get(issued, names[count]))) == 0)
                break;
        return count;
    } else {
        *ret_text = json_string_value(json_object_get(issued, "raw"));
        if (!*ret_text)
            *ret_text = json_string_value(json_object_get(issued, "literal"));
    }
    if (*ret_text && bibtex_date(*ret_text, ret_parts, &count))
        *ret_text = NULL;
    return *ret_text ? 0 : count;
}

static bool read_date(const json_t *item, struct work *work)
{
    int parts[3] = {0, 0, 0};
    const char *words;
    char year[16] = "";
    int count = work_date(json_object_get(item, "issued"), parts, &words);
    work->year = count > 0 ? parts[0] : 0;
    work->month = count > 1 && *month_name(parts[1]) ? parts[1] : 0;
    work->day = count > 2 && work->month && parts[2] > 0 && parts[2] <= 31 ? parts[2] : 0;
    if (work->year < 0)
        snprintf(year, sizeof year, "%d BC", -work->year);
    else if (work->year > 0)
        snprintf(year, sizeof year, "%d", work->year);
    work->texts[WORK_YEAR] = strdup(words ? words : year);
    return work->texts[WORK_YEAR];
}

/* ---- people ---- */

static const char *text_of(const json_t *name, const char *key)
{
    const char *text = json_string_value(json_object_get(name, key));
    return text ? text : "";
}

static bool read_people(const json_t *item, const char *key, struct people *people)
{
    const json_t *list = json_object_get(item, key);
    size_t index;
    json_t *name;
    people->list = calloc(json_array_size(list) + 1, sizeof *people->list);
    if (!people->list)
        return false;
    json_array_foreach((json_t *)list, index, name)
    {
        struct person person = {text_of(name, "family"), text_of(name, "given"),
                                text_of(name, "non-dropping-particle"), text_of(name, "suffix"),
                                json_is_string(name) ? json_string_value(name)
                                                     : text_of(name, "literal")};
        if (!*person.particle)
            person.particle = text_of(name, "dropping-particle");
        if (!*person.family && !*person.literal)
            person.literal = person.given;
        if (strcmp(person.literal, "others") == 0)
            people->others = true;
        else if (*person.family || *person.literal)
            people->list[people->count++] = person;
    }
    return true;
}

/* ---- texts ---- */

/* Page ranges with en dashes between digits. */
static char *dashed(char *pages, bool *ret_one)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = TEXT_MAX};
    *ret_one = true;
    for (const char *at = pages; pages && *at; at++) {
        if (*at == '-') {
            while (out.len > 0 && out.data[out.len - 1] == ' ')
                out.len--;
            while (at[1] == '-' || at[1] == ' ')
                at++;
            text_buffer_puts(&out, "–");
        } else {
            text_buffer_putc(&out, *at);
        }
        if (*at == '-' || *at == ',' || *at == '&' || (*at & 0x80))
            *ret_one = false;
    }
    free(pages);
    text_buffer_putc(&out, '\0');
    return out.error ? NULL : strdup(out.data);
}

/* Takes away the word "edition" that the styles write themselves. */
static void cut_edition_word(char *edition)
{
    static const char *const words[] = {" edition", " ed.", " ed", " edn.", " edn"};
    size_t length = edition ? strlen(edition) : 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i]);
        if (length > size && strcasecmp(edition + length - size, words[i]) == 0) {
            edition[length - size] = '\0';
            return;
        }
    }
}

/* "3", "3rd", "Third", "3rd ed." as "3rd"; what is no number stays. */
static char *ordinal(char *edition)
{
    static const char *const words[] = {"first", "second",  "third",  "fourth", "fifth",
                                        "sixth", "seventh", "eighth", "ninth",  "tenth"};
    char text[24];
    cut_edition_word(edition);
    char *end = edition;
    unsigned long number =
        edition && isdigit((unsigned char)*edition) ? strtoul(edition, &end, 10) : 0;
    bool bare =
        end > edition && (*end == '\0' || strcmp(end, "st") == 0 || strcmp(end, "nd") == 0 ||
                          strcmp(end, "rd") == 0 || strcmp(end, "th") == 0);
    for (size_t i = 0; edition && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(edition, words[i]) == 0) {
            number = i + 1;
            bare = true;
        }
    if (!edition || !bare || number > 1000000)
        return edition;
    unsigned long tens = number % 100, units = number % 10;
    const char *ending = tens >= 11 && tens <= 13 ? "th"
                         : units == 1             ? "st"
                         : units == 2             ? "nd"
                         : units == 3             ? "rd"
                                                  : "th";
    snprintf(text, sizeof text, "%lu%s", number, ending);
    free(edition);
    return strdup(text);
}

bool work_read(const json_t *item, struct work *ret)
{
    static const char *const keys[WORK_TEXTS] = {[WORK_TITLE] = "title",
                                                 [WORK_CONTAINER] = "container-title",
                                                 [WORK_PUBLISHER] = "publisher",
                                                 [WORK_PLACE] = "publisher-place",
                                                 [WORK_VOLUME] = "volume",
                                                 [WORK_ISSUE] = "issue",
                                                 [WORK_PAGES] = "page",
                                                 [WORK_EDITION] = "edition",
                                                 [WORK_DOI] = "DOI",
                                                 [WORK_URL] = "URL",
                                                 [WORK_GENRE] = "genre",
                                                 [WORK_NUMBER] = "number"};
    *ret = (struct work){.kind = kind_of(text_of(item, "type"))};
    for (size_t i = 0; i < WORK_TEXTS; i++)
        if (keys[i])
            ret->texts[i] = member_text(item, keys[i]);
    ret->texts[WORK_PAGES] = dashed(ret->texts[WORK_PAGES], &ret->one_page);
    ret->texts[WORK_EDITION] = ordinal(ret->texts[WORK_EDITION]);
    bool done = read_date(item, ret) && read_people(item, "author", &ret->authors) &&
                read_people(item, "editor", &ret->editors);
    for (size_t i = 0; i < WORK_TEXTS; i++)
        done = done && ret->texts[i];
    return done;
}

const struct people *work_leading(const struct work *work)
{
    bool is_part = work->kind == WORK_CHAPTER || work->kind == WORK_PAPER;
    return work->authors.count == 0 && !is_part ? &work->editors : &work->authors;
}

void work_clear(struct work *work)
{
    for (size_t i = 0; i < WORK_TEXTS; i++)
        free(work->texts[i]);
    free(work->authors.list);
    free(work->editors.list);
}
