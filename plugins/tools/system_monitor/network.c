/* SPDX-License-Identifier: Apache-2.0
 * The part network: the interfaces of this network namespace, from /proc/PID/net/dev, and whether
 * they are up, from /sys/class/net. */
#include "monitor.h"

enum { RX_BYTES = 0, RX_ERRORS = 2, TX_BYTES = 8, TX_ERRORS = 10, FIELDS = 11 };

/* "  eth0: 1 2 3 …"; the two lines of headings have no ":" behind a name. */
static bool parse_interface(char *line, struct interface *ret)
{
    char *colon = strchr(line, ':'), *name = line + strspn(line, " ");
    if (!colon || (size_t)(colon - name) >= sizeof ret->name || colon == name)
        return false;
    *colon = '\0';
    json_int_t fields[FIELDS];
    char *rest = colon + 1;
    for (int i = 0; i < FIELDS; i++) {
        const char *word = next_word(&rest);
        if (*word < '0' || *word > '9')
            return false;
        fields[i] = (json_int_t)(strtoull(word, NULL, 10) & INT64_MAX);
    }
    *ret = (struct interface){.rx_bytes = fields[RX_BYTES],
                              .tx_bytes = fields[TX_BYTES],
                              .errors = fields[RX_ERRORS] + fields[TX_ERRORS]};
    memcpy(ret->name, name, strlen(name) + 1);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct interface *)a)->name, ((const struct interface *)b)->name);
}

int32_t network_take(struct monitor *monitor, struct network_sample *ret_sample)
{
    LLMSPELL_CLEANUP_FREE char *text = read_own(monitor, "net/dev");
    if (!text)
        return 0;
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    ret_sample->items = calloc(lines, sizeof *ret_sample->items);
    if (!ret_sample->items)
        return no_memory(monitor);
    char *rest = text, *line;
    while ((line = next_line(&rest)))
        if (parse_interface(line, &ret_sample->items[ret_sample->count]))
            ret_sample->count++;
    qsort(ret_sample->items, ret_sample->count, sizeof *ret_sample->items, compare_names);
    ret_sample->read = true;
    return 0;
}

/* Switched on and able to carry frames? Loopback and tunnels say "unknown". -1: unreadable. */
static int is_up(struct monitor *monitor, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/class/net/%s/flags", name);
    LLMSPELL_CLEANUP_FREE char *flags = read_text(monitor, path);
    snprintf(path, sizeof path, "/sys/class/net/%s/operstate", name);
    LLMSPELL_CLEANUP_FREE char *state = read_text(monitor, path);
    if (!flags || !state)
        return -1;
    if ((strtoul(flags, NULL, 0) & 1) == 0) /* IFF_UP */
        return 0;
    return strncmp(state, "up", 2) == 0 || strncmp(state, "unknown", 7) == 0;
}

/* Bytes a second since the first sample; null for an interface or a counter that is new. */
static json_t *rate(const struct monitor *monitor, json_int_t now, const json_int_t *before)
{
    json_int_t from = monitor->since_boot ? 0 : before ? *before : -1;
    if (from < 0 || now < from || monitor->seconds <= 0)
        return json_null();
    return value_number((double)(now - from) / monitor->seconds);
}

static json_t *interface_of(struct monitor *monitor, const struct interface *now)
{
    const struct network_sample *first = &monitor->network[0];
    const struct interface *before =
        first->count ? bsearch(now, first->items, first->count, sizeof *now, compare_names) : NULL;
    return json_pack(
        "{s:o, s:o, s:I, s:I, s:o, s:o, s:I}", "name", value_text(now->name, strlen(now->name)),
        "up", value_bool(is_up(monitor, now->name)), "rx_bytes", now->rx_bytes, "tx_bytes",
        now->tx_bytes, "rx_bytes_per_s",
        rate(monitor, now->rx_bytes, before ? &before->rx_bytes : NULL), "tx_bytes_per_s",
        rate(monitor, now->tx_bytes, before ? &before->tx_bytes : NULL), "errors", now->errors);
}

int32_t part_network(struct monitor *monitor, json_t **ret_part)
{
    const struct network_sample *now = &monitor->network[1];
    if (!now->read)
        return part_return(monitor, ret_part, json_pack("{s:n}", "interfaces"));
    LLMSPELL_CLEANUP_JSON json_t *interfaces = json_array();
    for (size_t i = 0; i < now->count; i++) {
        int32_t stop = llmspell_cancelled(monitor->call);
        if (stop < 0)
            return stop;
        if (json_array_append_new(interfaces, interface_of(monitor, &now->items[i])) != 0)
            return no_memory(monitor);
    }
    return part_return(monitor, ret_part, json_pack("{s:O}", "interfaces", interfaces));
}
