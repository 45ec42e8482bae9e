/* SPDX-License-Identifier: Apache-2.0
 * What the sources of citation_formatter share. Everything that is read becomes a list of CSL-JSON
 * items; a style sees one of them as a struct work, and writes it as a struct line. */
#ifndef CITATION_FORMATTER_CITATION_H
#define CITATION_FORMATTER_CITATION_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/text_buffer.h"

#define ENTRIES_MAX 100000u
#define TEXT_MAX (64u << 20) /* bytes of all values of a library, and of a result */

/* ---- library.c ---- */

struct library {
    struct llmspell_call *call;
    const char *pointer; /* "/input", "/path" or "/items" */
    bool tolerant;       /* keep problems of the syntax in errors instead of failing */
    bool is_bibtex;
    json_t *items;    /* CSL-JSON */
    json_t *entries;  /* BibTeX as it stands: [{type, key, line, fields: {name: [value, line]},
                         broken?}] */
    json_t *errors;   /* [{key, field, line?, message}] */
    json_t *warnings; /* the same */
};
int32_t library_load(struct llmspell_call *call, const json_t *params, struct library *ret);
void library_clear(struct library *library);
#define CLEANUP_LIBRARY __attribute__((cleanup(library_clear)))

/* Adds {key, field, line?, message} to a list; line 0 is left out. Returns 0 or LLMSPELL_ENOMEM
 * with the error set. */
__attribute__((format(printf, 6, 7))) int32_t library_note(const struct library *library,
                                                           json_t *list, const char *key,
                                                           const char *field, size_t line,
                                                           const char *format, ...);

/* ---- bibtex.c, bibtex_items.c, bibtex_names.c, bibtex_write.c ---- */

/* Fills entries: macros expanded, values in LaTeX. */
int32_t bibtex_read(struct library *library, const char *text, size_t size);
/* Makes items of entries, cross references resolved. */
int32_t bibtex_items(struct library *library);
/* CSL names of "A and B"; NULL: out of memory. */
json_t *bibtex_names(const char *text);
/* The value of a field; NULL if it has none. */
const char *bibtex_field(const json_t *entry, const char *name);
/* The number of a month: "5", "may", "May"; 0: none. */
int bibtex_month(const char *text);
/* Reads YYYY[-MM[-DD]]; the rest of the text may be a range. False: no date. */
bool bibtex_date(const char *text, int ret_parts[3], int *ret_count);
void bibtex_write(struct text_buffer *out, const json_t *item);

/* ---- latex.c ---- */

/* A text of LaTeX as Unicode, without braces, white space collapsed. NULL: out of memory. */
json_t *latex_text(const char *text, size_t size);
/* An address: only escapes and braces are taken away. */
json_t *latex_address(const char *text, size_t size);
/* Adds a text with what LaTeX takes for marks escaped. */
void latex_put(struct text_buffer *out, const char *text);

/* ---- work.c ---- */

enum work_kind {
    WORK_ARTICLE,
    WORK_BOOK,
    WORK_CHAPTER,
    WORK_PAPER,
    WORK_THESIS,
    WORK_REPORT,
    WORK_WEB,
    WORK_OTHER
};

/* Members are "" where there is nothing. */
struct person {
    const char *family, *given, *particle, *suffix;
    const char *literal; /* of a body, or a name of one piece */
};
struct people {
    struct person *list;
    size_t count;
    bool others; /* and others */
};

enum work_text {
    WORK_TITLE,
    WORK_CONTAINER,
    WORK_PUBLISHER,
    WORK_PLACE,
    WORK_VOLUME,
    WORK_ISSUE,
    WORK_PAGES, /* with en dashes */
    WORK_EDITION,
    WORK_YEAR, /* or a word such as "in press" */
    WORK_DOI,
    WORK_URL,
    WORK_GENRE,
    WORK_NUMBER,
    WORK_TEXTS
};
struct work {
    enum work_kind kind;
    char *texts[WORK_TEXTS]; /* never NULL */
    int year, month, day;    /* 0: none */
    bool one_page;
    struct people authors, editors;
};
/* What an item says; false: out of memory. */
bool work_read(const json_t *item, struct work *ret);
void work_clear(struct work *work);
/* Whoever stands first: the authors, or else the editors if the work is no part of another. */
const struct people *work_leading(const struct work *work);
#define CLEANUP_WORK __attribute__((cleanup(work_clear)))

/* The parts of CSL's `issued`; 0: it has none. *ret_text: what it says in words; may be NULL. */
int work_date(const json_t *issued, int ret_parts[3], const char **ret_text);
/* A member as text: numbers too. malloc'ed; NULL: out of memory. */
char *member_text(const json_t *item, const char *key);
const char *month_name(int month);

/* ---- line.c ---- */

enum markup { MARKUP_TEXT, MARKUP_HTML, MARKUP_MARKDOWN };

/* One citation being written. */
struct line {
    struct text_buffer out;
    enum markup markup;
    char last;  /* the last character, if it is ASCII */
    bool fresh; /* a sentence ended: the next part comes after a blank */
};
void line_put(struct line *line, const char *text);
void line_italic(struct line *line, const char *text);
/* sep prefix text suffix, if there is a text; the separator not at the start, and a blank where a
 * sentence ended. No full stop follows another one or ? or !. */
void line_part(struct line *line, const char *sep, const char *prefix, const char *text,
               const char *suffix);
void line_part_italic(struct line *line, const char *sep, const char *prefix, const char *text,
                      const char *suffix);
/* Ends a sentence: a full stop if it needs one. */
void line_stop(struct line *line);
/* The same, where a quoted title with a comma may be the last part: that becomes a full stop. */
void line_end(struct line *line);
/* A sentence in quotation marks, with its full stop or comma within. */
void line_quoted(struct line *line, const char *title, char mark);

/* ---- people.c ---- */

enum name_form {
    NAME_APA,      /* Doe, J. A. */
    NAME_INVERTED, /* Doe, Jane A. */
    NAME_FULL,     /* Jane A. Doe */
    NAME_IEEE,     /* J. A. Doe */
    NAME_HARVARD,  /* Doe, J.A. */
    NAME_VANCOUVER /* Doe JA */
};
/* NULL: out of memory. */
char *person_name(const struct person *person, enum name_form form);
const char *person_short(const struct person *person, char *buffer, size_t size);

/* How a list of names is joined. */
struct name_list {
    enum name_form first, rest;
    const char *between, *last_of_two, *last; /* ", ", " and ", ", and " */
    size_t max, shown;                        /* over max: so many, then et_al */
    const char *et_al;
    bool last_shown; /* after et_al */
};
void people_put(struct line *line, const struct people *people, const struct name_list *how);

/* ---- styles ---- */

void style_apa(struct line *line, const struct work *work);
void style_mla(struct line *line, const struct work *work);
void style_chicago(struct line *line, const struct work *work);
void style_harvard(struct line *line, const struct work *work);
void style_ieee(struct line *line, const struct work *work);
void style_vancouver(struct line *line, const struct work *work);
/* "p. " or "pp. " */
static inline const char *pages_prefix(const struct work *work)
{
    return work->one_page ? "p. " : "pp. ";
}
static inline bool has(const struct work *work, enum work_text text)
{
    return *work->texts[text] != '\0';
}

/* ---- the operations ---- */

int32_t op_format(struct library *library, const json_t *params, json_t **ret_result);
int32_t op_validate(struct library *library, const json_t *params, json_t **ret_result);
int32_t op_convert(struct library *library, const json_t *params, json_t **ret_result);
int32_t op_list_styles(struct llmspell_call *call, json_t **ret_result);

static inline int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

#endif
