/* SPDX-License-Identifier: Apache-2.0
 * Expands recurrence rules: period by period, the days of it that pass all parts, times their times
 * of the day. libical 3.0 is not used: it leaves out days (FREQ=DAILY;BYMONTHDAY=-1) and does not
 * come back from rules such as FREQ=SECONDLY;BYMONTH=1. */
#include "rule.h"

#define YEAR_DAYS 366
#define HOUR 3600
#define CANCEL_PERIODS 0xfff

/* One expansion. */
struct work {
    struct llmspell_call *call;
    const struct rule *rule;
    int64_t start; /* local */
    int64_t days[YEAR_DAYS];
    size_t day_count;
    uint64_t hours, minutes, seconds; /* of the period */
    rule_visitor *visit;
    void *context;
    unsigned looked;
};

/* ---- days ---- */

/* index from 1 of total, or from -1 backwards. */
static bool listed(const struct list *list, int64_t index, int64_t total)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == index || list->items[i] == index - total - 1)
            return true;
    return false;
}

/* The weeks of a year begin on week_start; the first has four days of it. */
static int64_t first_week(int64_t year, int week_start)
{
    int64_t first = civil_days(year, 1, 1);
    int64_t into = floor_mod(civil_weekday(first) - week_start, 7);
    return into <= 3 ? first - into : first - into + 7;
}

static bool week_listed(const struct rule *rule, int64_t year, int64_t day)
{
    if (day >= first_week(year + 1, rule->week_start))
        year++;
    else if (day < first_week(year, rule->week_start))
        year--;
    int64_t first = first_week(year, rule->week_start);
    int64_t weeks = (first_week(year + 1, rule->week_start) - first) / 7;
    return listed(&rule->weeks, (day - first) / 7 + 1, weeks);
}

/* BYDAY with a number counts within the month, or the year where no month is said. */
static bool weekday_listed(const struct rule *rule, const struct civil *civil, int64_t day)
{
    bool of_year = rule->frequency == FREQ_YEARLY && rule->months == ~0ull;
    int64_t index = of_year ? civil_day_of_year(civil) : civil->day;
    int64_t total =
        of_year ? 365 + civil_is_leap(civil->year) : civil_days_in_month(civil->year, civil->month);
    int weekday = civil_weekday(day);
    for (size_t i = 0; i < rule->day_count; i++) {
        int64_t number = rule->days[i].number;
        if (rule->days[i].weekday == weekday &&
            (number == 0 || number == (index - 1) / 7 + 1 || -number == (total - index) / 7 + 1))
            return true;
    }
    return false;
}

static bool day_passes(const struct rule *rule, int64_t day)
{
    struct civil civil;
    civil_from_seconds(day * CIVIL_DAY, &civil);
    if (!(rule->months >> civil.month & 1))
        return false;
    if (rule->month_days.count &&
        !listed(&rule->month_days, civil.day, civil_days_in_month(civil.year, civil.month)))
        return false;
    if (rule->day_count && !weekday_listed(rule, &civil, day))
        return false;
    if (rule->year_days.count &&
        !listed(&rule->year_days, civil_day_of_year(&civil), 365 + civil_is_leap(civil.year)))
        return false;
    return !rule->weeks.count || week_listed(rule, civil.year, day);
}

static void collect_days(struct work *work, int64_t first, int64_t count)
{
    work->day_count = 0;
    for (int64_t day = first; day < first + count; day++)
        if (day_passes(work->rule, day))
            work->days[work->day_count++] = day;
}

/* ---- times ---- */

static uint64_t low_bits(uint64_t mask, int count)
{
    return mask & (~0ull >> (64 - count));
}

/* The set bit number n of mask. */
static int bit_at(uint64_t mask, int n)
{
    while (n-- > 0)
        mask &= mask - 1;
    return __builtin_ctzll(mask);
}

static int count_bits(uint64_t mask)
{
    return __builtin_popcountll(mask);
}

