/* SPDX-License-Identifier: Apache-2.0
 * Which pages: "1-3,7,-1", or start_page and end_page. */
#include "pdf.h"

void selection_clear(struct selection *selection)
{
    free(selection->pages);
    *selection = (struct selection){0};
}

static int32_t fail_syntax(const struct job *job)
{
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/pages",
                            "\"%.100s\" is not a list of pages like 1-3,7,-1 (-1 is the last)",
                            llmspell_string(job->params, "pages"));
}

static int32_t fail_page(const struct document *document, const char *pointer, long long page)
{
    return llmspell_fail_at(document->job->call, LLMSPELL_EINVAL, pointer,
                            "there is no page %lld: %s has %zu", page, document->path,
                            document->pages);
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}

/* [-] digits, not 0. *ret: as it stands there. */
static bool read_number(const char **at, long long *ret_number)
{
    skip_blanks(at);
    bool negative = **at == '-';
    const char *digits = *at + negative;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 9)
        return false;
    *ret_number = strtoll(digits, NULL, 10) * (negative ? -1 : 1);
    *at = digits + count;
    skip_blanks(at);
    return *ret_number != 0;
}

/* The page from 0; its number may count from the end. */
static bool find_page(const struct document *document, long long number, size_t *ret_page)
{
    long long total = (long long)document->pages;
    long long page = number > 0 ? number - 1 : total + number;
    *ret_page = (size_t)page;
    return page >= 0 && page < total;
}

/* All from first to last, downwards if last comes first. */
static int32_t add_range(const struct document *document, struct selection *selection, size_t first,
                         size_t last)
{
    size_t more = (first < last ? last - first : first - last) + 1;
    if (more > PAGES_MAX - selection->count)
        return llmspell_fail_at(document->job->call, LLMSPELL_ELIMIT, "/pages",
                                "pages names more than the limit of %d pages", PAGES_MAX);
    for (size_t i = 0; i < more; i++)
        selection->pages[selection->count++] = first < last ? first + i : first - i;
    return 0;
}

static int32_t read_item(const struct document *document, const char **at,
                         struct selection *selection)
{
    size_t first, last;
    long long from, to;
    if (!read_number(at, &from))
        return fail_syntax(document->job);
    to = from;
    if (**at == '-') {
        (*at)++;
        if (!read_number(at, &to))
            return fail_syntax(document->job);
    }
    if (**at != ',' && **at != '\0')
        return fail_syntax(document->job);
    if (!find_page(document, from, &first))
        return fail_page(document, "/pages", from);
    if (!find_page(document, to, &last))
        return fail_page(document, "/pages", to);
    return add_range(document, selection, first, last);
}

static int32_t read_list(const struct document *document, struct selection *selection)
{
    const char *at = llmspell_string(document->job->params, "pages");
    if (strlen(at) != llmspell_string_length(document->job->params, "pages"))
        return fail_syntax(document->job);
    for (;;) {
        int32_t rc = read_item(document, &at, selection);
        if (rc < 0 || *at == '\0')
            return rc;
        at++;
    }
}

static int32_t read_bounds(const struct document *document, struct selection *selection)
{
    const json_t *params = document->job->params;
    long long total = (long long)document->pages;
    long long first = llmspell_integer(params, "start_page", 1);
    long long last = llmspell_integer(params, "end_page", total);
    if (first > total && json_object_get(params, "start_page"))
        return fail_page(document, "/start_page", first);
    if (last > total)
        return fail_page(document, "/end_page", last);
    if (last < first && json_object_get(params, "end_page"))
        return llmspell_fail_at(document->job->call, LLMSPELL_EINVAL, "/end_page",
                                "end_page %lld is before start_page %lld", last, first);
    return total == 0 ? 0 : add_range(document, selection, (size_t)first - 1, (size_t)last - 1);
}

int32_t selection_read(const struct document *document, struct selection *ret_selection)
{
    const json_t *params = document->job->params;
    bool list = json_object_get(params, "pages") != NULL;
    bool bounds = json_object_get(params, "start_page") != NULL ||
                  json_object_get(params, "end_page") != NULL;
    if (list && bounds)
        return llmspell_fail_at(document->job->call, LLMSPELL_EINVAL, "/pages",
                                "give pages, or start_page and end_page, not both");
    *ret_selection =
        (struct selection){.pages = calloc(PAGES_MAX, sizeof(size_t)), .whole = !list && !bounds};
    if (!ret_selection->pages)
        return job_no_memory(document->job);
    return list ? read_list(document, ret_selection) : read_bounds(document, ret_selection);
}
