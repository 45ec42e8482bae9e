/* SPDX-License-Identifier: Apache-2.0
 * The styles that cite by number: IEEE and Vancouver. */
#include "citation.h"

static bool is_part(const struct work *work)
{
    return work->kind == WORK_CHAPTER || work->kind == WORK_PAPER;
}

static void put_publisher(struct line *line, const struct work *work, const char *sep)
{
    if (has(work, WORK_PLACE) && has(work, WORK_PUBLISHER)) {
        line_part(line, sep, "", work->texts[WORK_PLACE], ": ");
        line_put(line, work->texts[WORK_PUBLISHER]);
    } else {
        line_part(line, sep, "", work->texts[WORK_PUBLISHER], "");
        line_part(line, sep, "", work->texts[WORK_PLACE], "");
    }
}

static const char *genre(const struct work *work)
{
    if (has(work, WORK_GENRE))
        return work->texts[WORK_GENRE];
    return work->kind == WORK_THESIS ? "Thesis" : "Report";
}

/* ---- IEEE ---- */

static const struct name_list ieee_names = {NAME_IEEE, NAME_IEEE, ", ",      " and ", ", and ",
                                            6,         1,         " et al.", false};

static void ieee_date(struct line *line, const struct work *work)
{
    char date[32] = "";
    if (work->kind == WORK_WEB && work->day)
        snprintf(date, sizeof date, "%s %d, ", month_name(work->month), work->day);
    else if (work->kind == WORK_WEB && work->month)
        snprintf(date, sizeof date, "%s ", month_name(work->month));
    line_part(line, ", ", date, work->texts[WORK_YEAR], "");
}

/* "Book, E. Editor, Ed., 3rd ed. Place: Publisher, 1997" */
static void ieee_book(struct line *line, const struct work *work, enum work_text title)
{
    bool published = has(work, WORK_PUBLISHER) || has(work, WORK_PLACE);
    line_part_italic(line, ", ", title == WORK_CONTAINER ? "in " : "", work->texts[title], "");
    if (work->editors.count > 0 && work_leading(work) != &work->editors) {
        line_put(line, ", ");
        people_put(line, &work->editors, &ieee_names);
        line_put(line, work->editors.count == 1 ? ", Ed" : ", Eds");
        line_put(line, ".");
    }
    line_part(line, ", ", "vol. ", work->texts[WORK_VOLUME], "");
    line_part(line, ", ", "", work->texts[WORK_EDITION], " ed.");
    if (published)
        line_stop(line);
    put_publisher(line, work, ", ");
}

static void ieee_rest(struct line *line, const struct work *work)
{
    if (work->kind == WORK_BOOK) {
        ieee_book(line, work, WORK_TITLE);
        return;
    }
    if (is_part(work)) {
        ieee_book(line, work, WORK_CONTAINER);
        return;
    }
    if (work->kind == WORK_THESIS)
        line_part(line, ", ", "", genre(work), "");
    line_part_italic(line, ", ", "", work->texts[WORK_CONTAINER], "");
    line_part(line, ", ", "vol. ", work->texts[WORK_VOLUME], "");
    line_part(line, ", ", "no. ", work->texts[WORK_ISSUE], "");
    if (work->kind != WORK_ARTICLE) {
        line_part(line, ", ", "", work->texts[WORK_PUBLISHER], "");
        line_part(line, ", ", "", work->texts[WORK_PLACE], "");
    }
    if (work->kind == WORK_REPORT) {
        line_part(line, ", ", "", genre(work), "");
        line_part(line, " ", "", work->texts[WORK_NUMBER], "");
    }
}

void style_ieee(struct line *line, const struct work *work)
{
    bool article = work->kind == WORK_ARTICLE;
    people_put(line, work_leading(work), &ieee_names);
    if (work_leading(work) == &work->editors && work->editors.count > 0)
        line_put(line, work->editors.count == 1 ? ", Ed." : ", Eds.");
    if (work->kind != WORK_BOOK && has(work, WORK_TITLE)) {
        line_put(line, line->out.len > 0 && !line->fresh ? "," : "");
        line_quoted(line, work->texts[WORK_TITLE], ',');
    }
    ieee_rest(line, work);
    if (!article)
        ieee_date(line, work);
    line_part(line, ", ", pages_prefix(work), work->texts[WORK_PAGES], "");
    if (article)
        ieee_date(line, work);
    line_part(line, ", ", "doi: ", work->texts[WORK_DOI], "");
    line_end(line);
    if (!has(work, WORK_DOI))
        line_part(line, " ", "[Online]. Available: ", work->texts[WORK_URL], "");
}