/* Time number i of the period, of all days times all times of a day. */
static int64_t time_at(const struct work *work, int64_t i)
{
    int minutes = count_bits(work->minutes), seconds = count_bits(work->seconds);
    int64_t of_day = (int64_t)count_bits(work->hours) * minutes * seconds;
    int rest = (int)(i % of_day);
    return work->days[i / of_day] * CIVIL_DAY +
           bit_at(work->hours, rest / seconds / minutes) * HOUR +
           bit_at(work->minutes, rest / seconds % minutes) * 60 +
           bit_at(work->seconds, rest % seconds);
}

static int32_t visit_one(struct work *work, int64_t i)
{
    int64_t time = time_at(work, i);
    int32_t stop = (++work->looked & CANCEL_PERIODS) == 0 ? llmspell_cancelled(work->call) : 0;
    if (stop < 0)
        return stop;
    return time < work->start ? 1 : work->visit(work->context, time);
}

static int compare_indexes(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* BYSETPOS: only these of the period's times, in order and each once. */
static int32_t visit_positions(struct work *work, int64_t total)
{
    const struct list *positions = &work->rule->positions;
    int64_t indexes[LIST_MAX];
    size_t count = 0;
    int32_t rc = 1;
    for (size_t i = 0; i < positions->count; i++) {
        int64_t position = positions->items[i];
        int64_t index = position > 0 ? position - 1 : total + position;
        if (index >= 0 && index < total)
            indexes[count++] = index;
    }
    qsort(indexes, count, sizeof *indexes, compare_indexes);
    for (size_t i = 0; i < count && rc == 1; i++)
        if (i == 0 || indexes[i] != indexes[i - 1])
            rc = visit_one(work, indexes[i]);
    return rc;
}

static int32_t visit_period(struct work *work)
{
    int64_t total = (int64_t)work->day_count * count_bits(work->hours) * count_bits(work->minutes) *
                    count_bits(work->seconds);
    int32_t rc = (++work->looked & CANCEL_PERIODS) == 0 ? llmspell_cancelled(work->call) : 0;
    if (rc < 0)
        return rc;
    if (work->rule->positions.count)
        return visit_positions(work, total);
    rc = 1;
    for (int64_t i = 0; i < total && rc == 1; i++)
        rc = visit_one(work, i);
    return rc;
}

/* ---- periods ---- */

/* Years, months, weeks and days. */
static int32_t expand_long(struct work *work, int64_t last_day)
{
    const struct rule *rule = work->rule;
    struct civil civil;
    civil_from_seconds(work->start, &civil);
    int64_t day = floor_div(work->start, CIVIL_DAY), month = civil.month;
    int32_t rc = 1;
    if (rule->frequency == FREQ_WEEKLY)
        day -= floor_mod(civil_weekday(day) - rule->week_start, 7);
    while (rc == 1) {
        int64_t first = day, next = day + (rule->frequency == FREQ_WEEKLY ? 7 : 1);
        if (rule->frequency == FREQ_YEARLY) {
            first = civil_days(civil.year, 1, 1);
            next = civil_days(civil.year + 1, 1, 1);
            civil.year += rule->interval;
        } else if (rule->frequency == FREQ_MONTHLY) {
            first = civil_days(civil.year, month, 1);
            next = civil_days(civil.year, month + 1, 1);
            month += rule->interval;
        } else {
            day += rule->interval * (next - first);
        }
        if (first > last_day)
            break;
        collect_days(work, first, next - first);
        rc = visit_period(work);
    }
    return rc;
}

/* The end of the day, hour or minute that does not pass, or the time itself. The parts that are
 * shorter than the period are not asked: they are expanded. */
static int64_t skip_to(const struct work *work, int64_t at, bool day_is_in)
{
    const struct rule *rule = work->rule;
    int64_t time = floor_mod(at, CIVIL_DAY);
    if (!day_is_in)
        return at - time + CIVIL_DAY;
    if (!(rule->hours >> time / HOUR & 1))
        return at - time % HOUR + HOUR;
    if (rule->frequency >= FREQ_MINUTELY && !(rule->minutes >> time / 60 % 60 & 1))
        return at - time % 60 + 60;
    if (rule->frequency == FREQ_SECONDLY && !(rule->seconds >> time % 60 & 1))
        return at + 1;
    return at;
}

/* A step comes round to the same time of the day after at most 86,400 of them. If none of them
 * passes, none ever will. */
static bool time_can_pass(const struct work *work, int64_t at, int64_t step)
{
    for (int i = 0; i < CIVIL_DAY; i++, at = (at + step) % CIVIL_DAY)
        if (skip_to(work, at, true) == at)
            return true;
    return false;
}

/* BYSETPOS may name none of the times that each hour or minute has. */
static bool position_can_be(const struct rule *rule)
{
    int64_t total = rule->frequency == FREQ_SECONDLY ? 1 : count_bits(low_bits(rule->seconds, 60));
    if (rule->frequency == FREQ_HOURLY)
        total *= count_bits(low_bits(rule->minutes, 60));
    for (size_t i = 0; i < rule->positions.count; i++)
        if (rule->positions.items[i] <= total && rule->positions.items[i] >= -total)
            return true;
    return rule->positions.count == 0;
}

static void set_times(struct work *work, int64_t at)
{
    const struct rule *rule = work->rule;
    int64_t time = floor_mod(at, CIVIL_DAY);
    work->hours = 1ull << time / HOUR;
    work->minutes =
        rule->frequency == FREQ_HOURLY ? low_bits(rule->minutes, 60) : 1ull << time / 60 % 60;
    work->seconds =
        rule->frequency == FREQ_SECONDLY ? 1ull << time % 60 : low_bits(rule->seconds, 60);
}

/* Hours, minutes and seconds. */
static int32_t expand_short(struct work *work, int64_t last_day)
{
    const struct rule *rule = work->rule;
    int64_t unit = rule->frequency == FREQ_HOURLY     ? HOUR
                   : rule->frequency == FREQ_MINUTELY ? 60
                                                      : 1;
    int64_t step = unit * rule->interval, known = INT64_MIN;
    int64_t at = work->start - floor_mod(work->start, unit);
    bool day_is_in = false;
    int32_t rc = position_can_be(rule) && time_can_pass(work, floor_mod(at, CIVIL_DAY), step);
    while (rc == 1 && at < (last_day + 1) * CIVIL_DAY) {
        int64_t day = floor_div(at, CIVIL_DAY);
        if (day != known)
            day_is_in = day_passes(rule, day);
        known = day;
        int64_t next = skip_to(work, at, day_is_in);
        if (next > at) {
            at += (next - at + step - 1) / step * step;
            rc = (++work->looked & CANCEL_PERIODS) == 0 ? llmspell_cancelled(work->call) : 0;
            rc = rc < 0 ? rc : 1;
            continue;
        }
        work->days[0] = day;
        work->day_count = 1;
        set_times(work, at);
        rc = visit_period(work);
        at += step;
    }
    return rc;
}

int32_t rule_expand(struct llmspell_call *call, const struct rule *rule, int64_t start,
                    rule_visitor *visit, void *context)
{
    struct work work = {.call = call,
                        .rule = rule,
                        .start = start,
                        .hours = low_bits(rule->hours, 24),
                        .minutes = low_bits(rule->minutes, 60),
                        .seconds = low_bits(rule->seconds, 60),
                        .visit = visit,
                        .context = context};
    int64_t last_day = civil_days(CIVIL_YEAR_MAX, 12, 31);
    if (!work.seconds) /* BYSECOND=60 alone */
        return 0;
    if (rule->frequency < FREQ_HOURLY)
        return expand_long(&work, last_day);
    return expand_short(&work, last_day);
}
