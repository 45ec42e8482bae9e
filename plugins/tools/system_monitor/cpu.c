/* SPDX-License-Identifier: Apache-2.0
 * The part cpu: what the processors did over the interval (or since boot), from /proc/stat. */
#include <ctype.h>

#include "monitor.h"

/* "cpu0 1 2 3 …" or "cpu  1 2 3 …" */
static bool parse_times(char *line, struct cpu_times *ret)
{
    char *rest = line, *name = next_word(&rest);
    if (strncmp(name, "cpu", 3) != 0 || (name[3] && !isdigit((unsigned char)name[3])))
        return false;
    *ret = (struct cpu_times){.id = name[3] ? (int)strtol(name + 3, NULL, 10) : -1};
    for (int i = 0; i < CPU_FIELDS; i++)
        ret->ticks[i] = strtoull(next_word(&rest), NULL, 10);
    return true;
}

int32_t cpu_take(struct monitor *monitor, struct cpu_sample *ret_sample)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, "/proc/stat");
    if (!text)
        return 0;
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    ret_sample->items = calloc(lines, sizeof *ret_sample->items);
    if (!ret_sample->items)
        return no_memory(monitor);
    char *rest = text, *line;
    while ((line = next_line(&rest)) && parse_times(line, &ret_sample->items[ret_sample->count]))
        ret_sample->count++;
    return 0;
}

/* Ticks between two samples of one processor; a counter that fell (iowait may) has not moved. */
struct cpu_delta {
    double ticks[CPU_FIELDS], all;
    bool known;
};

static const struct cpu_times *find_times(const struct cpu_sample *sample, int id)
{
    for (size_t i = 0; i < sample->count; i++)
        if (sample->items[i].id == id)
            return &sample->items[i];
    return NULL;
}

static struct cpu_delta delta_of(const struct monitor *monitor, const struct cpu_times *now)
{
    static const struct cpu_times at_boot;
    struct cpu_delta delta = {0};
    const struct cpu_times *before =
        monitor->since_boot ? &at_boot : find_times(&monitor->cpu[0], now->id);
    if (!before)
        return delta;
    for (int i = 0; i < CPU_FIELDS; i++) {
        if (now->ticks[i] > before->ticks[i])
            delta.ticks[i] = (double)(now->ticks[i] - before->ticks[i]);
        delta.all += delta.ticks[i];
    }
    delta.known = delta.all > 0; /* an interval shorter than a tick says nothing */
    return delta;
}

static json_t *usage_of(const struct cpu_delta *delta)
{
    double idle = delta->ticks[CPU_IDLE] + delta->ticks[CPU_IOWAIT];
    return delta->known ? value_percent(delta->all - idle, delta->all) : json_null();
}

static json_t *share_of(const struct cpu_delta *delta, double ticks)
{
    return delta->known ? value_percent(ticks, delta->all) : json_null();
}

/* The text behind "key   : " at the start of a line; *ret_length 0 if there is none. */
static const char *info_field(const char *text, const char *key, size_t *ret_length)
{
    size_t length = strlen(key);
    for (*ret_length = 0; text; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, key, length) != 0)
            continue;
        const char *value = text + length + strspn(text + length, " \t");
        if (*value != ':')
            continue;
        value++;
        value += strspn(value, " \t");
        *ret_length = strcspn(value, "\n");
        return value;
    }
    return NULL;
}

static json_t *model_of(const char *info)
{
    static const char *const keys[] = {"model name", "Model",     "cpu model",
                                       "cpu",        "Processor", "Hardware"};
    size_t length = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = info_field(info, keys[i], &length);
        if (value && length > 0)
            return value_text(value, length);
    }
    return json_null();
}

/* "2599.998" in thousandths, whatever the locale. */
static double parse_mhz(const char *text)
{
    long whole = 0;
    char fraction[4] = "000";
    int used = 0;
    if (sscanf(text, "%ld%n", &whole, &used) != 1)
        return UNKNOWN;
    if (text[used] == '.')
        for (int i = 0; i < 3 && isdigit((unsigned char)text[used + 1 + i]); i++)
            fraction[i] = text[used + 1 + i];
    return (double)whole + (double)strtol(fraction, NULL, 10) / 1000;
}

/* The mean clock of the processors that say theirs; else what cpufreq tells of the first one. */
static double mhz_of(struct monitor *monitor, const char *info)
{
    double sum = 0;
    unsigned count = 0;
    size_t length;
    while ((info = info_field(info, "cpu MHz", &length))) {
        double mhz = parse_mhz(info);
        if (mhz > 0) {
            sum += mhz;
            count++;
        }
        info = strchr(info, '\n');
    }
    if (count)
        return sum / count;
    json_int_t khz = read_integer(monitor, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq");
    return khz > 0 ? (double)khz / 1000 : UNKNOWN;
}

static json_t *cores_of(const struct monitor *monitor)
{
    const struct cpu_sample *now = &monitor->cpu[1];
    if (now->count < 2)
        return json_null();
    json_t *cores = json_array();
    for (size_t i = 1; i < now->count; i++) {
        struct cpu_delta delta = delta_of(monitor, &now->items[i]);
        if (json_array_append_new(cores, usage_of(&delta)) != 0) {
            json_decref(cores);
            return NULL;
        }
    }
    return cores;
}

int32_t part_cpu(struct monitor *monitor, json_t **ret_part)
{
    LLMSPELL_CLEANUP_FREE char *info = read_text(monitor, "/proc/cpuinfo");
    const struct cpu_sample *now = &monitor->cpu[1];
    struct cpu_delta all = {0};
    if (now->count)
        all = delta_of(monitor, &now->items[0]);
    double user = all.ticks[CPU_USER] + all.ticks[CPU_NICE];
    double system = all.ticks[CPU_SYSTEM] + all.ticks[CPU_IRQ] + all.ticks[CPU_SOFTIRQ];
    json_t *part =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "count",
                  value_integer(now->count > 1 ? (json_int_t)now->count - 1 : UNKNOWN),
                  "usage_percent", usage_of(&all), "per_core", cores_of(monitor), "user_percent",
                  share_of(&all, user), "system_percent", share_of(&all, system), "iowait_percent",
                  share_of(&all, all.ticks[CPU_IOWAIT]), "model", model_of(info), "mhz",
                  value_number(mhz_of(monitor, info)));
    return part_return(monitor, ret_part, part);
}
