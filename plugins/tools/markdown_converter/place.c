/* SPDX-License-Identifier: Apache-2.0
 * Lines of what md4c tells. Its texts point into the source; where a link or a block has no text,
 * the next place in the source that looks like it is searched, behind the last text. */
#include "markdown.h"

#define SCANS_MAX 8 /* times that the whole source may be searched over */

bool place_has(const struct place *place, const char *text)
{
    return text >= place->text && text < place->text + place->size;
}

static bool ends_line(const struct place *place, size_t at)
{
    char c = place->text[at];
    return c == '\n' || (c == '\r' && (at + 1 == place->size || place->text[at + 1] != '\n'));
}

size_t place_line(struct place *place, size_t offset)
{
    for (; place->counted < offset; place->counted++)
        place->breaks += ends_line(place, place->counted);
    while (place->counted > offset)
        place->breaks -= ends_line(place, --place->counted);
    return place->breaks + 1;
}

size_t place_bracket(const struct place *place, size_t *at)
{
    while (*at > place->at && place->text[*at - 1] &&
           strchr(" \t\r\n*_~`[!>\\", place->text[*at - 1]))
        if (place->text[--*at] == '[')
            return *at;
    return SIZE_MAX;
}

size_t place_empty_brackets(struct place *place)
{
    size_t at = place->at, start;
    while (!place->no_empty && at < place->size) {
        const char *bracket = memchr(place->text + at, '[', place->size - at);
        if (!bracket)
            break;
        start = (size_t)(bracket - place->text);
        for (at = start + 1; at < place->size && memchr(" \t\r\n", place->text[at], 4);)
            at++;
        if (at < place->size && place->text[at] == ']') {
            place->at = at;
            return place_line(place, start);
        }
    }
    place->no_empty = true;
    return place_line(place, place->at);
}

static size_t line_end(const struct place *place, size_t at)
{
    while (at < place->size && !ends_line(place, at))
        at++;
    return at;
}

/* Behind blanks and the marks of quotes and items. */
static size_t skip_containers(const struct place *place, size_t at)
{
    for (; at < place->size; at++) {
        char c = place->text[at];
        bool number = (c >= '0' && c <= '9') || c == '.' || c == ')';
        if (!number && !(c && strchr(" \t>-+*", c)))
            break;
    }
    return at;
}

static size_t count_marks(const struct place *place, size_t at, char mark)
{
    size_t count = 0;
    while (at + count < place->size && place->text[at + count] == mark)
        count++;
    return count;
}

size_t place_marked_line(struct place *place, char mark, size_t count)
{
    size_t at = place->at;
    if (at > 0 && !ends_line(place, at - 1))
        at = line_end(place, at) + 1;
    while (at < place->size && place->scanned / SCANS_MAX <= place->size) {
        size_t start = skip_containers(place, at), end = line_end(place, at);
        if (start < end && count_marks(place, start, mark) >= count) {
            place->at = end;
            return place_line(place, at);
        }
        place->scanned += end + 1 - at;
        at = end + 1;
    }
    return place_line(place, place->at);
}

void place_skip_fence(struct place *place, char mark)
{
    size_t at = place->at;
    if (at > 0 && !ends_line(place, at - 1))
        at = line_end(place, at) + 1;
    if (at >= place->size)
        return;
    if (count_marks(place, skip_containers(place, at), mark) >= 3)
        place->at = line_end(place, at);
}
