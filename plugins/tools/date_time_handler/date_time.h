/* SPDX-License-Identifier: Apache-2.0
 * date_time_handler: what its operations share. An instant is a moment; what a calendar and a clock
 * show in a zone is local seconds, counted as civil.h counts them. */
#ifndef DATE_TIME_H
#define DATE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llmspell/tool.h>

#include "../shared/zone.h"

#define NAME_BYTES 96

/* Names of months, weekdays and halves of the day in one language. */
struct names {
    char months[12][NAME_BYTES], short_months[12][NAME_BYTES];
    char weekdays[7][NAME_BYTES], short_weekdays[7][NAME_BYTES]; /* from Sunday */
    char halves[2][NAME_BYTES];
};

struct moment {
    int64_t seconds; /* since 1970-01-01T00:00:00Z */
    int milliseconds;
};

/* One call. */
struct task {
    struct llmspell_call *call;
    const json_t *params;
    const char *zone_name;
    struct zone *zone;
    struct names *names;
};

#define USED_MAX 64

/* An input that was read, before its zone is applied. */
struct reading {
    struct civil_time time;
    char used[USED_MAX]; /* format_used */
};

/* ---- task.c ---- */

int32_t no_memory(struct llmspell_call *call);

/* Loads the zone that the parameter key names. */
int32_t task_zone(struct task *task, const char *key, const char **ret_name,
                  struct zone **ret_zone);

struct moment moment_now(const struct task *task);
int64_t moment_ms(const struct moment *moment);
struct moment moment_from_ms(int64_t ms);

/* The local seconds of an instant, and back: a time in a gap is moved on by it, one that comes
 * twice is the first. */
int64_t moment_local(const struct task *task, const struct moment *moment);
struct moment moment_resolve(const struct task *task, int64_t local, int milliseconds);

/* RFC 3339 in a zone. false: outside the years 1 to 9999. */
bool moment_write(const struct zone *zone, const struct moment *moment, char ret_text[CIVIL_TEXT]);

int32_t fail_years(struct llmspell_call *call, const char *pointer);

/* An object DATETIME; pointer: the parameter to blame if it is outside the years. */
int32_t datetime_json(struct task *task, const struct zone *zone, const char *zone_name,
                      const struct moment *moment, const char *pointer, json_t **ret_json);

/* Seconds with milliseconds as a number, whole ones as an integer. */
json_t *seconds_json(int64_t ms);

/* ---- input.c ---- */

/* Reads the parameter key in any form, with the base for natural ones. used may be NULL. */
int32_t input_read(struct task *task, const char *key, struct moment *ret_moment,
                   char used[USED_MAX]);

/* ISO 8601, and RFC 3339 as the part of it that it is. NULL, or what is wrong. */
const char *iso_read(const char *text, size_t length, struct reading *ret_reading);

/* ---- patterns.c: RFC 2822 and the forms that people write ---- */

/* Text that is read word by word. */
struct scanner {
    const char *at;
};

void scan_blanks(struct scanner *scanner);
bool scan_char(struct scanner *scanner, char c);
/* A number of min to max digits that no further digit follows. */
bool scan_number(struct scanner *scanner, int min, int max, int *ret_number);
/* 1 … 12 by a full or short English name. */
bool scan_month(struct scanner *scanner, int *ret_month, bool *ret_full);
/* 0 … 6 from Sunday */
bool scan_weekday(struct scanner *scanner, int *ret_weekday);

bool rfc2822_read(const char *text, struct reading *ret_reading, const char **ret_reason);
/* false: it has none of the forms; else *ret_reason is NULL or what is wrong. */
bool pattern_read(const char *text, struct reading *ret_reading, const char **ret_reason);

/* ---- natural.c ---- */

/* false: it is none of the forms. pointer-free: all errors mean that it cannot be read. */
bool natural_read(struct task *task, const char *text, const struct moment *base,
                  struct moment *ret_moment);

/* ---- strf.c, strp.c ---- */

/* *ret_text is for free(). LLMSPELL_EINVAL: *ret_directive is what is unknown. */
int32_t strf_write(const struct task *task, const char *format, const struct moment *moment,
                   char **ret_text, char ret_directive[8]);
/* Copies the directive at a % for a message. Returns its length. */
size_t strf_directive(const char *at, char ret_directive[8]);
/* NULL, or what is wrong. *ret_unknown: the format, not the text, is to blame. */
const char *strp_read(const char *format, const char *text, size_t length,
                      struct reading *ret_reading, char ret_directive[8]);

/* ---- names.c ---- */

extern const struct names names_english;
int32_t names_load(struct llmspell_call *call, const char *locale, struct names *ret_names);

/* ---- arithmetic.c ---- */

/* unit as in the manifest; calendar units by the task's zone. false: far outside the years. */
bool moment_add(const struct task *task, const struct moment *from, int64_t amount,
                const char *unit, struct moment *ret_moment);
/* Local seconds, months later; the day is cut to the end of the month. */
int64_t local_add_months(int64_t local, int64_t months);

/* ---- operations ---- */

int32_t op_add(struct task *task, json_t **ret_result);
int32_t op_difference(struct task *task, json_t **ret_result);
int32_t op_business_days(struct task *task, json_t **ret_result);
int32_t op_recurrence(struct task *task, json_t **ret_result);

/* Bit n: ISO weekday n is a day off. */
unsigned weekend_mask(const json_t *params);

#endif
