/* SPDX-License-Identifier: Apache-2.0
 * date_time_handler: parses, formats and computes with dates in any time zone. Called by the host's
 * tool registry through llmspell_tool_v1. */
#include "date_time.h"

#define EXAMPLE_SECONDS 1738315800 /* 2025-01-31T09:30:00Z, a Friday */

static int32_t op_parse(struct task *task, json_t **ret_result)
{
    struct moment moment;
    char used[USED_MAX];
    json_t *datetime;
    int32_t rc = input_read(task, "input", &moment, used);
    if (rc == 0)
        rc = datetime_json(task, task->zone, task->zone_name, &moment, "/input", &datetime);
    if (rc < 0)
        return rc;
    /* a format of more than a few bytes is not cut */
    const char *format = llmspell_string(task->params, "format");
    bool number = json_is_number(json_object_get(task->params, "input"));
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:s, s:o}", "input",
                                     json_object_get(task->params, "input"), "format_used",
                                     format && !number ? format : used, "datetime", datetime));
}

static int32_t op_now(struct task *task, json_t **ret_result)
{
    struct moment moment = moment_now(task);
    json_t *datetime;
    int32_t rc = datetime_json(task, task->zone, task->zone_name, &moment, NULL, &datetime);
    if (rc < 0)
        return rc;
    return llmspell_return(task->call, ret_result, json_pack("{s:o}", "datetime", datetime));
}

static int32_t op_format(struct task *task, json_t **ret_result)
{
    struct moment moment;
    char directive[8] = "";
    LLMSPELL_CLEANUP_FREE char *output = NULL;
    const char *format = llmspell_string(task->params, "format");
    int32_t rc = input_read(task, "input", &moment, NULL);
    if (rc < 0)
        return rc;
    rc = strf_write(task, format, &moment, &output, directive);
    if (rc == LLMSPELL_EINVAL)
        return llmspell_fail_at(task->call, rc, "/format",
                                "%s is no directive; write %%%% for a percent sign", directive);
    if (rc < 0)
        return no_memory(task->call);
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:s, s:s}", "input",
                                     json_object_get(task->params, "input"), "format", format,
                                     "output", output));
}

static int32_t convert(struct task *task, const struct zone *target, const char *name,
                       json_t **ret_result)
{
    struct moment moment;
    char original[CIVIL_TEXT], converted[CIVIL_TEXT];
    json_t *datetime;
    int32_t rc = input_read(task, "input", &moment, NULL);
    if (rc == 0)
        rc = datetime_json(task, target, name, &moment, "/input", &datetime);
    if (rc < 0)
        return rc;
    moment_write(task->zone, &moment, original);
    moment_write(target, &moment, converted);
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:s, s:s, s:s, s:o}", "input",
                                     json_object_get(task->params, "input"), "target_timezone",
                                     name, "original", original, "converted", converted, "datetime",
                                     datetime));
}

static int32_t op_convert(struct task *task, json_t **ret_result)
{
    struct zone *target = NULL;
    const char *name;
    int32_t rc = task_zone(task, "target_timezone", &name, &target);
    if (rc == 0)
        rc = convert(task, target, name, ret_result);
    zone_free(target);
    return rc;
}

/* The first instant of a local day: midnight, or what follows the gap that swallowed it. */
static struct moment day_start(const struct task *task, int64_t day)
{
    struct zone_local place;
    zone_resolve(task->zone, day * CIVIL_DAY, &place);
    return (struct moment){place.kind == ZONE_GAP ? place.change : place.seconds, 0};
}

