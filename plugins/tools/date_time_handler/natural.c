/* SPDX-License-Identifier: Apache-2.0
 * Natural English: tomorrow at 5pm, next friday, in 3 weeks, 2 hours ago. */
#include "date_time.h"

#define WORDS_MAX 8
#define WORD_BYTES 24
#define AMOUNT_MAX 1000000
#define NOON (12 * 3600)

struct words {
    char items[WORDS_MAX + 1][WORD_BYTES]; /* in lower case; "" behind the last */
    size_t count;
};

/* false: too many words, or one that is too long. */
static bool split(const char *text, struct words *ret)
{
    memset(ret, 0, sizeof *ret);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, " \t");
        if (length == 0) {
            at++;
            continue;
        }
        if (ret->count == WORDS_MAX || length >= WORD_BYTES)
            return false;
        for (size_t i = 0; i < length; i++)
            ret->items[ret->count][i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] + 32) : at[i];
        ret->count++;
        at += length;
    }
    return true;
}

static bool is(const struct words *words, size_t i, const char *text)
{
    return strcmp(words->items[i], text) == 0;
}

/* ---- times of the day ---- */

/* "5", "5:30", with "pm" behind it or as a word of its own. */
static bool read_clock(const char *word, const char *next, size_t *ret_words, int64_t *ret_seconds)
{
    struct scanner scanner = {word};
    int hour, minute = 0;
    if (!scan_number(&scanner, 1, 2, &hour) ||
        (scan_char(&scanner, ':') && !scan_number(&scanner, 2, 2, &minute)))
        return false;
    bool apart = !*scanner.at && (strcmp(next, "am") == 0 || strcmp(next, "pm") == 0);
    const char *half = apart ? next : scanner.at;
    if (strcmp(half, "am") == 0 || strcmp(half, "pm") == 0) {
        if (hour < 1 || hour > 12)
            return false;
        hour = hour % 12 + (*half == 'p' ? 12 : 0);
    } else if (*half) {
        return false;
    }
    *ret_words = 1 + apart;
    *ret_seconds = hour * 3600 + minute * 60;
    return hour < 24 && minute < 60;
}

/* "at …" from word i to the end. */
static bool read_at(const struct words *words, size_t i, int64_t *ret_seconds)
{
    size_t used = 1;
    if (!is(words, i, "at") || i + 1 >= words->count)
        return false;
    if (is(words, i + 1, "noon") || is(words, i + 1, "midnight"))
        *ret_seconds = is(words, i + 1, "noon") ? NOON : 0;
    else if (!read_clock(words->items[i + 1], words->items[i + 2], &used, ret_seconds))
        return false;
    return i + 1 + used == words->count;
}

/* ---- days ---- */

struct days {
    int64_t base; /* local day of the base, since 1970 */
    int64_t day;  /* what was found */
    int64_t time; /* seconds of that day */
};

static int64_t months_later(int64_t day, int64_t months)
{
    return floor_div(local_add_months(day * CIVIL_DAY, months), CIVIL_DAY);
}

static bool read_weekday(const char *word, int *ret_weekday)
{
    struct scanner scanner = {word};
    return scan_weekday(&scanner, ret_weekday) && !*scanner.at;
}

/* The first such weekday strictly after or before the base. */
static int64_t next_weekday(int64_t base, int weekday, bool before)
{
    int64_t distance = floor_mod(weekday - civil_weekday(base), 7);
    if (before)
        return distance == 0 ? base - 7 : base - 7 + distance;
    return distance == 0 ? base + 7 : base + distance;
}

static bool read_next(const char *word, bool before, struct days *days)
{
    int sign = before ? -1 : 1, weekday;
    if (strcmp(word, "week") == 0)
        days->day = days->base + 7 * sign;
    else if (strcmp(word, "month") == 0)
        days->day = months_later(days->base, sign);
    else if (strcmp(word, "year") == 0)
        days->day = months_later(days->base, 12 * sign);
    else if (read_weekday(word, &weekday))
        days->day = next_weekday(days->base, weekday, before);
    else
        return false;
    return true;
}

