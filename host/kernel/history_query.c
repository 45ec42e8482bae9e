/* SPDX-License-Identifier: Apache-2.0
 * history_request: range, tail and search over this session's memory and the file. Both are read
 * from the newest line to the oldest, so that a tail costs no more than its lines. */
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/history.h"
#include "kernel/history_glob.h"
#include "kernel/internal.h"
#include "log/logger.h"

#define PATTERN_MAX 1024
#define NOT_GIVEN INT64_MIN

enum access { ACCESS_RANGE, ACCESS_TAIL, ACCESS_SEARCH };

struct query {
    enum access access;
    bool output, unique;
    int64_t n;                    /* NOT_GIVEN: all */
    int64_t session, start, stop; /* of a range; NOT_GIVEN: from the first, to the last */
    const char *pattern;
    size_t pattern_size;
};

/* An input in memory, and its output as it was when we looked. */
struct known {
    struct history_item *item;
    const char *output;
};

struct answer {
    struct query query;
    const struct cancel *cancel;
    json_t *entries; /* newest first */
    json_t *seen;    /* inputs, for unique */
    json_t *outputs; /* "session:line" → text, of inputs that are further up in the file */
    struct known *known;
    size_t known_count;
    int64_t session; /* ours; 0: nothing of it is in the file */
    int64_t last;    /* line of the range's session; 0: not found yet */
};

/* ---- the request ---- */

/* NULL, or what the field should be. */
static const char *wrong_type(const json_t *content, const char *key, json_type type)
{
    const json_t *value = json_object_get(content, key);
    if (!value || json_is_null(value) || json_typeof(value) == type)
        return NULL;
    if (type == JSON_TRUE)
        return json_is_boolean(value) ? NULL : "true or false";
    return type == JSON_INTEGER ? "an integer" : "a string";
}

static json_t *check_types(const json_t *content)
{
    static const struct {
        const char *key;
        json_type type;
    } fields[] = {{"hist_access_type", JSON_STRING},
                  {"output", JSON_TRUE},
                  {"raw", JSON_TRUE},
                  {"unique", JSON_TRUE},
                  {"session", JSON_INTEGER},
                  {"start", JSON_INTEGER},
                  {"stop", JSON_INTEGER},
                  {"n", JSON_INTEGER},
                  {"pattern", JSON_STRING}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *wanted = wrong_type(content, fields[i].key, fields[i].type);
        if (wanted)
            return field_reply(fields[i].key, "must be %s", wanted);
    }
    return NULL;
}

/* NULL, or the error reply. */
static json_t *read_query(const json_t *content, struct query *query)
{
    json_t *wrong = check_types(content);
    if (wrong)
        return wrong;
    const char *access = llmspell_string(content, "hist_access_type");
    *query = (struct query){
        .access = ACCESS_TAIL,
        .output = llmspell_bool(content, "output", 0),
        .unique = llmspell_bool(content, "unique", 0),
        .n = llmspell_integer(content, "n", NOT_GIVEN),
        .session = llmspell_integer(content, "session", 0),
        .start = llmspell_integer(content, "start", NOT_GIVEN),
        .stop = llmspell_integer(content, "stop", NOT_GIVEN),
        .pattern = llmspell_string(content, "pattern"),
        .pattern_size = llmspell_string_length(content, "pattern"),
    };
    if (access && strcmp(access, "range") == 0)
        query->access = ACCESS_RANGE;
    else if (access && strcmp(access, "search") == 0)
        query->access = ACCESS_SEARCH;
    else if (access && strcmp(access, "tail") != 0)
        return field_reply("hist_access_type", "must be \"range\", \"tail\" or \"search\"");
    if (query->access != ACCESS_SEARCH)
        query->pattern = NULL;
    if (query->pattern && query->pattern_size > PATTERN_MAX)
        return field_reply("pattern", "may have at most %d bytes", PATTERN_MAX);
    return NULL;
}

/* ---- entries ---- */

static bool is_full(const struct answer *answer)
{
    const struct query *query = &answer->query;
    return query->access != ACCESS_RANGE && query->n != NOT_GIVEN &&
           (int64_t)json_array_size(answer->entries) >= (query->n > 0 ? query->n : 0);
}

/* Lines count from 1; a negative number from the end, -1 is the last; stop 0 is the end. */
static bool in_range(struct answer *answer, const struct history_line *line)
{
    const struct query *query = &answer->query;
    if (line->session != query->session)
        return false;
    if (answer->last == 0)
        answer->last = line->line;
    int64_t end = answer->last + 1, start = query->start, stop = query->stop;
    if (start != NOT_GIVEN && start < 0)
        start += end;
    if (stop == NOT_GIVEN || stop == 0)
        stop = end;
    else if (stop < 0)
        stop += end;
    return line->line >= start && line->line < stop;
}

static bool is_wanted(struct answer *answer, const struct history_line *line)
{
    const struct query *query = &answer->query;
    if (query->access == ACCESS_RANGE)
        return in_range(answer, line);
    if (query->pattern &&
        !history_glob(query->pattern, query->pattern_size, line->input, line->input_size))
        return false;
    if (!query->unique)
        return true;
    if (json_object_getn(answer->seen, line->input, line->input_size))
        return false;
    json_object_setn_new_nocheck(answer->seen, line->input, line->input_size, json_null());
    return true;
}

