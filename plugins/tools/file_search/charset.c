/* SPDX-License-Identifier: Apache-2.0
 * Sets of characters: exact for ASCII, in three classes beyond it. */
#include "charset.h"

#include <ctype.h>

static void set_add(struct set *set, unsigned char c)
{
    set->ascii[c / 64] |= UINT64_C(1) << c % 64;
}

struct set set_all(void)
{
    return (struct set){{UINT64_MAX, UINT64_MAX}, BEYOND_ALL};
}

struct set set_not(struct set set)
{
    return (struct set){{~set.ascii[0], ~set.ascii[1]},
                        set.beyond == BEYOND_WORD ? BEYOND_SPACE | BEYOND_OTHER : BEYOND_ALL};
}

struct set set_join(struct set a, struct set b)
{
    return (struct set){{a.ascii[0] | b.ascii[0], a.ascii[1] | b.ascii[1]}, a.beyond | b.beyond};
}

bool set_meets(struct set a, struct set b)
{
    return (a.ascii[0] & b.ascii[0]) || (a.ascii[1] & b.ascii[1]) || (a.beyond & b.beyond);
}

static struct set set_of(int (*is)(int), unsigned beyond)
{
    struct set set = {{0, 0}, beyond};
    for (unsigned char c = 0; c < 128; c++)
        if (is(c))
            set_add(&set, c);
    return set;
}

static int is_word(int c)
{
    return isalnum(c) || c == '_';
}

struct set set_of_character(bool ignore_case, unsigned char c)
{
    struct set set = {{0, 0}, 0};
    if (c >= 128)
        return (struct set){{0, 0}, BEYOND_ALL};
    set_add(&set, c);
    if (ignore_case && isalpha(c)) {
        set_add(&set, (unsigned char)(c ^ 0x20));
        set.beyond = BEYOND_WORD; /* the Kelvin sign is a k, the long s an s */
    }
    return set;
}

struct set set_of_ends(void)
{
    struct set set = {{0, 0}, 0};
    set_add(&set, '\n');
    set_add(&set, '\r');
    return set;
}

bool set_of_escape(char c, struct set *ret_set)
{
    switch (c) {
    case 'd':
    case 'D':
        *ret_set = set_of(isdigit, BEYOND_WORD);
        break;
    case 'w':
    case 'W':
        *ret_set = set_of(is_word, BEYOND_WORD);
        break;
    case 's':
    case 'S':
        *ret_set = set_of(isspace, BEYOND_SPACE);
        break;
    default:
        return false;
    }
    if (c == 'D')
        *ret_set = set_all();
    else if (isupper((unsigned char)c))
        *ret_set = set_not(*ret_set);
    return true;
}
