/* SPDX-License-Identifier: Apache-2.0
 * search: the text of files. Files are read whole and searched in large pieces; lines are looked
 * for only where something was found. */
#include <dirent.h>

#include "../shared/file_values.h"
#include "content.h"
#include "file_search.h"
#include "matcher.h"

#define SHOWN_POINTS 2000          /* of a line and of a match */
#define OUTPUT_MAX (10u << 20)     /* bytes of lines and matches in a result */
#define WATCHED_WINDOW (64u << 10) /* bytes that are searched at once with a watch */
#define NEEDLE_WINDOW (4u << 20)   /* bytes between two looks at the cancel flag */

struct search {
    struct llmspell_call *call;
    struct matcher matcher;
    json_t *matches;
    struct content content;
    size_t limit, per_file, context;
    bool count_only, full; /* full: the list has as many as it may */
    size_t total, files_matched, files_searched, files_skipped, output;
};

/* The file that is searched. */
struct text {
    struct search *search;
    const char *path, *data;
    size_t size;
    bool ascii;
    size_t found;               /* matches in this file */
    size_t line, line_position; /* the line that this byte is in */
    struct place {
        size_t start, feed; /* the line of the last match, */
        size_t at, points;  /* where that began, and characters in front of it */
        bool known;
    } place;
};

static int32_t no_memory(const struct search *search)
{
    return llmspell_fail(search->call, LLMSPELL_ENOMEM, "out of memory");
}

/* ---- what was found ---- */

static size_t count_points(const struct text *text, size_t from, size_t to)
{
    size_t count = 0;
    if (text->ascii)
        return to - from;
    for (size_t i = from; i < to; i++)
        count += ((unsigned char)text->data[i] & 0xC0) != 0x80;
    return count;
}

static size_t line_start(const struct text *text, size_t at)
{
    const char *newline = at ? memrchr(text->data, '\n', at) : NULL;
    return newline ? (size_t)(newline - text->data) + 1 : 0;
}

/* Where the line ends, at its line feed or at the end of the text. */
static size_t line_feed(const struct text *text, size_t at)
{
    const char *newline = memchr(text->data + at, '\n', text->size - at);
    return newline ? (size_t)(newline - text->data) : text->size;
}

/* The same without the CR of a CRLF. */
static size_t line_end(const struct text *text, size_t start, size_t feed)
{
    return feed < text->size && feed > start && text->data[feed - 1] == '\r' ? feed - 1 : feed;
}

/* A string of at most SHOWN_POINTS characters. */
static json_t *shown_text(struct text *text, size_t from, size_t to)
{
    size_t end = from, points = 0;
    while (end < to && (points < SHOWN_POINTS || ((unsigned char)text->data[end] & 0xC0) == 0x80)) {
        points += ((unsigned char)text->data[end] & 0xC0) != 0x80;
        end++;
    }
    text->search->output += end - from;
    return json_stringn_nocheck(text->data + from, end - from);
}

/* Lines in front of the one that starts at `start`. */
static json_t *lines_before(struct text *text, size_t start)
{
    LLMSPELL_CLEANUP_JSON json_t *lines = json_array();
    size_t at = start, count = 0;
    for (; at > 0 && count < text->search->context; count++)
        at = line_start(text, at - 1);
    while (at < start) {
        size_t feed = line_feed(text, at);
        if (json_array_append_new(lines, shown_text(text, at, line_end(text, at, feed))) != 0)
            return NULL;
        at = feed + 1;
    }
    return llmspell_steal_json(&lines);
}

static json_t *lines_after(struct text *text, size_t feed)
{
    LLMSPELL_CLEANUP_JSON json_t *lines = json_array();
    for (size_t i = 0; i < text->search->context && feed + 1 < text->size; i++) {
        size_t at = feed + 1;
        feed = line_feed(text, at);
        if (json_array_append_new(lines, shown_text(text, at, line_end(text, at, feed))) != 0)
            return NULL;
    }
    return llmspell_steal_json(&lines);
}

static void count_lines(struct text *text, size_t start)
{
    const char *at = text->data + text->line_position, *end = text->data + start;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        text->line++;
        at++;
    }
    text->line_position = start;
}

/* Matches come in order: on a long line each goes on from the one before. */
static void find_place(struct text *text, size_t from)
{
    struct place *place = &text->place;
    if (!place->known || from < place->at || from > place->feed) {
        size_t start = line_start(text, from);
        *place = (struct place){start, line_feed(text, from), start, 0, true};
        count_lines(text, start);
    }
    place->points += count_points(text, place->at, from);
    place->at = from;
}