/* A line with an input; output NULL: none. */
static void offer(struct answer *answer, const struct history_line *line)
{
    if (!is_wanted(answer, line))
        return;
    json_t *input = json_stringn(line->input, line->input_size);
    if (answer->query.output)
        input =
            json_pack("[o, o]", input,
                      line->output ? json_stringn(line->output, line->output_size) : json_null());
    json_array_append_new(answer->entries, json_pack("[I, I, o]", (json_int_t)line->session,
                                                     (json_int_t)line->line, input));
}

/* ---- this session ---- */

/* What is in memory, so that the executor need not wait for us. */
static bool look_into_memory(struct history *history, struct answer *answer)
{
    pthread_mutex_lock(&history->lock);
    answer->session = history->session;
    answer->known = calloc(history->count + 1, sizeof *answer->known);
    for (size_t i = 0; answer->known && i < history->count; i++) {
        struct history_item *item = history->items[(history->first + i) % history->room];
        atomic_fetch_add(&item->refs, 1);
        answer->known[answer->known_count++] = (struct known){item, item->output};
    }
    pthread_mutex_unlock(&history->lock);
    return answer->known != NULL;
}

static void offer_memory(struct answer *answer, int64_t session)
{
    for (size_t i = answer->known_count; i > 0 && !is_full(answer); i--) {
        const struct known *known = &answer->known[i - 1];
        struct history_line line = {.session = session,
                                    .line = known->item->line,
                                    .input = known->item->input,
                                    .input_size = known->item->size,
                                    .output = known->output,
                                    .output_size = known->output ? strlen(known->output) : 0};
        offer(answer, &line);
    }
}

/* ---- the file ---- */

/* Of our session, but not in memory any more, or of another one. */
static bool is_news(const struct answer *answer, const struct history_line *line)
{
    return line->session != answer->session || answer->known_count == 0 ||
           line->line < answer->known[0].item->line;
}

static void keep_output(struct answer *answer, const char *key, const struct history_line *line)
{
    if (answer->query.output)
        json_object_set_new(answer->outputs, key, json_stringn(line->output, line->output_size));
}

static void offer_text(struct answer *answer, const char *text, size_t size)
{
    char key[48];
    struct history_line line;
    if (!history_line_read(text, size, &line))
        return;
    snprintf(key, sizeof key, "%lld:%lld", (long long)line.session, (long long)line.line);
    if (!line.input) {
        keep_output(answer, key, &line);
    } else if (is_news(answer, &line)) {
        const json_t *later = json_object_get(answer->outputs, key);
        if (!line.output && later) {
            line.output = json_string_value(later);
            line.output_size = json_string_length(later);
        }
        offer(answer, &line);
    }
    json_decref(line.holder);
}

static void offer_file(struct answer *answer, const char *text, size_t size)
{
    const char *line;
    size_t length;
    int64_t session;
    while (!is_full(answer) && !cancel_is_set(answer->cancel) &&
           history_text_last(text, &size, &line, &length))
        if (answer->query.access != ACCESS_RANGE ||
            (history_line_session(line, length, &session) && session == answer->query.session))
            offer_text(answer, line, length);
}

/* The number that this session has, or would get if it was stored now. */
static int64_t own_session(const struct answer *answer, const char *text, size_t size)
{
    const char *line;
    size_t length;
    int64_t session, last = 0;
    if (answer->session)
        return answer->session;
    while (history_text_last(text, &size, &line, &length))
        if (history_line_session(line, length, &session) && session > last)
            last = session;
    return last + 1;
}

/* ---- the reply ---- */

static char *read_file(struct history *history, size_t *ret_size)
{
    char *text = NULL;
    struct error error;
    *ret_size = 0;
    if (!history->persistent || history_file_read(&history->file, &text, ret_size, &error) == 0)
        return text;
    pthread_mutex_lock(&history->lock);
    bool tell = !history->failed;
    history->failed = true;
    pthread_mutex_unlock(&history->lock);
    if (tell)
        log_warn("kernel", "history: %s", error.message);
    return NULL;
}

static json_t *reversed(const json_t *entries)
{
    json_t *list = json_array();
    for (size_t i = json_array_size(entries); i > 0; i--)
        json_array_append(list, json_array_get(entries, i - 1));
    return list;
}

static void collect(struct history *history, struct answer *answer)
{
    size_t size;
    LLMSPELL_CLEANUP_FREE char *text = read_file(history, &size);
    struct query *query = &answer->query;
    int64_t own = own_session(answer, text, size);
    if (query->session <= 0 && query->session > -own)
        query->session += own;
    if (query->access != ACCESS_RANGE || query->session == own)
        offer_memory(answer, own);
    offer_file(answer, text, size);
}

json_t *history_reply(struct history *history, const struct operation *operation)
{
    struct answer answer = {.cancel = &operation->cancel,
                            .entries = json_array(),
                            .seen = json_object(),
                            .outputs = json_object()};
    json_t *reply = read_query(operation->content, &answer.query);
    if (!reply && look_into_memory(history, &answer)) {
        collect(history, &answer);
        reply = json_pack("{s:s, s:o}", "status", "ok", "history", reversed(answer.entries));
    }
    for (size_t i = 0; i < answer.known_count; i++)
        history_item_unref(answer.known[i].item);
    free(answer.known);
    json_decref(answer.entries);
    json_decref(answer.seen);
    json_decref(answer.outputs);
    return reply;
}
