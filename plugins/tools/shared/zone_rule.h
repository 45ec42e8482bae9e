/* SPDX-License-Identifier: Apache-2.0
 * The rule for all years beyond a zone's table: a POSIX TZ string with the extensions of RFC 9636.
 * Only zone.c uses it. */
#ifndef ZONE_RULE_H
#define ZONE_RULE_H

#include "zone.h"

enum rule_form { RULE_MONTH, RULE_JULIAN, RULE_DAY };

/* When a change is in a year, in local time before it. */
struct rule_date {
    enum rule_form form;
    int month, week, weekday; /* Mm.w.d */
    int day;                  /* Jn (1 … 365, no leap day) or n (0 … 365) */
    int32_t time;             /* seconds of the day, -167 h … 167 h */
};

struct zone_rule {
    bool present;
    bool changes; /* has daylight saving time */
    struct zone_type standard, daylight;
    struct rule_date start, end; /* of daylight saving time */
};

/* false: not well-formed. */
bool rule_read(const char *text, struct zone_rule *ret_rule);
void rule_at(const struct zone_rule *rule, int64_t seconds, struct zone_type *ret_type);
int64_t rule_next(const struct zone_rule *rule, int64_t seconds);

#endif