static json_t *match_value(struct text *text, size_t from, size_t to)
{
    find_place(text, from);
    size_t start = text->place.start, feed = text->place.feed;
    bool context = text->search->context > 0;
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o*, s:o*}", "path",
                     clean_text(text->path, strlen(text->path), false), "line",
                     (json_int_t)text->line, "column", (json_int_t)text->place.points + 1, "text",
                     shown_text(text, start, line_end(text, start, feed)), "match",
                     shown_text(text, from, to), "before",
                     context ? lines_before(text, start) : NULL, "after",
                     context ? lines_after(text, feed) : NULL);
}

/* Counts a match and puts it into the list. 0, WALK_END: enough of this file, or a code. */
static int32_t add_match(struct text *text, size_t from, size_t to)
{
    struct search *search = text->search;
    search->total++;
    text->found++;
    if (!search->count_only && !search->full) {
        search->full =
            json_array_size(search->matches) == search->limit || search->output > OUTPUT_MAX;
        if (!search->full &&
            json_array_append_new(search->matches, match_value(text, from, to)) != 0)
            return no_memory(search);
    }
    return search->per_file && text->found == search->per_file ? WALK_END : 0;
}

/* ---- searching ---- */

/* Watched wherever the pattern is dear, or the piece too long for a cheap one. */
static bool needs_watch(const struct matcher *matcher, size_t size)
{
    return !matcher->cost.cheap || (!matcher->multiline && size > 2 * matcher->window);
}

/* All matches of one line [start, feed), the first not before `from`. An empty match counts once,
 * and only if the line has no other. */
static int32_t search_line(struct text *text, size_t start, size_t feed, size_t from)
{
    struct matcher *matcher = &text->search->matcher;
    struct subject line = {.data = text->data + start,
                           .size = line_end(text, start, feed) - start,
                           .ascii = text->ascii,
                           .watched = needs_watch(matcher, feed - start)};
    size_t at = from - start < line.size ? from - start : line.size, first = 0, s = 0, e = 0;
    bool empty = false, found = false, after_empty = false;
    int32_t rc;
    while ((rc = matcher_find(matcher, &line, at, after_empty, &s, &e)) > 0) {
        if (e < at || s > e) /* \K can say strange things */
            break;
        after_empty = s == e;
        if (s < e) {
            found = true;
            rc = add_match(text, start + s, start + e);
            if (rc != 0)
                return rc;
        } else if (!empty) {
            empty = true;
            first = s;
        }
        at = e;
    }
    if (rc >= 0 && empty && !found)
        return add_match(text, start + first, start + first);
    return rc < 0 ? rc : 0;
}

/* A piece of the text that ends with a line. A regular expression may have matched over a line end:
 * the line that it starts in decides, by itself. */
