/* SPDX-License-Identifier: Apache-2.0
 * Finds runs: day by day, and within a day by the bits of hour, minute and second. Local times in
 * order are instants in order, so that the first that are found are the first. */
#include "cron.h"

#define YEARS 10
#define CANCEL_DAYS 256 /* days without a run between two looks at the cancel flag */
#define CANCEL_TIMES 0x3fffu

struct search {
    struct llmspell_call *call;
    const struct cron *cron;
    const struct zone *zone;
    int64_t from_ms;
    int64_t limit; /* the local time YEARS away */
    bool backward;
    size_t wanted, found;
    unsigned looked;
    int64_t *runs;
    bool steady; /* clocks are not changed on the day that is searched: */
    int32_t offset;
};

/* The day that nW stands for: the weekday nearest to n that is in its month; 0: no such day. */
static int nearest_weekday(int64_t first, int length, int day)
{
    if (day > length)
        return 0;
    int weekday = civil_weekday(first + day - 1);
    if (weekday == 6)
        return day > 1 ? day - 1 : day + 2;
    if (weekday == 7)
        return day < length ? day + 1 : day - 2;
    return day;
}

static bool day_item_matches(const struct item *item, int64_t first, int length, int day)
{
    if (item->kind == ITEM_LAST)
        return day == length;
    return item->kind == ITEM_NEAREST && nearest_weekday(first, length, item->from) == day;
}

static bool weekday_item_matches(const struct item *item, int weekday, int length, int day)
{
    if (item->from != weekday)
        return false;
    if (item->kind == ITEM_LAST)
        return day + 7 > length;
    return item->kind == ITEM_NTH && (day - 1) / 7 + 1 == item->to;
}

static bool day_matches(const struct cron *cron, const struct civil *civil, int64_t days)
{
    const struct field *day = &cron->fields[FIELD_DAY], *weekday = &cron->fields[FIELD_WEEKDAY];
    int length = civil_days_in_month(civil->year, civil->month), name = civil_weekday(days) % 7;
    bool by_day = day->mask >> civil->day & 1, by_weekday = weekday->mask >> name & 1;
    for (size_t i = 0; i < day->count && !by_day; i++)
        by_day = day_item_matches(&day->items[i], days - civil->day + 1, length, civil->day);
    for (size_t i = 0; i < weekday->count && !by_weekday; i++)
        by_weekday = weekday_item_matches(&weekday->items[i], name, length, civil->day);
    if (!(cron->fields[FIELD_MONTH].mask >> civil->month & 1))
        return false;
    return day->restricted && weekday->restricted ? by_day || by_weekday : by_day && by_weekday;
}

static int64_t run_at(const struct search *search, int64_t local)
{
    struct zone_local place;
    if (search->steady)
        return local - search->offset;
    zone_resolve(search->zone, local, &place);
    return place.kind == ZONE_GAP ? place.change : place.seconds;
}

/* Several local times in a gap are one run. */
static void add_run(struct search *search, int64_t local)
{
    if (search->backward ? local < search->limit : local > search->limit)
        return;
    int64_t run = run_at(search, local);
    bool beyond = search->backward ? run * 1000 >= search->from_ms : run * 1000 <= search->from_ms;
    if (beyond || (search->found > 0 && search->runs[search->found - 1] == run))
        return;
    search->runs[search->found++] = run;
}

/* The next set bit of mask from `at` on, in the direction of the search; -1: none. */
static int next_bit(uint64_t mask, int at, bool backward)
{
    if (at < 0 || at > 63)
        return -1;
    mask &= backward ? ~0ull >> (63 - at) : ~0ull << at;
    if (!mask)
        return -1;
    return backward ? 63 - __builtin_clzll(mask) : __builtin_ctzll(mask);
}

static int32_t search_minute(struct search *search, int64_t local)
{
    bool back = search->backward;
    uint64_t mask = search->cron->fields[FIELD_SECOND].mask;
    int step = back ? -1 : 1;
    for (int s = next_bit(mask, back ? 63 : 0, back); s >= 0; s = next_bit(mask, s + step, back)) {
        if (search->found == search->wanted)
            return 0;
        int32_t stop = ++search->looked & CANCEL_TIMES ? 0 : llmspell_cancelled(search->call);
        if (stop < 0)
            return stop;
        add_run(search, local + s);
    }
    return 0;
}

/* Offsets differ by less than three days: with no change that near, the local times of a day are
 * unique. */
static void prepare_day(struct search *search, int64_t days)
{
    struct zone_type type;
    int64_t start = (days - 3) * CIVIL_DAY;
    zone_at(search->zone, start, &type);
    search->offset = type.offset;
    search->steady = zone_next(search->zone, start) > start + 7 * CIVIL_DAY;
}

static int32_t search_day(struct search *search, int64_t days)
{
    bool back = search->backward;
    const struct field *fields = search->cron->fields;
    uint64_t hours = fields[FIELD_HOUR].mask, minutes = fields[FIELD_MINUTE].mask;
    int step = back ? -1 : 1, first = back ? 63 : 0;
    int32_t rc = 0;
    prepare_day(search, days);
    for (int h = next_bit(hours, first, back); h >= 0; h = next_bit(hours, h + step, back))
        for (int m = next_bit(minutes, first, back); m >= 0 && rc == 0;
             m = next_bit(minutes, m + step, back))
            rc = search_minute(search, days * CIVIL_DAY + h * 3600 + m * 60);
    return rc;
}

static int32_t search_days(struct search *search, int64_t first, int64_t last)
{
    int64_t step = search->backward ? -1 : 1;
    for (int64_t days = first; days != last + step && search->found < search->wanted;
         days += step) {
        struct civil civil;
        civil_from_seconds(days * CIVIL_DAY, &civil);
        if (civil.year < CIVIL_YEAR_MIN || civil.year > CIVIL_YEAR_MAX)
            continue;
        int32_t rc = days % CANCEL_DAYS == 0 ? llmspell_cancelled(search->call) : 0;
        if (rc == 0 && day_matches(search->cron, &civil, days))
            rc = search_day(search, days);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t cron_runs(struct llmspell_call *call, const struct cron *cron, const struct zone *zone,
                  int64_t from_ms, bool backward, size_t count, int64_t *ret_runs)
{
    struct search search = {.call = call,
                            .cron = cron,
                            .zone = zone,
                            .from_ms = from_ms,
                            .backward = backward,
                            .wanted = count,
                            .runs = ret_runs};
    struct zone_type type;
    struct civil civil;
    int64_t from = floor_div(from_ms, 1000), step = backward ? -1 : 1;
    zone_at(zone, from, &type);
    civil_from_seconds(from + type.offset, &civil);
    /* a day earlier: clocks that were set back by a day, or over midnight, bring a date twice */
    int64_t first = civil_days(civil.year, civil.month, civil.day) - step;
    int64_t year = civil.year + step * YEARS;
    int length = civil_days_in_month(year, civil.month); /* of a 29 February */
    int64_t last = civil_days(year, civil.month, civil.day < length ? civil.day : length);
    search.limit = last * CIVIL_DAY + floor_mod(from + type.offset, CIVIL_DAY);
    int32_t rc = search_days(&search, first, last);
    return rc < 0 ? rc : (int32_t)search.found;
}
