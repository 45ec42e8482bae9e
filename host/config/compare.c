/* SPDX-License-Identifier: Apache-2.0
 * What differs between two configurations: for a reload, which applies just that. */
#include "config/store.h"

#include <string.h>

#include "config/settings.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Keys of section in a that b does not have, or says otherwise. */
static bool has_all(const struct config *a, const struct config *b, const char *section)
{
    for (size_t i = 0; i < a->entry_count; i++) {
        const struct config_entry *entry = &a->entries[i];
        if (strcmp(entry->section, section) != 0)
            continue;
        const struct config_entry *other = store_entry(b, section, entry->key);
        if (!other || strcmp(other->raw, entry->raw) != 0)
            return false;
    }
    return true;
}

bool config_same_section(const struct config *a, const struct config *b, const char *section)
{
    if (store_is_plugin_section(section))
        return has_all(a, b, section) && has_all(b, a, section);
    for (size_t i = 0; i < setting_count(); i++)
        if (strcmp(settings_table[i].section, section) == 0 &&
            !same_text(a->values[i].text, b->values[i].text))
            return false;
    return true;
}

static size_t compare_settings(const struct config *from, const struct config *to,
                               config_change_fn each, void *data)
{
    size_t count = 0;
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *row = &settings_table[i];
        const char *old = from->values[i].text, *new = to->values[i].text;
        if (same_text(old, new))
            continue;
        each(data, row->section, row->key, old ? old : "", new ? new : "", row->reloadable);
        count++;
    }
    return count;
}

size_t config_compare(const struct config *from, const struct config *to, config_change_fn each,
                      void *data)
{
    size_t count = compare_settings(from, to, each, data);
    for (size_t i = 0; i < from->entry_count; i++) {
        const struct config_entry *old = &from->entries[i];
        const struct config_entry *new = store_entry(to, old->section, old->key);
        if (new &&strcmp(new->raw, old->raw) == 0)
            continue;
        each(data, old->section, old->key, old->shown, new ? new->shown : "", true);
        count++;
    }
    for (size_t i = 0; i < to->entry_count; i++) {
        const struct config_entry *new = &to->entries[i];
        if (store_entry(from, new->section, new->key))
            continue;
        each(data, new->section, new->key, "", new->shown, true);
        count++;
    }
    return count;
}
