/* SPDX-License-Identifier: Apache-2.0
 * The operation apply_text: a unified diff of one file, with exact context. A hunk may have moved
 * by up to 1000 lines. */
#include "diff.h"

#include "../shared/text_input.h"

#define OFFSET_MAX 1000

struct patch {
    struct llmspell_call *call;
    struct pieces lines; /* of the patch */
    size_t at;           /* the next of them */
    const struct pieces *input;
    size_t done;    /* lines of the input that are in the output */
    int64_t offset; /* of the last hunk */
    struct output *out;
    json_int_t hunks;
};

/* A hunk: its old and new lines, with or without their newlines. */
struct hunk {
    size_t old_from, old_count, new_count; /* as its head says; old_from from 1 */
    struct pieces old, new;
    size_t line; /* of its head in the patch, from 1 */
};

static void hunk_clear(struct hunk *hunk)
{
    pieces_clear(&hunk->old);
    pieces_clear(&hunk->new);
}

static int32_t malformed(const struct patch *patch, size_t line, const char *what)
{
    return llmspell_fail_at(patch->call, LLMSPELL_EPARSE, "/patch",
                            "line %zu of the patch is wrong: %s", line + 1, what);
}

static bool begins(struct span line, const char *text)
{
    size_t size = strlen(text);
    return line.size >= size && memcmp(line.data, text, size) == 0;
}

/* ---- the head: @@ -l,c +l,c @@ ---- */

static bool take_text(struct span *text, const char *wanted)
{
    size_t size = strlen(wanted);
    if (!begins(*text, wanted))
        return false;
    text->data += size;
    text->size -= size;
    return true;
}

static bool take_number(struct span *text, size_t *ret)
{
    size_t value = 0, digits = 0;
    while (text->size > 0 && *text->data >= '0' && *text->data <= '9' && digits < 10) {
        value = value * 10 + (size_t)(*text->data - '0');
        text->data++;
        text->size--;
        digits++;
    }
    *ret = value;
    return digits > 0;
}

static bool take_range(struct span *text, const char *sign, size_t *ret_from, size_t *ret_count)
{
    *ret_count = 1;
    return take_text(text, sign) && take_number(text, ret_from) &&
           (!take_text(text, ",") || take_number(text, ret_count));
}

static bool parse_head(struct span line, struct hunk *hunk)
{
    size_t new_from = 0;
    return take_text(&line, "@@ ") && take_range(&line, "-", &hunk->old_from, &hunk->old_count) &&
           take_range(&line, " +", &new_from, &hunk->new_count) && take_text(&line, " @@") &&
           (hunk->old_from > 0 || hunk->old_count == 0);
}

/* ---- the body ---- */

/* A line "\ No newline at end of file" takes the newline off the line before it. */
static void take_newline_off(struct pieces *lines)
{
    if (lines->count > 0)
        lines->items[lines->count - 1] = line_body(lines->items[lines->count - 1]);
}

static int32_t add_body_line(struct patch *patch, struct hunk *hunk, struct span line)
{
    char sign = line_body(line).size ? line.data[0] : ' ';
    struct span text = line.data[0] == sign ? (struct span){line.data + 1, line.size - 1} : line;
    int32_t rc = 0;
    if (sign != ' ' && sign != '-' && sign != '+')
        return malformed(patch, patch->at, "it begins with none of space, -, +");
    if (sign != '+')
        rc = pieces_add(patch->call, &hunk->old, text);
    if (rc == 0 && sign != '-')
        rc = pieces_add(patch->call, &hunk->new, text);
    if (hunk->old.count > hunk->old_count || hunk->new.count > hunk->new_count)
        return malformed(patch, patch->at, "the hunk has more lines than its head says");
    return rc;
}

static void mark_incomplete(struct hunk *hunk, char sign)
{
    if (sign != '+')
        take_newline_off(&hunk->old);
    if (sign != '-')
        take_newline_off(&hunk->new);
}

static int32_t parse_body(struct patch *patch, struct hunk *hunk)
{
    char sign = ' ';
    for (; patch->at < patch->lines.count; patch->at++) {
        struct span line = patch->lines.items[patch->at];
        if (begins(line, "\\")) {
            mark_incomplete(hunk, sign);
            continue;
        }
        if (hunk->old.count == hunk->old_count && hunk->new.count == hunk->new_count)
            return 0;
        int32_t rc = add_body_line(patch, hunk, line);
        if (rc < 0)
            return rc;
        sign = line.data[0];
    }
    if (hunk->old.count < hunk->old_count || hunk->new.count < hunk->new_count)
        return malformed(patch, hunk->line, "the hunk has fewer lines than its head says");
    return 0;
}

/* ---- application ---- */

static bool fits(const struct patch *patch, const struct hunk *hunk, int64_t at)
{
    if (at < (int64_t)patch->done || at + (int64_t)hunk->old.count > (int64_t)patch->input->count)
        return false;
    for (size_t i = 0; i < hunk->old.count; i++) {
        struct span wanted = hunk->old.items[i], is = patch->input->items[(size_t)at + i];
        if (wanted.size != is.size || memcmp(wanted.data, is.data, is.size) != 0)
            return false;
    }
    return true;
}

