/* SPDX-License-Identifier: Apache-2.0
 * What the files of rich display share: MIME bundles (bundle.c, mime.c), images (image.c) and
 * tables of records (records*.c). The globals over them are in display.c and displaylib.c. */
#ifndef LUA_RUNTIME_DISPLAY_H
#define LUA_RUNTIME_DISPLAY_H

#include "state.h"
#include "text.h"

#define DISPLAY_BYTES 67108864  /* of all values of one bundle, and of an image file */
#define DISPLAY_JSON 134217728  /* of memory that a JSON value or metadata takes */
#define DISPLAY_SOURCE 4096     /* bytes of HTML, JSON … that stand in text/plain as they are */
#define DISPLAY_TYPE_MAX 128    /* bytes of a MIME type */
#define DISPLAY_VALUE "Display" /* metatable of what Display.html(…) and the others give */

/* ---- mime.c ---- */
enum mime_kind { MIME_TEXT, MIME_JSON, MIME_BINARY, MIME_OTHER };

int mime_is_type(const char *type, size_t size);
enum mime_kind mime_kind(const char *type);
/* Sets data[type] to the value at index in its form on the wire: text, a JSON value or base64.
 * *left: bytes that the bundle may still take. Raises an error that names the type. */
void mime_set(lua_State *L, json_t *data, const char *type, int index, size_t *left);
/* Raises if the type is that of an image and data is none: neither its bytes nor their base64. */
void mime_check(lua_State *L, const char *type, const char *data, size_t size);
/* What stands for a value where only text is shown: its source, or "<png 120×80, 3.1 KiB>". */
void mime_describe(const char *type, const char *value, size_t size, struct text *out);

/* ---- image.c ---- */
struct image {
    const char *name;       /* "png" */
    unsigned width, height; /* 0: unknown */
};

/* The kind of image that the type names, NULL if it is none that we know: "png" of image/png. */
const char *image_name(const char *type);
/* -1: data is not what the type says. */
int image_look(const char *type, const char *data, size_t size, struct image *ret_image);
/* True if data is the base64 text of such an image. */
int image_is_base64(const char *type, const char *data, size_t size);

/* ---- bundle.c ---- */
/* Is it a table whose keys are all MIME types? */
int bundle_is(lua_State *L, int index);
/* A new {"data", "metadata"} of such a table, with text/plain; the caller owns it, and hands it on
 * before it calls Lua again. Raises if a value does not suit its type. */
json_t *bundle_raw(lua_State *L, int index);

/* ---- records.c, records_html.c, records_text.c ---- */
struct records_cell {
    uint32_t start, size; /* in text */
    int number;
};

/* Rows that are records (string keys) or lists. What is not noted otherwise is set by
 * records_survey; stack indexes stay valid until the caller's lua_settop. */
struct records {
    int rows;               /* stack index; set by the caller */
    size_t max_rows;        /* that are shown; set by the caller */
    int columns_given;      /* stack index of an array of names, or 0; set by the caller */
    size_t count;           /* rows in all */
    int lists;              /* rows are arrays */
    int objects;            /* a row has __tostring or __display */
    int nested;             /* a list holds a table, a function … */
    int names;              /* stack index of an array: the columns' names */
    size_t columns, hidden; /* columns that are shown, that are not */
    int headed;             /* there are names to be shown */
    const char *fault;      /* why it is no table, with the row */
    size_t fault_row;
    size_t shown;               /* rows in cells; by records_read */
    struct text *text;          /* by records_read */
    struct records_cell *cells; /* shown × columns; by records_read */
};

#define RECORDS_ROWS 100   /* that are shown unless told otherwise */
#define RECORDS_COLUMNS 50 /* that are shown unless told otherwise */
#define RECORDS_KEYS 1000  /* columns of a row */
#define RECORDS_CELLS 200000
#define RECORDS_BYTES 8388608 /* of all cells */
#define RECORDS_CELL 500      /* bytes of one cell */

int records_survey(lua_State *L, struct records *records); /* -1: no table, see fault */
void records_read(lua_State *L, struct records *records);
void records_html(lua_State *L, const struct records *records, struct text *out);
void records_text(lua_State *L, const struct records *records, struct text *out);
/* "… 900 more rows, 2 more columns"; nothing if all is shown. */
void records_more(const struct records *records, struct text *out);

#endif
