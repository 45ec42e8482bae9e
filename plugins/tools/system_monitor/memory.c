/* SPDX-License-Identifier: Apache-2.0
 * The part memory, from /proc/meminfo in the terms of free(1): used is what is not available,
 * cached is the page cache with the slabs that can be reclaimed. */
#include "monitor.h"

static json_int_t meminfo(const char *text, const char *key)
{
    json_int_t kib = field_integer(text, key);
    return kib < 0 ? UNKNOWN : kib * 1024;
}

/* a - b of two known sizes; UNKNOWN if one is not, 0 if they were read while they changed. */
static json_int_t difference(json_int_t a, json_int_t b)
{
    if (a < 0 || b < 0)
        return UNKNOWN;
    return a > b ? a - b : 0;
}

static json_int_t cached_of(const char *text)
{
    json_int_t cached = meminfo(text, "Cached:"), slabs = meminfo(text, "SReclaimable:");
    return cached < 0 || slabs < 0 ? cached : cached + slabs;
}

int32_t part_memory(struct monitor *monitor, json_t **ret_part)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, "/proc/meminfo");
    struct cgroup cgroup;
    cgroup_read(monitor, &cgroup);
    json_int_t total = meminfo(text, "MemTotal:"), available = meminfo(text, "MemAvailable:");
    json_int_t used = difference(total, available), limit = cgroup.memory_limit;
    json_int_t swap = meminfo(text, "SwapTotal:");
    json_int_t effective = limit >= 0 && (total < 0 || limit < total) ? limit : total;
    json_t *part = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "total_bytes", value_integer(total),
        "available_bytes", value_integer(available), "used_bytes", value_integer(used),
        "free_bytes", value_integer(meminfo(text, "MemFree:")), "cached_bytes",
        value_integer(cached_of(text)), "usage_percent", value_percent((double)used, (double)total),
        "swap_total_bytes", value_integer(swap), "swap_used_bytes",
        value_integer(difference(swap, meminfo(text, "SwapFree:"))), "limit_bytes",
        value_integer(limit), "effective_total_bytes", value_integer(effective));
    return part_return(monitor, ret_part, part);
}
