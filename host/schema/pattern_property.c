/* SPDX-License-Identifier: Apache-2.0
 * Unicode properties of regular expressions, \p{…}: the names of ECMA-262 in the spelling of
 * PCRE2. Called by pattern_translate.c. */
#include "schema/pattern.h"

#include <stdio.h>
#include <string.h>

/* General categories: short name, then the long names of PropertyValueAliases.txt. */
static const struct {
    const char *code, *name, *alias;
} categories[] = {
    {"C", "Other", NULL},
    {"Cc", "Control", "cntrl"},
    {"Cf", "Format", NULL},
    {"Cn", "Unassigned", NULL},
    {"Co", "Private_Use", NULL},
    {"Cs", "Surrogate", NULL},
    {"L", "Letter", NULL},
    {"L&", "Cased_Letter", "LC"},
    {"Ll", "Lowercase_Letter", NULL},
    {"Lm", "Modifier_Letter", NULL},
    {"Lo", "Other_Letter", NULL},
    {"Lt", "Titlecase_Letter", NULL},
    {"Lu", "Uppercase_Letter", NULL},
    {"M", "Mark", "Combining_Mark"},
    {"Mc", "Spacing_Mark", NULL},
    {"Me", "Enclosing_Mark", NULL},
    {"Mn", "Nonspacing_Mark", NULL},
    {"N", "Number", NULL},
    {"Nd", "Decimal_Number", "digit"},
    {"Nl", "Letter_Number", NULL},
    {"No", "Other_Number", NULL},
    {"P", "Punctuation", "punct"},
    {"Pc", "Connector_Punctuation", NULL},
    {"Pd", "Dash_Punctuation", NULL},
    {"Pe", "Close_Punctuation", NULL},
    {"Pf", "Final_Punctuation", NULL},
    {"Pi", "Initial_Punctuation", NULL},
    {"Po", "Other_Punctuation", NULL},
    {"Ps", "Open_Punctuation", NULL},
    {"S", "Symbol", NULL},
    {"Sc", "Currency_Symbol", NULL},
    {"Sk", "Modifier_Symbol", NULL},
    {"Sm", "Math_Symbol", NULL},
    {"So", "Other_Symbol", NULL},
    {"Z", "Separator", NULL},
    {"Zl", "Line_Separator", NULL},
    {"Zp", "Paragraph_Separator", NULL},
    {"Zs", "Space_Separator", NULL},
};

static bool is(const char *name, size_t length, const char *text)
{
    return text && strlen(text) == length && memcmp(name, text, length) == 0;
}

static const char *category_code(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++) {
        if (is(name, length, categories[i].name) || is(name, length, categories[i].alias))
            return categories[i].code;
        if (categories[i].code[1] != '&' && is(name, length, categories[i].code))
            return categories[i].code;
    }
    return NULL;
}

static bool put(struct schema_pattern_text *out, bool negated, const char *prefix,
                const char *value, size_t length)
{
    char text[96];
    int written = snprintf(text, sizeof text, "\\%c{%s%.*s}", negated ? 'P' : 'p', prefix,
                           (int)length, value);
    if (written >= (int)sizeof text)
        return false;
    schema_pattern_append(out, text, (size_t)written);
    return true;
}

static bool put_ascii(struct schema_pattern_text *out, bool negated, bool in_class)
{
    const char *set = negated ? "\\x{80}-\\x{10ffff}" : "\\x{0}-\\x{7f}";
    if (!in_class)
        schema_pattern_append(out, "[", 1);
    schema_pattern_append(out, set, strlen(set));
    if (!in_class)
        schema_pattern_append(out, "]", 1);
    return true;
}

bool schema_pattern_property(const char *name, size_t length, bool negated, bool in_class,
                             struct schema_pattern_text *out)
{
    const char *equals = memchr(name, '=', length);
    const char *value = equals ? equals + 1 : name;
    size_t key = equals ? (size_t)(equals - name) : 0;
    size_t rest = equals ? length - key - 1 : length;
    if (rest == 0 || rest > 64)
        return false;
    if (equals && (is(name, key, "Script") || is(name, key, "sc")))
        return put(out, negated, "sc:", value, rest);
    if (equals && (is(name, key, "Script_Extensions") || is(name, key, "scx")))
        return put(out, negated, "scx:", value, rest);
    if (equals && !is(name, key, "General_Category") && !is(name, key, "gc"))
        return false;
    const char *code = category_code(value, rest);
    if (code)
        return put(out, negated, "", code, strlen(code));
    if (equals)
        return false;
    if (is(name, length, "ASCII"))
        return put_ascii(out, negated, in_class);
    if (is(name, length, "Assigned"))
        return put(out, !negated, "", "Cn", 2);
    return put(out, negated, "", name, length); /* a binary property, which PCRE2 knows or not */
}
