/* SPDX-License-Identifier: Apache-2.0
 * The operation recurrence: the times of a rule as instants of a zone. */
#include "rule.h"

/* What is collected while a rule is expanded. */
struct collection {
    struct task *task;
    const struct rule *rule;
    json_t *occurrences;
    size_t limit;
    int64_t found; /* for COUNT */
    int milliseconds;
    int64_t last;
    bool truncated;
};

static int32_t add_occurrence(void *context, int64_t local)
{
    struct collection *c = context;
    char text[CIVIL_TEXT];
    struct moment moment = moment_resolve(c->task, local, c->milliseconds);
    if (c->rule->has_until && (c->rule->until_utc ? moment.seconds : local) > c->rule->until)
        return 0;
    if (c->rule->count && c->found == c->rule->count)
        return 0;
    if (moment.seconds == c->last) /* a second time of a gap, which COUNT does not count */
        return 1;
    c->found++;
    if (!moment_write(c->task->zone, &moment, text))
        return 0;
    if (json_array_size(c->occurrences) == c->limit) {
        c->truncated = true;
        return 0;
    }
    c->last = moment.seconds;
    return json_array_append_new(c->occurrences, json_string(text)) == 0 ? 1
                                                                         : no_memory(c->task->call);
}

int32_t op_recurrence(struct task *task, json_t **ret_result)
{
    struct rule rule;
    struct moment start;
    char reason[RULE_REASON];
    const char *text = llmspell_string(task->params, "rule");
    if (!rule_parse(text, llmspell_string_length(task->params, "rule"), &rule, reason))
        return llmspell_fail_at(task->call, LLMSPELL_EPARSE, "/rule", "the rule cannot be read: %s",
                                reason);
    int32_t rc = input_read(task, "start", &start, NULL);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *occurrences = json_array();
    struct collection c = {.task = task,
                           .rule = &rule,
                           .occurrences = occurrences,
                           .limit = (size_t)llmspell_integer(task->params, "limit", 100),
                           .milliseconds = start.milliseconds,
                           .last = INT64_MIN};
    int64_t local = moment_local(task, &start);
    rule_complete(&rule, local);
    rc = rule_expand(task->call, &rule, local, add_occurrence, &c);
    if (rc < 0)
        return rc;
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:s, s:I, s:O, s:b}", "rule", text, "count",
                                     (json_int_t)json_array_size(occurrences), "occurrences",
                                     occurrences, "truncated", c.truncated));
}