/* How many words name a day; 0: they do not. */
static size_t read_day(const struct words *words, struct days *days)
{
    static const struct {
        const char *word;
        int days, time;
    } names[] = {{"today", 0, 0},
                 {"tomorrow", 1, 0},
                 {"yesterday", -1, 0},
                 {"noon", 0, NOON},
                 {"midnight", 0, 0}};
    int weekday;
    days->time = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!is(words, 0, names[i].word))
            continue;
        days->day = days->base + names[i].days;
        days->time = names[i].time;
        return 1;
    }
    if (is(words, 0, "next") || is(words, 0, "last"))
        return read_next(words->items[1], is(words, 0, "last"), days) ? 2 : 0;
    if (!read_weekday(words->items[0], &weekday))
        return 0;
    days->day = next_weekday(days->base, weekday, false);
    return 1;
}

static bool read_days(struct task *task, const struct words *words, const struct moment *base,
                      struct moment *ret_moment)
{
    struct days days = {.base = floor_div(moment_local(task, base), CIVIL_DAY)};
    size_t used = read_day(words, &days);
    bool clock = is(words, 0, "noon") || is(words, 0, "midnight");
    if (used == 0)
        return false;
    if (used < words->count && (clock || !read_at(words, used, &days.time)))
        return false;
    *ret_moment = moment_resolve(task, days.day * CIVIL_DAY + days.time, 0);
    return true;
}

/* ---- distances ---- */

/* A unit by its name, in the singular, or by one of its short names. */
static const char *find_unit(const char *word)
{
    static const struct {
        const char *name, *shorts[4];
    } units[] = {{"milliseconds", {"ms"}},
                 {"seconds", {"s", "sec", "secs"}},
                 {"minutes", {"m", "min", "mins"}},
                 {"hours", {"h", "hr", "hrs"}},
                 {"days", {"d"}},
                 {"weeks", {"w"}},
                 {"months", {"mo"}},
                 {"years", {"y"}}};
    size_t length = strlen(word);
    for (size_t i = 0; i < sizeof units / sizeof units[0] && length > 0; i++) {
        size_t full = strlen(units[i].name);
        if ((length == full || length + 1 == full) && strncmp(units[i].name, word, length) == 0)
            return units[i].name;
        for (size_t k = 0; units[i].shorts[k]; k++)
            if (strcmp(units[i].shorts[k], word) == 0)
                return units[i].name;
    }
    return NULL;
}

/* "a", "an" or a number. */
static bool read_amount(const char *word, int64_t *ret_amount)
{
    struct scanner scanner = {word};
    int number = 1;
    if (strcmp(word, "a") != 0 && strcmp(word, "an") != 0 &&
        (!scan_number(&scanner, 1, 7, &number) || *scanner.at))
        return false;
    *ret_amount = number;
    return number <= AMOUNT_MAX;
}

/* in N unit, N unit ago, N unit from now. */
static bool read_distance(struct task *task, const struct words *words, const struct moment *base,
                          struct moment *ret_moment)
{
    int64_t amount, time;
    size_t first = is(words, 0, "in"), used = first + 2;
    const char *unit = find_unit(words->items[first + 1]);
    if (!unit || !read_amount(words->items[first], &amount))
        return false;
    if (first == 0 && is(words, 2, "ago")) {
        amount = -amount;
        used = 3;
    } else if (first == 0 && is(words, 2, "from") && is(words, 3, "now")) {
        used = 4;
    } else if (first == 0) {
        return false;
    }
    if (!moment_add(task, base, amount, unit, ret_moment))
        return false;
    if (used == words->count)
        return true;
    if (!read_at(words, used, &time))
        return false;
    int64_t day = floor_div(moment_local(task, ret_moment), CIVIL_DAY);
    *ret_moment = moment_resolve(task, day * CIVIL_DAY + time, 0);
    return true;
}

bool natural_read(struct task *task, const char *text, const struct moment *base,
                  struct moment *ret_moment)
{
    struct words words;
    if (!split(text, &words))
        return false;
    if (words.count == 1 && is(&words, 0, "now")) {
        *ret_moment = *base;
        return true;
    }
    return read_days(task, &words, base, ret_moment) ||
           read_distance(task, &words, base, ret_moment);
}
