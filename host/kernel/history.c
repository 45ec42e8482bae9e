/* SPDX-License-Identifier: Apache-2.0
 * The inputs of this session, for history_request. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

#define HISTORY_BYTES (1u << 20) /* of all inputs together: the oldest go first */

int history_init(struct history *history, size_t room)
{
    *history = (struct history){.lock = PTHREAD_MUTEX_INITIALIZER, .room = room};
    history->inputs = calloc(room + 1, sizeof *history->inputs);
    return history->inputs ? 0 : LLMSPELL_ENOMEM;
}

void history_clear(struct history *history)
{
    for (size_t i = 0; history->inputs && i < history->room; i++)
        free(history->inputs[i]);
    free(history->inputs);
    pthread_mutex_destroy(&history->lock);
}

static void forget_oldest(struct history *history)
{
    char **slot = &history->inputs[history->oldest++ % history->room];
    history->bytes -= *slot ? strlen(*slot) : 0;
    free(*slot);
    *slot = NULL;
}

/* An input that alone is too large has its line, but is not kept. */
void history_add(struct history *history, const char *code)
{
    size_t size = strlen(code);
    if (history->room == 0 || size == 0)
        return;
    pthread_mutex_lock(&history->lock);
    if (history->total - history->oldest == history->room)
        forget_oldest(history);
    char *input = size <= HISTORY_BYTES ? strdup(code) : NULL;
    history->inputs[history->total++ % history->room] = input;
    history->bytes += input ? size : 0;
    while (history->bytes > HISTORY_BYTES)
        forget_oldest(history);
    pthread_mutex_unlock(&history->lock);
}

/* The line (1-based) if it is still there and wanted. */
static const char *line_at(const struct history *history, size_t line, const char *pattern)
{
    if (line == 0 || line > history->total || line + history->room <= history->total)
        return NULL;
    const char *input = history->inputs[(line - 1) % history->room];
    return input && (!pattern || fnmatch(pattern, input, 0) == 0) ? input : NULL;
}

static void append(json_t *lines, size_t line, const char *input, bool output)
{
    json_t *entry = json_array();
    json_array_append_new(entry, json_integer(0));
    json_array_append_new(entry, json_integer((json_int_t)line));
    json_array_append_new(entry, output ? json_pack("[s, n]", input) : json_string(input));
    json_array_append_new(lines, entry);
}

static bool seen(const json_t *lines, const char *input)
{
    size_t i;
    json_t *entry;
    json_array_foreach(lines, i, entry)
    {
        const json_t *item = json_array_get(entry, 2);
        const char *text = json_string_value(json_is_array(item) ? json_array_get(item, 0) : item);
        if (text && strcmp(text, input) == 0)
            return true;
    }
    return false;
}

/* The last n lines that fit pattern, oldest first. */
static void collect_last(const struct history *history, json_t *lines, size_t n,
                         const char *pattern, bool output, bool unique)
{
    for (size_t line = history->total; line > 0 && json_array_size(lines) < n; line--) {
        const char *input = line_at(history, line, pattern);
        if (!input || (unique && seen(lines, input)))
            continue;
        append(lines, line, input, output);
        json_array_insert(lines, 0, json_array_get(lines, json_array_size(lines) - 1));
        json_array_remove(lines, json_array_size(lines) - 1);
    }
}

json_t *history_reply(struct history *history, const json_t *content)
{
    json_t *lines = json_array();
    bool output = llmspell_bool(content, "output", 0);
    json_int_t n = llmspell_integer(content, "n", (json_int_t)history->room);
    pthread_mutex_lock(&history->lock);
    if (llmspell_is(content, "hist_access_type", "range")) {
        json_int_t start = llmspell_integer(content, "start", 1);
        json_int_t stop = llmspell_integer(content, "stop", (json_int_t)history->total + 1);
        for (json_int_t line = start < 1 ? 1 : start;
             line < stop && line <= (json_int_t)history->total; line++) {
            const char *input = line_at(history, (size_t)line, NULL);
            if (input && llmspell_integer(content, "session", 0) == 0)
                append(lines, (size_t)line, input, output);
        }
    } else {
        bool search = llmspell_is(content, "hist_access_type", "search");
        const char *pattern = search ? llmspell_string(content, "pattern") : NULL;
        collect_last(history, lines, n < 0 ? 0 : (size_t)n, pattern, output,
                     llmspell_bool(content, "unique", 0));
    }
    pthread_mutex_unlock(&history->lock);
    return json_pack("{s:s, s:o}", "status", "ok", "history", lines);
}
