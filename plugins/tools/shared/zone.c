/* SPDX-License-Identifier: Apache-2.0
 * Reads compiled zones (TZif, RFC 9636): a table of changes, and a rule for the time beyond it. */
#include "zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/error.h>

#include "zone_rule.h"

#define DATABASE "/usr/share/zoneinfo"
#define NAME_LENGTH 100
#define FILE_SIZE 262144 /* the largest zone has some 4 KiB */
#define HEADER 44
#define TYPES 256
#define OFFSET_MAX 93599 /* 25:59:59, RFC 9636, 3.2 */
#define FOOTER 256

struct zone {
    struct zone_type types[TYPES];
    size_t type_count;
    int64_t *changes;   /* instants, rising */
    uint8_t *following; /* the type from each on */
    size_t count;
    struct zone_rule rule;
};

/* The counts of a TZif header. */
struct header {
    uint32_t isut, isstd, leap, time, type, characters;
};

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->changes);
    free(zone->following);
    free(zone);
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t get64(const unsigned char *at)
{
    return (int64_t)((uint64_t)get32(at) << 32 | get32(at + 4));
}

static bool read_header(const unsigned char *at, size_t left, struct header *ret)
{
    if (left < HEADER || memcmp(at, "TZif", 4) != 0)
        return false;
    const unsigned char *counts = at + 20;
    *ret = (struct header){get32(counts),      get32(counts + 4),  get32(counts + 8),
                           get32(counts + 12), get32(counts + 16), get32(counts + 20)};
    return ret->isut <= TYPES && ret->isstd <= TYPES && ret->leap <= FILE_SIZE &&
           ret->time <= FILE_SIZE && ret->type >= 1 && ret->type <= TYPES &&
           ret->characters <= FILE_SIZE;
}

/* Bytes of the data block behind the header; times are of 4 or 8 bytes. */
static size_t block_size(const struct header *header, size_t width)
{
    return header->time * (width + 1) + header->type * (size_t)6 + header->characters +
           header->leap * (width + 4) + header->isstd + header->isut;
}

static bool read_types(const unsigned char *at, const struct header *header, struct zone *zone)
{
    const unsigned char *names = at + header->type * (size_t)6;
    zone->type_count = header->type;
    for (size_t i = 0; i < header->type; i++, at += 6) {
        struct zone_type *type = &zone->types[i];
        type->offset = (int32_t)get32(at);
        type->dst = at[4] != 0;
        if (type->offset < -OFFSET_MAX || type->offset > OFFSET_MAX || at[5] >= header->characters)
            return false;
        size_t length = strnlen((const char *)names + at[5], header->characters - at[5]);
        snprintf(type->abbreviation, sizeof type->abbreviation, "%.*s", (int)length,
                 (const char *)names + at[5]);
    }
    return true;
}

static int32_t read_block(const unsigned char *at, const struct header *header, size_t width,
                          struct zone *zone)
{
    size_t room = header->time ? header->time : 1;
    zone->changes = calloc(room, sizeof *zone->changes);
    zone->following = calloc(room, 1);
    if (!zone->changes || !zone->following)
        return LLMSPELL_ENOMEM;
    zone->count = header->time;
    const unsigned char *indexes = at + header->time * width;
    for (size_t i = 0; i < header->time; i++) {
        zone->changes[i] = width == 8 ? get64(at + i * 8) : (int32_t)get32(at + i * 4);
        zone->following[i] = indexes[i];
        if (indexes[i] >= header->type || (i > 0 && zone->changes[i] <= zone->changes[i - 1]))
            return LLMSPELL_EIO;
    }
    return read_types(indexes + header->time, header, zone) ? 0 : LLMSPELL_EIO;
}

/* The rule stands between two line feeds; empty: the last type of the table holds for ever. */
static bool read_footer(const unsigned char *at, size_t left, struct zone *zone)
{
    char text[FOOTER];
    const unsigned char *end = left > 1 && *at == '\n' ? memchr(at + 1, '\n', left - 1) : NULL;
    if (!end || (size_t)(end - at) > sizeof text)
        return false;
    size_t length = (size_t)(end - at) - 1;
    memcpy(text, at + 1, length);
    text[length] = '\0';
    return length == 0 || rule_read(text, &zone->rule);
}

