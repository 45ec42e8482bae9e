/* SPDX-License-Identifier: Apache-2.0
 * cron_scheduler: an expression, taken apart; its runs; its description. */
#ifndef CRON_H
#define CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llmspell/tool.h>

#include "../shared/zone.h"

enum field_id {
    FIELD_SECOND,
    FIELD_MINUTE,
    FIELD_HOUR,
    FIELD_DAY,
    FIELD_MONTH,
    FIELD_WEEKDAY,
    FIELD_COUNT,
};

enum item_kind {
    ITEM_ALL,     /* * or ?, with step */
    ITEM_RANGE,   /* from … to, with step; to may be below from, where ranges wrap */
    ITEM_VALUE,   /* from */
    ITEM_LAST,    /* day: L; weekday: 5L, from is the day */
    ITEM_NEAREST, /* day: 15W */
    ITEM_NTH,     /* weekday: 2#3, to is the 3 */
};

struct item {
    enum item_kind kind;
    int from, to, step;
};

#define ITEMS_MAX 100 /* an expression has 200 characters */

struct field {
    struct item items[ITEMS_MAX];
    size_t count;
    uint64_t mask;   /* of the plain items: bit n for value n; weekdays 0 … 6 from Sunday */
    bool restricted; /* it does not start with * or ? */
};

struct cron {
    bool has_seconds;
    struct field fields[FIELD_COUNT];
};

struct cron_error {
    const char *field; /* a field's name, or "expression" */
    char message[200];
};

const char *field_name(enum field_id id);
int field_min(enum field_id id);
int field_max(enum field_id id);

/* false: ret_error says why. */
bool cron_parse(const char *text, size_t length, struct cron *ret_cron,
                struct cron_error *ret_error);

/* The runs after (or before) an instant, that one not included, for at most 10 years. Returns how
 * many, or the code of a call that was cancelled. */
int32_t cron_runs(struct llmspell_call *call, const struct cron *cron, const struct zone *zone,
                  int64_t from_ms, bool backward, size_t count, int64_t *ret_runs);

#define DESCRIPTION_MAX 8192

/* The sentence. */
void cron_describe(const struct cron *cron, char ret_text[DESCRIPTION_MAX]);
void cron_describe_field(const struct cron *cron, enum field_id id, char ret_text[DESCRIPTION_MAX]);

#endif
