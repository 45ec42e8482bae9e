/* SPDX-License-Identifier: Apache-2.0
 * filter and convert: rows that conditions let through, in another form. */
#include "analyzer.h"

#define LIMIT 1000

int32_t filter(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_TABLE struct table table = {0};
    size_t offset = (size_t)llmspell_integer(params, "offset", 0);
    size_t limit = (size_t)llmspell_integer(params, "limit", LIMIT);
    /* without an order to make, only the rows of the result are kept */
    bool sorted = json_array_size(json_object_get(params, "sort")) > 0;
    struct load load = {.skip = sorted ? 0 : offset, .keep = sorted ? SIZE_MAX : limit};
    int32_t rc = table_load(call, params, &load, &table);
    return rc < 0 ? rc : output_table(params, &table, limit, load.skip, load.total, load.cut, ret);
}

/* All rows, unless limit is given: the result has no place to say that it was cut. */
int32_t convert(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_TABLE struct table table = {0};
    CLEANUP_VIEW struct view view = {0};
    struct load load = {.keep = SIZE_MAX};
    const char *format = llmspell_string(params, "to");
    int32_t rc = table_load(call, params, &load, &table);
    if (rc == 0 && load.cut && !json_object_get(params, "limit"))
        rc = llmspell_fail_at(call, LLMSPELL_ELIMIT, "/max_rows",
                              "there are more than %lld rows; raise max_rows, or set a limit",
                              (long long)llmspell_integer(params, "max_rows", 0));
    if (rc == 0)
        rc = view_make(params, &table, (size_t)llmspell_integer(params, "limit", INT64_MAX),
                       (size_t)llmspell_integer(params, "offset", 0), &view);
    if (rc < 0)
        return rc;
    bool typed = llmspell_bool(params, "typed", 1);
    json_t *output = NULL;
    rc = strcmp(format, "json") == 0 ? view_objects(&view, typed, &output)
                                     : view_text(&view, format, typed, &output);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret,
                           json_pack("{s:s, s:o, s:I}", "format", format, "output", output, "rows",
                                     (json_int_t)view.row_count));
}
