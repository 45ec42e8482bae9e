/* SPDX-License-Identifier: Apache-2.0
 * The styles that cite by author: APA, MLA, Chicago (author-date), Harvard. */
#include "citation.h"

#define DOI_ADDRESS "https://doi.org/"

/* DOI or else URL. */
static void put_address(struct line *line, const struct work *work, const char *sep)
{
    if (has(work, WORK_DOI))
        line_part(line, sep, DOI_ADDRESS, work->texts[WORK_DOI], "");
    else
        line_part(line, sep, "", work->texts[WORK_URL], "");
}

static bool is_book_like(const struct work *work)
{
    return work->kind == WORK_BOOK || work->kind == WORK_THESIS || work->kind == WORK_REPORT;
}

static bool is_part(const struct work *work)
{
    return work->kind == WORK_CHAPTER || work->kind == WORK_PAPER;
}

/* "Place: Publisher" */
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

static const char *kind_name(const struct work *work)
{
    if (has(work, WORK_GENRE))
        return work->texts[WORK_GENRE];
    return work->kind == WORK_THESIS ? "Thesis" : work->kind == WORK_REPORT ? "Report" : "";
}

/* "Technical Report 5", "PhD thesis"; number_sign before a number. */
static void put_kind(struct line *line, const struct work *work, const char *sep,
                     const char *number_sign)
{
    if (work->kind != WORK_THESIS && work->kind != WORK_REPORT)
        return;
    line_part(line, sep, "", kind_name(work), "");
    if (has(work, WORK_NUMBER)) {
        line_put(line, number_sign);
        line_put(line, work->texts[WORK_NUMBER]);
    }
}

/* ---- APA ---- */

static const struct name_list apa_names = {NAME_APA, NAME_APA, ", ",   ", & ", ", & ",
                                           20,       19,       ", … ", true};

static void apa_date(struct line *line, const struct work *work)
{
    char date[64] = "";
    if (work->kind == WORK_WEB && work->month && work->day)
        snprintf(date, sizeof date, ", %s %d", month_name(work->month), work->day);
    else if (work->kind == WORK_WEB && work->month)
        snprintf(date, sizeof date, ", %s", month_name(work->month));
    line_part(line, " ", "(", has(work, WORK_YEAR) ? work->texts[WORK_YEAR] : "n.d.", date);
    line_put(line, ")");
    line_stop(line);
}

/* " (Eds.)" behind editors that lead. */
static void put_editors_mark(struct line *line, const struct work *work, const char *one,
                             const char *more)
{
    if (work->authors.count == 0 && work_leading(work)->count > 0)
        line_put(line, work->editors.count == 1 ? one : more);
}

static void apa_container(struct line *line, const struct work *work)
{
    static const struct name_list names = {NAME_IEEE, NAME_IEEE, ", ",   " & ", ", & ",
                                           20,        19,        ", … ", true};
    const char *sep = " (";
    line_stop(line);
    line_put(line, " In ");
    line->fresh = false;
    if (work->editors.count > 0) {
        people_put(line, &work->editors, &names);
        line_put(line, work->editors.count == 1 ? " (Ed.), " : " (Eds.), ");
    }
    line_italic(line, work->texts[WORK_CONTAINER]);
    if (has(work, WORK_EDITION)) {
        line_part(line, sep, "", work->texts[WORK_EDITION], " ed.");
        sep = ", ";
    }
    if (has(work, WORK_VOLUME)) {
        line_part(line, sep, "Vol. ", work->texts[WORK_VOLUME], "");
        sep = ", ";
    }
    if (has(work, WORK_PAGES)) {
        line_part(line, sep, pages_prefix(work), work->texts[WORK_PAGES], "");
        sep = ", ";
    }
    line_put(line, *sep == ',' ? ")" : "");
    line_stop(line);
    line_part(line, " ", "", work->texts[WORK_PUBLISHER], "");
}

static void apa_journal(struct line *line, const struct work *work)
{
    line_stop(line);
    line_part_italic(line, " ", "", work->texts[WORK_CONTAINER], "");
    line_part(line, ", ", "", work->texts[WORK_VOLUME], "");
    line_part(line, has(work, WORK_VOLUME) ? "" : ", ", "(", work->texts[WORK_ISSUE], ")");
    line_part(line, ", ", "", work->texts[WORK_PAGES], "");
}

/* "Title (3rd ed.). Publisher", "Title [PhD thesis, School]", "Title (Report No. 5). Publisher" */
static void apa_whole(struct line *line, const struct work *work)
{
    if (work->kind == WORK_THESIS) {
        line_part(line, " ", "[", kind_name(work), "");
        line_part(line, ", ", "", work->texts[WORK_PUBLISHER], "");
        line_put(line, "]");
        return;
    }
    if (work->kind == WORK_REPORT && (has(work, WORK_NUMBER) || has(work, WORK_GENRE))) {
        line_put(line, " (");
        put_kind(line, work, "", " No. ");
        line_put(line, ")");
    }
    line_part(line, " ", "(", work->texts[WORK_EDITION], " ed.)");
    line_stop(line);
    line_part(line, " ", "", work->texts[WORK_PUBLISHER], "");
}