/* ---- Vancouver ---- */

static const struct name_list vancouver_names = {
    NAME_VANCOUVER, NAME_VANCOUVER, ", ", ", ", ", ", 6, 6, ", et al", false};

/* "2020;12(3):45–67" */
static void vancouver_journal(struct line *line, const struct work *work)
{
    line_part_italic(line, " ", "", work->texts[WORK_CONTAINER], "");
    line_stop(line);
    line_part(line, " ", "", work->texts[WORK_YEAR], "");
    line_part(line, ";", "", work->texts[WORK_VOLUME], "");
    line_part(line, has(work, WORK_VOLUME) ? "" : ";", "(", work->texts[WORK_ISSUE], ")");
    line_part(line, ":", "", work->texts[WORK_PAGES], "");
    line_stop(line);
}

static void vancouver_web(struct line *line, const struct work *work)
{
    char date[40] = "";
    line_part_italic(line, " ", "", work->texts[WORK_CONTAINER], "");
    line_stop(line);
    put_publisher(line, work, " ");
    line_stop(line);
    if (work->month && work->day)
        snprintf(date, sizeof date, " %.3s %d", month_name(work->month), work->day);
    else if (work->month)
        snprintf(date, sizeof date, " %.3s", month_name(work->month));
    line_part(line, " ", "", work->texts[WORK_YEAR], date);
    line_stop(line);
}

static void vancouver_book(struct line *line, const struct work *work)
{
    line_part(line, " ", "", work->texts[WORK_EDITION], " ed.");
    line_stop(line);
    put_publisher(line, work, " ");
    line_part(line, "; ", "", work->texts[WORK_YEAR], "");
    line_stop(line);
    if (work->kind == WORK_REPORT)
        line_part(line, " ", "Report No.: ", work->texts[WORK_NUMBER], "");
    else if (is_part(work))
        line_part(line, " ", "p. ", work->texts[WORK_PAGES], "");
    line_stop(line);
}

static void vancouver_container(struct line *line, const struct work *work)
{
    line_part(line, " ", "", "In:", "");
    if (work->editors.count > 0) {
        line_put(line, " ");
        people_put(line, &work->editors, &vancouver_names);
        line_put(line, work->editors.count == 1 ? ", editor." : ", editors.");
    }
    line_part_italic(line, " ", "", work->texts[WORK_CONTAINER], "");
    line_stop(line);
}

void style_vancouver(struct line *line, const struct work *work)
{
    bool whole = work->kind == WORK_BOOK || work->kind == WORK_THESIS || work->kind == WORK_REPORT;
    people_put(line, work_leading(work), &vancouver_names);
    if (work_leading(work) == &work->editors && work->editors.count > 0)
        line_put(line, work->editors.count == 1 ? ", editor" : ", editors");
    line_stop(line);
    if (whole)
        line_part_italic(line, " ", "", work->texts[WORK_TITLE], "");
    else
        line_part(line, " ", "", work->texts[WORK_TITLE], "");
    if (work->kind == WORK_THESIS)
        line_part(line, " ", "[", genre(work), "]");
    line_stop(line);
    if (is_part(work) && has(work, WORK_CONTAINER))
        vancouver_container(line, work);
    if (whole || is_part(work))
        vancouver_book(line, work);
    else if (work->kind == WORK_ARTICLE)
        vancouver_journal(line, work);
    else
        vancouver_web(line, work);
    if (has(work, WORK_DOI))
        line_part(line, " ", "doi:", work->texts[WORK_DOI], "");
    else
        line_part(line, " ", "Available from: ", work->texts[WORK_URL], "");
}