/* From version 2 on a second block, with times of 64 bits, follows the first. */
static int32_t read_zone(const unsigned char *data, size_t size, struct zone *zone)
{
    struct header header;
    size_t at = HEADER, width = 4;
    if (!read_header(data, size, &header))
        return LLMSPELL_EIO;
    if (data[4] != 0) {
        at += block_size(&header, 4);
        if (at > size || !read_header(data + at, size - at, &header))
            return LLMSPELL_EIO;
        at += HEADER;
        width = 8;
    }
    if (block_size(&header, width) > size - at)
        return LLMSPELL_EIO;
    int32_t rc = read_block(data + at, &header, width, zone);
    at += block_size(&header, width);
    if (rc == 0 && width == 8 && !read_footer(data + at, size - at, zone))
        return LLMSPELL_EIO;
    return rc;
}

/* ---- loading ---- */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Names of the database only: nothing that leads out of its folder, no copies with leap seconds,
 * not the zone that this machine happens to be in. */
static bool is_name(const char *name, size_t length)
{
    if (length == 0 || length > NAME_LENGTH || strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool separator = c == '/' && i > 0 && i + 1 < length && name[i - 1] != '/';
        if (!letter && !separator && !(c >= '0' && c <= '9') && c != '_' && c != '+' && c != '-')
            return false;
    }
    return !starts_with(name, "posix") && !starts_with(name, "right/") &&
           strcmp(name, "localtime") != 0;
}

static ssize_t read_whole(int fd, unsigned char *data, size_t room)
{
    size_t size = 0;
    while (size < room) {
        ssize_t n = read(fd, data + size, room - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    return (ssize_t)size;
}

static int32_t read_file(const char *name, struct zone *zone)
{
    char path[sizeof DATABASE + NAME_LENGTH + 2];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", DATABASE, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return LLMSPELL_EIO;
    if (fd < 0)
        return stat(DATABASE "/UTC", &st) == 0 ? LLMSPELL_ENOTFOUND : LLMSPELL_EUNAVAILABLE;
    unsigned char *data = malloc(FILE_SIZE);
    ssize_t size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && data
                       ? read_whole(fd, data, FILE_SIZE)
                       : -2; /* a folder, such as Europe */
    close(fd);
    int32_t rc = !data ? LLMSPELL_ENOMEM : size == -1 ? LLMSPELL_EIO : LLMSPELL_ENOTFOUND;
    if (size >= 4 && memcmp(data, "TZif", 4) == 0) /* else a list, such as zone.tab */
        rc = read_zone(data, (size_t)size, zone);
    free(data);
    return rc;
}

int32_t zone_load(const char *name, size_t length, struct zone **ret_zone)
{
    if (!is_name(name, length))
        return LLMSPELL_ENOTFOUND;
    struct zone *zone = calloc(1, sizeof *zone);
    if (!zone)
        return LLMSPELL_ENOMEM;
    int32_t rc = 0;
    if (strcmp(name, "UTC") == 0)
        rule_read("UTC0", &zone->rule); /* needs no database */
    else
        rc = read_file(name, zone);
    if (rc < 0) {
        zone_free(zone);
        return rc;
    }
    *ret_zone = zone;
    return 0;
}

/* ---- using ---- */

/* How many changes are at or before an instant. */
static size_t changes_until(const struct zone *zone, int64_t seconds)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void zone_at(const struct zone *zone, int64_t seconds, struct zone_type *ret_type)
{
    size_t done = changes_until(zone, seconds);
    if (done == zone->count && zone->rule.present)
        rule_at(&zone->rule, seconds, ret_type);
    else
        *ret_type = zone->types[done > 0 ? zone->following[done - 1] : 0];
}

int64_t zone_next(const struct zone *zone, int64_t seconds)
{
    size_t done = changes_until(zone, seconds);
    if (done < zone->count)
        return zone->changes[done];
    return zone->rule.present ? rule_next(&zone->rule, seconds) : INT64_MAX;
}

/* Asks each offset in force around the time whether it gives the time. None does: it is in a gap.
 */
void zone_resolve(const struct zone *zone, int64_t local, struct zone_local *ret_local)
{
    struct zone_type type;
    int64_t from = local - OFFSET_MAX, end = local + OFFSET_MAX;
    unsigned found = 0;
    *ret_local = (struct zone_local){.kind = ZONE_GAP};
    while (from <= end) {
        int64_t next = zone_next(zone, from);
        zone_at(zone, from, &type);
        int64_t seconds = local - type.offset;
        if (seconds < next && seconds >= from) {
            if (found++ == 0)
                ret_local->seconds = seconds;
        } else if (found == 0 &&
                   seconds >= next) { /* the last such change is the one that skips it */
            ret_local->seconds = seconds;
            ret_local->change = next;
        }
        if (next == INT64_MAX)
            break;
        from = next;
    }
    if (found > 0)
        ret_local->kind = found > 1 ? ZONE_OVERLAP : ZONE_UNIQUE;
}