static void apa_title(struct line *line, const struct work *work)
{
    if (is_book_like(work))
        line_part_italic(line, " ", "", work->texts[WORK_TITLE], "");
    else
        line_part(line, " ", "", work->texts[WORK_TITLE], "");
}

void style_apa(struct line *line, const struct work *work)
{
    people_put(line, work_leading(work), &apa_names);
    put_editors_mark(line, work, " (Ed.)", " (Eds.)");
    bool named = work_leading(work)->count > 0;
    if (!named)
        apa_title(line, work);
    line_stop(line);
    apa_date(line, work);
    if (named)
        apa_title(line, work);
    if (is_part(work) && has(work, WORK_CONTAINER))
        apa_container(line, work);
    else if (is_book_like(work) || is_part(work))
        apa_whole(line, work);
    else
        apa_journal(line, work);
    if (!is_book_like(work) && !is_part(work) && work->kind != WORK_ARTICLE) {
        line_stop(line);
        line_part(line, " ", "", work->texts[WORK_PUBLISHER], "");
    }
    line_stop(line);
    put_address(line, work, " ");
}

/* ---- MLA ---- */

static const struct name_list mla_names = {NAME_INVERTED, NAME_FULL, ", ", ", and ", ", and ", 2, 1,
                                           ", et al.",    false};
static const struct name_list plain_names = {NAME_FULL, NAME_FULL, ", ",       " and ", ", and ",
                                             10,        7,         ", et al.", false};

/* "4 May 2020", "May 2020", "2020" */
static void mla_date(struct line *line, const struct work *work, const char *sep)
{
    char prefix[40] = "";
    bool full = work->kind == WORK_WEB || work->kind == WORK_OTHER;
    if (full && work->day)
        snprintf(prefix, sizeof prefix, "%d %s ", work->day, month_name(work->month));
    else if (full && work->month)
        snprintf(prefix, sizeof prefix, "%s ", month_name(work->month));
    line_part(line, sep, prefix, work->texts[WORK_YEAR], "");
}

static void put_edited_by(struct line *line, const struct work *work, const char *sep)
{
    if (work->editors.count == 0 || work_leading(work) == &work->editors)
        return;
    line_part(line, sep, "", line->fresh ? "Edited by" : "edited by", " ");
    people_put(line, &work->editors, &plain_names);
}

void style_mla(struct line *line, const struct work *work)
{
    people_put(line, work_leading(work), &mla_names);
    put_editors_mark(line, work, ", editor", ", editors");
    line_stop(line);
    if (is_book_like(work)) {
        line_part_italic(line, " ", "", work->texts[WORK_TITLE], "");
        line_stop(line);
    } else {
        line_quoted(line, work->texts[WORK_TITLE], '.');
    }
    if (work->kind == WORK_THESIS) {
        mla_date(line, work, ", ");
        line_stop(line);
        line_part(line, ", ", "", work->texts[WORK_PUBLISHER], "");
        put_kind(line, work, ", ", " no. ");
    } else {
        line_part_italic(line, ", ", "", work->texts[WORK_CONTAINER], "");
        put_edited_by(line, work, ", ");
        line_part(line, ", ", "", work->texts[WORK_EDITION], " ed.");
        line_part(line, ", ", line->fresh ? "Vol. " : "vol. ", work->texts[WORK_VOLUME], "");
        line_part(line, ", ", line->fresh ? "No. " : "no. ", work->texts[WORK_ISSUE], "");
        put_kind(line, work, ", ", " no. ");
        if (work->kind != WORK_ARTICLE)
            line_part(line, ", ", "", work->texts[WORK_PUBLISHER], "");
        mla_date(line, work, ", ");
    }
    line_part(line, ", ", pages_prefix(work), work->texts[WORK_PAGES], "");
    put_address(line, work, ", ");
    line_stop(line);
}

/* ---- Chicago ---- */

static const struct name_list chicago_names = {
    NAME_INVERTED, NAME_FULL, ", ", ", and ", ", and ", 10, 7, ", et al.", false};

static void chicago_journal(struct line *line, const struct work *work)
{
    line_part_italic(line, " ", "", work->texts[WORK_CONTAINER], "");
    line_part(line, " ", "", work->texts[WORK_VOLUME], "");
    if (has(work, WORK_VOLUME))
        line_part(line, " ", "(", work->texts[WORK_ISSUE], ")");
    else
        line_part(line, ", ", "no. ", work->texts[WORK_ISSUE], "");
    bool numbered = has(work, WORK_VOLUME) || has(work, WORK_ISSUE);
    line_part(line, numbered ? ": " : ", ", "", work->texts[WORK_PAGES], "");
    line_stop(line);
}

static void chicago_part(struct line *line, const struct work *work)
{
    line_part_italic(line, " ", "In ", work->texts[WORK_CONTAINER], "");
    put_edited_by(line, work, ", ");
    line_part(line, ", ", "vol. ", work->texts[WORK_VOLUME], "");
    line_part(line, ", ", "", work->texts[WORK_PAGES], "");
    line_stop(line);
}

