/* SPDX-License-Identifier: Apache-2.0
 * Recurrence rules (RRULE of RFC 5545) and the times they stand for, in local time. */
#ifndef RULE_H
#define RULE_H

#include "date_time.h"

enum frequency {
    FREQ_YEARLY,
    FREQ_MONTHLY,
    FREQ_WEEKLY,
    FREQ_DAILY,
    FREQ_HOURLY,
    FREQ_MINUTELY,
    FREQ_SECONDLY,
};

#define LIST_MAX 128

/* Numbers, of which negative ones count from the end. */
struct list {
    int16_t items[LIST_MAX];
    size_t count;
};

/* BYDAY: weekday 1 … 7 from Monday; number 0: every one. */
struct by_day {
    int8_t weekday;
    int16_t number;
};

struct rule {
    enum frequency frequency;
    int64_t interval;
    int64_t count; /* 0: without end */
    bool has_until, until_utc;
    int64_t until; /* an instant, or local */
    int week_start;
    uint64_t months, hours, minutes, seconds; /* bit n; 0: not given */
    struct by_day days[LIST_MAX];
    size_t day_count;
    bool numbered; /* a number is among days */
    struct list month_days, year_days, weeks, positions;
};

#define RULE_REASON 160

/* false: ret_reason says why. */
bool rule_parse(const char *text, size_t length, struct rule *ret_rule,
                char ret_reason[RULE_REASON]);

/* Takes what the rule does not say from the start: the day, the time. */
void rule_complete(struct rule *rule, int64_t start);

/* What a caller does with each time: 1 goes on, 0 ends, negative is a code. */
typedef int32_t rule_visitor(void *context, int64_t local);

int32_t rule_expand(struct llmspell_call *call, const struct rule *rule, int64_t start,
                    rule_visitor *visit, void *context);

#endif
