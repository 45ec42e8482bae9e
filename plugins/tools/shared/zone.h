/* SPDX-License-Identifier: Apache-2.0
 * Time zones of the IANA database as the system has it (/usr/share/zoneinfo, RFC 9636). The system
 * keeps it current; ICU in Debian 12 knows the rules of 2022. Shared by cron_scheduler and
 * date_time_handler. A zone does not change: any thread may use it. */
#ifndef ZONE_H
#define ZONE_H

#include "civil.h"

#define ZONE_ABBREVIATION 32

struct zone;

/* What holds at an instant. */
struct zone_type {
    int32_t offset; /* seconds east of UTC */
    bool dst;
    char abbreviation[ZONE_ABBREVIATION];
};

/* Loads a zone by its name. 0, LLMSPELL_ENOTFOUND, LLMSPELL_EUNAVAILABLE (no database here),
 * LLMSPELL_EIO or LLMSPELL_ENOMEM. */
int32_t zone_load(const char *name, size_t length, struct zone **ret_zone);
void zone_free(struct zone *zone);

void zone_at(const struct zone *zone, int64_t seconds, struct zone_type *ret_type);

/* The first change of the rules strictly after an instant; INT64_MAX: there is none. */
int64_t zone_next(const struct zone *zone, int64_t seconds);

enum zone_kind { ZONE_UNIQUE, ZONE_GAP, ZONE_OVERLAP };

/* What a local time stands for. */
struct zone_local {
    enum zone_kind kind;
    int64_t seconds; /* the instant; in an overlap the first; in a gap moved forward by the gap */
    int64_t change;  /* in a gap: the first instant after it */
};

void zone_resolve(const struct zone *zone, int64_t local, struct zone_local *ret_local);

#endif