static void chicago_date(struct line *line, const struct work *work)
{
    char date[48] = "";
    if (work->kind == WORK_WEB && work->day)
        snprintf(date, sizeof date, "%s %d, %d", month_name(work->month), work->day, work->year);
    else if (work->kind == WORK_WEB && work->month)
        snprintf(date, sizeof date, "%s %d", month_name(work->month), work->year);
    line_part(line, " ", "", date, "");
    line_stop(line);
}

static void chicago_title(struct line *line, const struct work *work, bool book)
{
    if (book)
        line_part_italic(line, " ", "", work->texts[WORK_TITLE], "");
    else
        line_quoted(line, work->texts[WORK_TITLE], '.');
}

void style_chicago(struct line *line, const struct work *work)
{
    bool book = work->kind == WORK_BOOK || work->kind == WORK_REPORT;
    bool named = work_leading(work)->count > 0;
    people_put(line, work_leading(work), &chicago_names);
    put_editors_mark(line, work, ", ed", ", eds");
    if (!named)
        chicago_title(line, work, book);
    line_stop(line);
    line_part(line, " ", "", has(work, WORK_YEAR) ? work->texts[WORK_YEAR] : "n.d.", "");
    line_stop(line);
    if (named)
        chicago_title(line, work, book);
    line_stop(line);
    if (is_part(work))
        chicago_part(line, work);
    else if (!book)
        chicago_journal(line, work);
    line_part(line, " ", "", work->texts[WORK_EDITION], " ed.");
    line_stop(line);
    put_kind(line, work, " ", " ");
    if (work->kind == WORK_THESIS)
        line_part(line, ", ", "", work->texts[WORK_PUBLISHER], "");
    line_stop(line);
    if (work->kind != WORK_THESIS && work->kind != WORK_ARTICLE)
        put_publisher(line, work, " ");
    line_stop(line);
    chicago_date(line, work);
    put_address(line, work, " ");
    line_stop(line);
}

/* ---- Harvard ---- */

static const struct name_list harvard_names = {
    NAME_HARVARD, NAME_HARVARD, ", ", " and ", " and ", 3, 1, " et al.", false};

static void harvard_part(struct line *line, const struct work *work)
{
    line_part(line, ", ", "", "in", " ");
    if (work->editors.count > 0) {
        people_put(line, &work->editors, &harvard_names);
        line_put(line, work->editors.count == 1 ? " (ed.) " : " (eds) ");
    }
    line_italic(line, work->texts[WORK_CONTAINER]);
}

static void harvard_date(struct line *line, const struct work *work)
{
    char date[32] = "";
    if (work->kind == WORK_WEB && work->day)
        snprintf(date, sizeof date, "%d %s", work->day, month_name(work->month));
    else if (work->kind == WORK_WEB)
        snprintf(date, sizeof date, "%s", month_name(work->month));
    line_part(line, ", ", "", date, "");
}

static void harvard_title(struct line *line, const struct work *work)
{
    if (is_book_like(work))
        line_part_italic(line, " ", "", work->texts[WORK_TITLE], "");
    else
        line_part(line, " ", "‘", work->texts[WORK_TITLE], "’");
}

void style_harvard(struct line *line, const struct work *work)
{
    bool named = work_leading(work)->count > 0;
    people_put(line, work_leading(work), &harvard_names);
    put_editors_mark(line, work, " (ed.)", " (eds)");
    if (!named)
        harvard_title(line, work);
    line_part(line, " ", "(", has(work, WORK_YEAR) ? work->texts[WORK_YEAR] : "n.d.", ")");
    if (named)
        harvard_title(line, work);
    if (is_book_like(work)) {
        line_part(line, ". ", "", work->texts[WORK_EDITION], " edn");
        put_kind(line, work, ". ", " ");
        put_publisher(line, work, ". ");
        line_part(line, ", ", pages_prefix(work), work->texts[WORK_PAGES], "");
    } else if (is_part(work) && has(work, WORK_CONTAINER)) {
        harvard_part(line, work);
        line_part(line, ". ", "", work->texts[WORK_EDITION], " edn");
        line_part(line, ", ", "vol. ", work->texts[WORK_VOLUME], "");
        put_publisher(line, work, ". ");
        line_part(line, ", ", pages_prefix(work), work->texts[WORK_PAGES], "");
    } else {
        line_part_italic(line, ", ", "", work->texts[WORK_CONTAINER], "");
        line_part(line, ", ", "", work->texts[WORK_VOLUME], "");
        line_part(line, has(work, WORK_VOLUME) ? "" : ", ", "(", work->texts[WORK_ISSUE], ")");
        if (work->kind != WORK_ARTICLE)
            put_publisher(line, work, ", ");
        harvard_date(line, work);
        line_part(line, ", ", pages_prefix(work), work->texts[WORK_PAGES], "");
    }
    line_stop(line);
    if (has(work, WORK_DOI))
        line_part(line, " ", "doi: ", work->texts[WORK_DOI], "");
    else
        line_part(line, " ", "Available at: ", work->texts[WORK_URL], "");
    line_stop(line);
}