/* Lines without a newline can only come last. */
static bool ends_well(const struct patch *patch, const struct hunk *hunk, int64_t at)
{
    size_t count = patch->input->count;
    bool last = at + (int64_t)hunk->old.count == (int64_t)count;
    if (last && hunk->old.count == 0 && count > 0)
        return line_is_complete(patch->input->items[count - 1]);
    return last || hunk->new.count == 0 || line_is_complete(hunk->new.items[hunk->new.count - 1]);
}

/* The nearest place: 0, +1, -1, +2 … */
static int32_t find_place(struct patch *patch, const struct hunk *hunk, size_t *ret_at)
{
    int64_t expected = (int64_t)hunk->old_from - (hunk->old_count > 0) + patch->offset;
    int64_t range = hunk->old_count > 0 ? OFFSET_MAX : 0; /* nothing to search for */
    for (int64_t distance = 0; distance <= range; distance++) {
        for (int sign = 1; sign >= (distance ? -1 : 1); sign -= 2) {
            int64_t at = expected + sign * distance;
            if (!fits(patch, hunk, at) || !ends_well(patch, hunk, at))
                continue;
            patch->offset += at - expected;
            *ret_at = (size_t)at;
            return 0;
        }
        int32_t stop = llmspell_cancelled(patch->call);
        if (stop < 0)
            return stop;
    }
    return llmspell_fail_at(patch->call, LLMSPELL_EFAILED, "/patch",
                            "hunk %lld of the patch (its line %zu) does not fit the text within "
                            "%d lines of line %lld",
                            (long long)patch->hunks + 1, hunk->line + 1, OFFSET_MAX,
                            (long long)hunk->old_from);
}

static void copy_lines(struct output *out, const struct pieces *lines, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        output_span(out, lines->items[i]);
}

static int32_t apply(struct patch *patch, const struct hunk *hunk)
{
    size_t at = 0;
    int32_t rc = find_place(patch, hunk, &at);
    if (rc < 0)
        return rc;
    copy_lines(patch->out, patch->input, patch->done, at);
    copy_lines(patch->out, &hunk->new, 0, hunk->new.count);
    patch->done = at + hunk->old.count;
    patch->hunks++;
    return 0;
}

/* Lines between hunks are the head of the patch, or text that belongs to no hunk. */
static int32_t check_between(struct patch *patch, struct span line)
{
    if (patch->hunks == 0)
        return 0;
    if (begins(line, "--- ") || begins(line, "diff ") || begins(line, "Index: "))
        return malformed(patch, patch->at, "it begins the patch of another file");
    bool signature = line_body(line).size == 3 && begins(line, "-- "); /* of git format-patch */
    if (!signature && line_body(line).size > 0 && memchr(" +-", line.data[0], 3))
        return malformed(patch, patch->at, "the hunk has more lines than its head says");
    return 0;
}

static int32_t apply_all(struct patch *patch)
{
    bool any = false;
    while (patch->at < patch->lines.count) {
        struct span line = patch->lines.items[patch->at];
        __attribute__((cleanup(hunk_clear))) struct hunk hunk = {.line = patch->at};
        any |= line_body(line).size > 0;
        int32_t rc = 0;
        if (!begins(line, "@@")) {
            rc = check_between(patch, line);
            patch->at++;
        } else if (!parse_head(line, &hunk)) {
            rc = malformed(patch, patch->at, "@@ -line,count +line,count @@ is expected");
        } else {
            patch->at++;
            rc = parse_body(patch, &hunk);
            if (rc == 0)
                rc = apply(patch, &hunk);
        }
        if (rc < 0)
            return rc;
    }
    if (any && patch->hunks == 0)
        return llmspell_fail_at(patch->call, LLMSPELL_EPARSE, "/patch",
                                "the patch has no hunk: a unified diff is expected");
    copy_lines(patch->out, patch->input, patch->done, patch->input->count);
    return output_check(patch->call, patch->out);
}

int32_t run_apply_text(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_TEXT_INPUT struct text_input input = {0};
    CLEANUP_PIECES struct pieces lines = {NULL, 0, 0};
    CLEANUP_OUTPUT struct output out = {0};
    struct patch patch = {.call = call, .input = &lines, .out = &out};
    struct span text = {llmspell_string(params, "patch"), llmspell_string_length(params, "patch")};
    int32_t rc = text_input_load(call, params, "input", "path", SIDE_BYTES_MAX, &input);
    if (rc == 0)
        rc = pieces_lines(call, (struct span){input.data, input.size}, &lines);
    if (rc == 0)
        rc = pieces_lines(call, text, &patch.lines);
    if (rc == 0)
        rc = apply_all(&patch);
    pieces_clear(&patch.lines);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result,
                           json_pack("{s:s%, s:I}", "output", out.data ? out.data : "", out.size,
                                     "hunks_applied", patch.hunks));
}