static int32_t op_info(struct task *task, json_t **ret_result)
{
    struct moment moment;
    struct civil civil;
    struct zone_type type;
    json_t *datetime;
    int64_t iso_year;
    int iso_week;
    char start[CIVIL_TEXT] = "", end[CIVIL_TEXT] = "";
    int32_t rc = input_read(task, "input", &moment, NULL);
    if (rc == 0)
        rc = datetime_json(task, task->zone, task->zone_name, &moment, "/input", &datetime);
    if (rc < 0)
        return rc;
    zone_at(task->zone, moment.seconds, &type);
    int64_t day = floor_div(moment.seconds + type.offset, CIVIL_DAY);
    civil_from_seconds(moment.seconds + type.offset, &civil);
    civil_iso_week(day, &iso_year, &iso_week);
    struct moment first = day_start(task, day), next = day_start(task, day + 1);
    struct moment last = moment_from_ms(moment_ms(&next) - 1);
    moment_write(task->zone, &first, start);
    moment_write(task->zone, &last, end);
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:o, s:i, s:i, s:I, s:i, s:b, s:i, s:b, s:b, s:s, s:s}",
                                     "datetime", datetime, "day_of_year", civil_day_of_year(&civil),
                                     "iso_week", iso_week, "iso_year", (json_int_t)iso_year,
                                     "quarter", (civil.month + 2) / 3, "is_leap_year",
                                     civil_is_leap(civil.year), "days_in_month",
                                     civil_days_in_month(civil.year, civil.month), "is_weekend",
                                     weekend_mask(task->params) >> civil_weekday(day) & 1, "is_dst",
                                     type.dst, "start_of_day", start, "end_of_day", end));
}

/* The forms of inputs, in the order in which they are tried. */
static const struct {
    const char *name, *pattern;
} FORMATS[] = {
    {"unix", "%s"},
    {"rfc3339", "%Y-%m-%dT%H:%M:%S%:z"},
    {"iso8601", "%Y-%m-%dT%H:%M:%S"},
    {"iso8601_date", "%Y-%m-%d"},
    {"iso8601_basic", "%Y%m%dT%H%M%S%z"},
    {"iso8601_week", "%G-W%V-%u"},
    {"iso8601_ordinal", "%Y-%j"},
    {"rfc2822", "%a, %d %b %Y %H:%M:%S %z"},
    {"year_first", "%Y/%m/%d %H:%M:%S"},
    {"dotted", "%d.%m.%Y %H:%M:%S"},
    {"month_first", "%b %d, %Y %H:%M:%S"},
    {"day_first", "%d %b %Y %H:%M:%S"},
};

static int32_t op_formats(struct task *task, json_t **ret_result)
{
    struct moment moment = {EXAMPLE_SECONDS, 0};
    LLMSPELL_CLEANUP_JSON json_t *formats = json_array();
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        char directive[8];
        LLMSPELL_CLEANUP_FREE char *example = NULL;
        if (strf_write(task, FORMATS[i].pattern, &moment, &example, directive) < 0 ||
            json_array_append_new(formats,
                                  json_pack("{s:s, s:s, s:s}", "name", FORMATS[i].name, "pattern",
                                            FORMATS[i].pattern, "example", example)) != 0)
            return no_memory(task->call);
    }
    return llmspell_return(task->call, ret_result, json_pack("{s:O}", "formats", formats));
}

static const struct {
    const char *name;
    int32_t (*run)(struct task *task, json_t **ret_result);
} OPERATIONS[] = {
    {"parse", op_parse},
    {"now", op_now},
    {"format", op_format},
    {"convert_timezone", op_convert},
    {"add", op_add},
    {"subtract", op_add},
    {"difference", op_difference},
    {"info", op_info},
    {"formats", op_formats},
    {"business_days", op_business_days},
    {"recurrence", op_recurrence},
};

static int32_t run(struct task *task, json_t **ret_result)
{
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++)
        if (llmspell_is(task->params, "operation", OPERATIONS[i].name))
            return OPERATIONS[i].run(task, ret_result);
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/operation", "unknown operation");
}

static int32_t date_time_handler_invoke(void *self, struct llmspell_call *call,
                                        const json_t *params, json_t **ret_result)
{
    (void)self;
    struct names names;
    struct task task = {.call = call, .params = params, .names = &names};
    int32_t rc = names_load(call, llmspell_string(params, "locale"), &names);
    if (rc == 0)
        rc = task_zone(&task, "timezone", &task.zone_name, &task.zone);
    if (rc == 0)
        rc = run(&task, ret_result);
    zone_free(task.zone);
    return rc;
}

LLMSPELL_TOOL(.invoke = date_time_handler_invoke)
