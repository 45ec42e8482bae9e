/* SPDX-License-Identifier: Apache-2.0
 * Names of entries: as UTF-8, tidied up, and judged. */
#include "archive_handler.h"

#define NAME_BYTES_MAX 4000u /* the target folder comes before it, and PATH_MAX is 4,096 */
#define COMPONENT_BYTES_MAX 255u

/* Code page 437 from 0x80 on: what zip says names are in that are not marked as UTF-8. */
static const uint16_t cp437[128] = {
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF,
    0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9,
    0x00FF, 0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA,
    0x00F1, 0x00D1, 0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255D, 0x255C, 0x255B, 0x2510, 0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F,
    0x255A, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518, 0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580,
    0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5, 0x03C4, 0x03A6, 0x0398, 0x03A9, 0x03B4,
    0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00F7, 0x2248,
    0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x00A0};

char *name_text(const char *raw, bool zip)
{
    size_t size = strlen(raw), at = 0;
    if (utf8_valid_size(raw, size) == size)
        return strdup(raw);
    char *text = malloc(size * 3 + 1);
    if (!text)
        return NULL;
    for (; *raw; raw++) {
        unsigned byte = (unsigned char)*raw;
        unsigned point = byte < 0x80 || !zip ? byte : cp437[byte - 0x80];
        if (point >= 0x800)
            text[at++] = (char)(0xE0 | point >> 12);
        if (point >= 0x80) {
            text[at++] = (char)(point >= 0x800 ? 0x80 | (point >> 6 & 0x3F) : 0xC0 | point >> 6);
            text[at++] = (char)(0x80 | (point & 0x3F));
        } else {
            text[at++] = (char)point;
        }
    }
    text[at] = '\0';
    return text;
}

/* The next component of a path: its size, and *path behind it. 0: there is none. */
static size_t next_component(const char **path, const char **ret_component)
{
    *path += strspn(*path, "/");
    *ret_component = *path;
    size_t size = strcspn(*path, "/");
    *path += size;
    return size;
}

static bool is_parent(const char *component, size_t size)
{
    return size == 2 && component[0] == '.' && component[1] == '.';
}

char *name_clean(const char *name)
{
    char *clean = malloc(strlen(name) + 1);
    const char *component;
    size_t size, at = 0;
    if (!clean)
        return NULL;
    while ((size = next_component(&name, &component)) > 0) {
        if (size == 1 && *component == '.')
            continue;
        if (at > 0)
            clean[at++] = '/';
        memcpy(clean + at, component, size);
        at += size;
    }
    clean[at] = '\0';
    return clean;
}

/* Also where somebody takes \ for a separator. */
static bool has_parent(const char *name)
{
    while (*name) {
        size_t size = strcspn(name, "/\\");
        if (is_parent(name, size))
            return true;
        name += size;
        name += strspn(name, "/\\");
    }
    return false;
}

const char *name_fault(const char *name)
{
    bool letter = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');
    if (!*name)
        return "it has no name";
    if (*name == '/' || *name == '\\')
        return "its path is absolute";
    if (letter && name[1] == ':')
        return "its path starts with a drive letter";
    return has_parent(name) ? "its path holds .. as a component" : NULL;
}

/* Leading ".." climb from the folder of the link, which is a real folder. Behind a name ".." might
 * climb from where another link leads: such targets are refused, too. */
const char *link_fault(const char *name, const char *target)
{
    static const char leaves[] = "it is a link that leads out of the target folder";
    const char *component;
    size_t depth = 0, size;
    bool named = false;
    for (const char *at = strchr(name, '/'); at; at = strchr(at + 1, '/'))
        depth++;
    if (!*target || *target == '/' || *target == '\\')
        return leaves;
    while ((size = next_component(&target, &component)) > 0) {
        bool parent = is_parent(component, size);
        if (parent && (named || depth == 0))
            return leaves;
        depth -= parent;
        named |= !parent && !(size == 1 && *component == '.');
    }
    return NULL;
}

bool name_too_long(const char *name)
{
    size_t depth = 0, longest = 0, size, whole = strlen(name);
    const char *component;
    while ((size = next_component(&name, &component)) > 0) {
        depth++;
        longest = size > longest ? size : longest;
    }
    return whole > NAME_BYTES_MAX || longest > COMPONENT_BYTES_MAX || depth > FOLDERS_MAX + 1;
}

const char *name_strip(const char *name, size_t count)
{
    while (count-- > 0 && name) {
        name = strchr(name, '/');
        name += name != NULL;
    }
    return name && *name ? name : NULL;
}
