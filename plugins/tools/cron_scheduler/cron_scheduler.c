/* SPDX-License-Identifier: Apache-2.0
 * cron_scheduler: checks cron expressions, tells their runs, and puts them into words. Called by
 * the host's tool registry through llmspell_tool_v1. */
#include <llmspell/clock.h>

#include "cron.h"

#define CLEANUP_ZONE __attribute__((cleanup(cleanup_zone)))

static void cleanup_zone(struct zone **zone)
{
    zone_free(*zone);
}

static int32_t load_zone(struct llmspell_call *call, const json_t *params, struct zone **ret_zone)
{
    const char *name = llmspell_string(params, "timezone");
    int32_t rc = zone_load(name, llmspell_string_length(params, "timezone"), ret_zone);
    if (rc == LLMSPELL_ENOTFOUND)
        return llmspell_fail_at(call, rc, "/timezone",
                                "there is no time zone \"%s\"; use a name such as Europe/Berlin",
                                name);
    if (rc == LLMSPELL_EUNAVAILABLE)
        return llmspell_fail_at(call, rc, "/timezone",
                                "this machine has no time zones: install the package tzdata");
    if (rc == LLMSPELL_EIO)
        return llmspell_fail_at(call, rc, "/timezone", "the data of the zone %s cannot be read",
                                name);
    return rc < 0 ? llmspell_fail(call, rc, "out of memory") : 0;
}

static int32_t parse(struct llmspell_call *call, const json_t *params, struct cron *ret_cron)
{
    struct cron_error error;
    if (cron_parse(llmspell_string(params, "expression"),
                   llmspell_string_length(params, "expression"), ret_cron, &error))
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EPARSE, "/expression", "%s", error.message);
}

/* The parameter key as an instant: RFC 3339, which has an offset always. Absent: now. */
static int32_t read_instant(struct llmspell_call *call, const json_t *params, const char *key,
                            int64_t *ret_ms)
{
    struct civil_time time;
    const char *text = llmspell_string(params, key);
    if (!text) {
        struct timespec now = llmspell_now(call);
        *ret_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
        return 0;
    }
    const char *reason = civil_read(text, llmspell_string_length(params, key), &time);
    if (!reason && !time.has_offset)
        reason = "it needs Z or an offset such as +01:00 at its end";
    if (reason) {
        char pointer[16];
        snprintf(pointer, sizeof pointer, "/%s", key);
        return llmspell_fail_at(call, LLMSPELL_EPARSE, pointer,
                                "\"%s\" is not a time such as 2025-01-31T09:30:00Z: %s", text,
                                reason);
    }
    *ret_ms = time.seconds * 1000 + time.milliseconds;
    return 0;
}

/* ---- next, previous ---- */

static json_t *runs_json(const struct zone *zone, const int64_t *runs, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char text[CIVIL_TEXT];
        struct zone_type type;
        zone_at(zone, runs[i], &type);
        if (civil_write(runs[i], 0, type.offset, text) &&
            json_array_append_new(list, json_string(text)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int32_t list_runs(struct llmspell_call *call, const json_t *params, bool backward,
                         json_t **ret_result)
{
    struct cron cron;
    CLEANUP_ZONE struct zone *zone = NULL;
    int64_t from;
    int32_t rc = parse(call, params, &cron);
    if (rc == 0)
        rc = load_zone(call, params, &zone);
    if (rc == 0)
        rc = read_instant(call, params, "from", &from);
    if (rc < 0)
        return rc;
    size_t count = (size_t)llmspell_integer(params, "count", 5);
    LLMSPELL_CLEANUP_FREE int64_t *runs = calloc(count, sizeof *runs);
    if (!runs)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    rc = cron_runs(call, &cron, zone, from, backward, count, runs);
    if (rc < 0)
        return rc;
    json_t *list = runs_json(zone, runs, (size_t)rc);
    return llmspell_return(call, ret_result,
                           json_pack("{s:s, s:s, s:o, s:I}", "expression",
                                     llmspell_string(params, "expression"), "timezone",
                                     llmspell_string(params, "timezone"), "runs", list, "count",
                                     (json_int_t)json_array_size(list)));
}

/* Without a field for seconds the whole minute of a run counts. */
static int32_t matches(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct cron cron;
    CLEANUP_ZONE struct zone *zone = NULL;
    int64_t at = 0, run = 0;
    int32_t rc = parse(call, params, &cron);
    if (rc == 0)
        rc = load_zone(call, params, &zone);
    if (rc == 0)
        rc = read_instant(call, params, "at", &at);
    if (rc < 0)
        return rc;
    struct zone_type type;
    at = floor_div(at, 1000);
    zone_at(zone, at, &type);
    if (!cron.has_seconds)
        at -= floor_mod(at + type.offset, 60);
    rc = cron_runs(call, &cron, zone, at * 1000 - 1, false, 1, &run);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result, json_pack("{s:b}", "matches", rc == 1 && run == at));
}

/* ---- validate, describe ---- */

static int32_t validate(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct cron cron;
    struct cron_error error;
    if (cron_parse(llmspell_string(params, "expression"),
                   llmspell_string_length(params, "expression"), &cron, &error))
        return llmspell_return(call, ret_result, json_pack("{s:b}", "valid", 1));
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:{s:s, s:s}}", "valid", 0, "error", "message",
                                     error.message, "field", error.field));
}

static int32_t describe(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct cron cron;
    char text[DESCRIPTION_MAX];
    int32_t rc = parse(call, params, &cron);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *fields = json_object();
    for (enum field_id id = cron.has_seconds ? FIELD_SECOND : FIELD_MINUTE; id < FIELD_COUNT;
         id++) {
        cron_describe_field(&cron, id, text);
        if (json_object_set_new(fields, field_name(id), json_string(text)) != 0)
            return llmspell_return(call, ret_result, NULL);
    }
    cron_describe(&cron, text);
    return llmspell_return(call, ret_result,
                           json_pack("{s:s, s:s, s:O}", "expression",
                                     llmspell_string(params, "expression"), "description", text,
                                     "fields", fields));
}

static int32_t cron_scheduler_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                     json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "validate"))
        return validate(call, params, ret_result);
    if (llmspell_is(params, "operation", "describe"))
        return describe(call, params, ret_result);
    if (llmspell_is(params, "operation", "matches"))
        return matches(call, params, ret_result);
    return list_runs(call, params, llmspell_is(params, "operation", "previous"), ret_result);
}

LLMSPELL_TOOL(.invoke = cron_scheduler_invoke)