static int32_t search_piece(struct text *text, size_t at, size_t end)
{
    struct matcher *matcher = &text->search->matcher;
    bool feed_last = end > at && text->data[end - 1] == '\n' && !matcher->multiline;
    struct subject piece = {.data = text->data,
                            .size = end - feed_last,
                            .ascii = text->ascii,
                            .watched = needs_watch(matcher, end - at)};
    while (at <= piece.size) {
        size_t s, e;
        int32_t rc = matcher_find(matcher, &piece, at, false, &s, &e);
        if (rc <= 0)
            return rc;
        if (matcher->literal) {
            rc = add_match(text, s, e);
            at = e;
        } else {
            size_t feed = line_feed(text, s);
            rc = search_line(text, line_start(text, s), feed, s);
            at = feed + 1;
        }
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int32_t search_pieces(struct text *text)
{
    const struct matcher *matcher = &text->search->matcher;
    size_t window = matcher->multiline    ? text->size
                    : matcher->cost.cheap ? matcher->window
                                          : WATCHED_WINDOW;
    for (size_t at = 0, end; at < text->size; at = end) {
        int32_t rc = llmspell_cancelled(text->search->call);
        end = text->size - at > window ? line_feed(text, at + window - 1) + 1 : text->size;
        end = end < text->size ? end : text->size;
        if (rc == 0)
            rc = search_piece(text, at, end);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int32_t search_lines(struct text *text)
{
    for (size_t at = 0; at < text->size;) {
        size_t feed = line_feed(text, at);
        int32_t rc = llmspell_cancelled(text->search->call);
        if (rc == 0)
            rc = search_line(text, at, feed, at);
        if (rc != 0)
            return rc;
        at = feed + 1;
    }
    return 0;
}

/* Where the needle is next, at `at` or behind; the end of the text if nowhere. */
static int32_t next_needle(const struct text *text, size_t at, size_t *ret_at)
{
    const struct needle *needle = &text->search->matcher.needle;
    for (; text->size - at >= needle->size; at += NEEDLE_WINDOW) {
        size_t left = text->size - at, window = NEEDLE_WINDOW + needle->size - 1;
        const char *found =
            memmem(text->data + at, left < window ? left : window, needle->text, needle->size);
        int32_t stop = llmspell_cancelled(text->search->call);
        *ret_at = found ? (size_t)(found - text->data) : text->size;
        if (found || stop < 0 || left < NEEDLE_WINDOW)
            return stop;
    }
    *ret_at = text->size;
    return 0;
}

/* Only the lines with the needle. */
static int32_t search_needles(struct text *text)
{
    size_t at = 0;
    int32_t rc = 0;
    while (rc == 0 && (rc = next_needle(text, at, &at)) == 0 && at < text->size) {
        size_t start = line_start(text, at), feed = line_feed(text, at);
        rc = search_line(text, start, feed, start);
        at = feed < text->size ? feed + 1 : text->size;
    }
    return rc;
}

/* ---- files ---- */

static int32_t search_text(struct text *text)
{
    const struct matcher *matcher = &text->search->matcher;
    if (matcher->needle.size)
        return search_needles(text);
    return matcher->cost.whole ? search_pieces(text) : search_lines(text);
}

static int32_t search_fd(struct walk *walk, int fd, const char *path)
{
    struct search *search = walk->context;
    struct text text = {.search = search, .path = path, .line = 1};
    int32_t rc = content_read(&search->content, fd);
    if (rc < 0)
        return rc;
    text.data = search->content.data;
    text.size = search->content.size;
    text.ascii = search->content.ascii;
    if (rc == 0) {
        search->files_skipped++;
        return 0;
    }
    search->files_searched++;
    rc = search_text(&text);
    search->files_matched += text.found > 0;
    if (search->files_searched % 128 == 0)
        walk->call->host->progress(walk->call, (double)search->files_searched, 0, path);
    return rc < 0 ? rc : 0;
}

static int32_t visit_search(struct walk *walk, const struct found *found)
{
    struct search *search = walk->context;
    if (found->fd >= 0)
        return search_fd(walk, found->fd, found->path);
    if (found->type != DT_REG)
        return 0;
    LLMSPELL_CLEANUP_CLOSE int fd = openat(
        found->folder, found->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        return search_fd(walk, fd, found->path);
    search->files_skipped += errno != ENOENT; /* unless it is gone by now */
    return 0;
}

static json_t *search_result(const struct search *search)
{
    return json_pack("{s:O, s:{s:I, s:I, s:I, s:I}, s:b}", "matches", search->matches, "summary",
                     "total_matches", (json_int_t)search->total, "files_matched",
                     (json_int_t)search->files_matched, "files_searched",
                     (json_int_t)search->files_searched, "files_skipped",
                     (json_int_t)search->files_skipped, "truncated", search->full);
}

int32_t search_run(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *matches = json_array();
    struct search search = {.call = call,
                            .matches = matches,
                            .limit = (size_t)llmspell_integer(params, "limit", 1000),
                            .per_file = (size_t)llmspell_integer(params, "max_matches_per_file", 0),
                            .context = (size_t)llmspell_integer(params, "context_lines", 0),
                            .count_only = llmspell_bool(params, "count_only", 0)};
    search.content.call = call;
    search.content.max_size = (size_t)llmspell_integer(params, "max_file_size", 10485760);
    struct walk walk = {.context = &search, .visit = visit_search};
    int32_t rc = matches ? walk_init(&walk, call, params) : no_memory(&search);
    if (rc == 0)
        rc = matcher_init(&search.matcher, call, params);
    if (rc == 0)
        rc = walk_run(&walk);
    search.files_skipped += walk.skipped;
    if (rc == 0)
        rc = llmspell_return(call, ret_result, search_result(&search));
    matcher_clear(&search.matcher);
    walk_clear(&walk);
    content_clear(&search.content);
    return rc;
}
