/* SPDX-License-Identifier: Apache-2.0
 * LaTeX as it stands in bibliographies: accents, letters, dashes, quotation marks, a few words of
 * formulas; other commands go and leave their arguments. */
#include "citation.h"

#include <ctype.h>
#include <utf8proc.h>

struct decoder {
    struct text_buffer out;
    unsigned accent; /* combining character for the next letter; 0: none */
    bool space;      /* white space is due before the next character */
};

static void put_point(struct text_buffer *out, unsigned point)
{
    utf8proc_uint8_t bytes[4];
    text_buffer_add(out, (const char *)bytes,
                    (size_t)utf8proc_encode_char((utf8proc_int32_t)point, bytes));
}

/* A letter with its accent, as one character where there is such. */
static void put_accented(struct text_buffer *out, const char *bytes, size_t size, unsigned accent)
{
    CLEANUP_TEXT_BUFFER struct text_buffer pair = {.limit = 64};
    utf8proc_uint8_t *composed = NULL;
    text_buffer_add(&pair, bytes, size);
    put_point(&pair, accent);
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)pair.data, (utf8proc_ssize_t)pair.len, &composed,
                     (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (length > 0)
        text_buffer_add(out, (const char *)composed, (size_t)length);
    else
        text_buffer_add(out, pair.data, pair.len);
    free(composed);
}

/* One character, whole. */
static void put(struct decoder *d, const char *bytes, size_t size)
{
    if (d->space && d->out.len > 0)
        text_buffer_putc(&d->out, ' ');
    d->space = false;
    if (d->accent)
        put_accented(&d->out, bytes, size, d->accent);
    else
        text_buffer_add(&d->out, bytes, size);
    d->accent = 0;
}

static unsigned accent_of(char c)
{
    static const struct {
        char name;
        unsigned point;
    } accents[] = {{'"', 0x308}, {'\'', 0x301}, {'`', 0x300}, {'^', 0x302}, {'~', 0x303},
                   {'=', 0x304}, {'.', 0x307},  {'u', 0x306}, {'v', 0x30C}, {'H', 0x30B},
                   {'c', 0x327}, {'k', 0x328},  {'r', 0x30A}, {'b', 0x331}, {'d', 0x323}};
    for (size_t i = 0; i < sizeof accents / sizeof *accents; i++)
        if (accents[i].name == c)
            return accents[i].point;
    return 0;
}

struct word {
    const char *name, *text;
};

static const struct word letters[] = {
    {"ss", "ß"},
    {"ae", "æ"},
    {"AE", "Æ"},
    {"oe", "œ"},
    {"OE", "Œ"},
    {"o", "ø"},
    {"O", "Ø"},
    {"aa", "å"},
    {"AA", "Å"},
    {"l", "ł"},
    {"L", "Ł"},
    {"dh", "ð"},
    {"DH", "Ð"},
    {"th", "þ"},
    {"TH", "Þ"},
    {"dj", "đ"},
    {"DJ", "Đ"},
    {"ng", "ŋ"},
    {"NG", "Ŋ"},
    {"i", "ı"},
    {"j", "ȷ"},
    {"textendash", "–"},
    {"textemdash", "—"},
    {"ldots", "…"},
    {"dots", "…"},
    {"textquoteleft", "‘"},
    {"textquoteright", "’"},
    {"textquotedblleft", "“"},
    {"textquotedblright", "”"},
    {"copyright", "©"},
    {"pounds", "£"},
    {"euro", "€"},
    {"S", "§"},
    {"P", "¶"},
    {"textbackslash", "\\"},
    {"textasciitilde", "~"},
    {"LaTeX", "LaTeX"},
    {"TeX", "TeX"},
    {"slash", "/"},
    {"textdegree", "°"},
    {"texttrademark", "™"},
    {"textregistered", "®"},
    {"texteuro", "€"},
    {"infty", "∞"},
    {"alpha", "α"},
    {"beta", "β"},
    {"gamma", "γ"},
    {"Gamma", "Γ"},
    {"delta", "δ"},
    {"Delta", "Δ"},
    {"epsilon", "ε"},
    {"varepsilon", "ε"},
    {"zeta", "ζ"},
    {"eta", "η"},
    {"theta", "θ"},
    {"Theta", "Θ"},
    {"iota", "ι"},
    {"kappa", "κ"},
    {"Lambda", "Λ"},
    {"lambda", "λ"},
    {"mu", "μ"},
    {"nu", "ν"},
    {"xi", "ξ"},
    {"Xi", "Ξ"},
    {"pi", "π"},
    {"Pi", "Π"},
    {"rho", "ρ"},
    {"sigma", "σ"},
    {"Sigma", "Σ"},
    {"tau", "τ"},
    {"upsilon", "υ"},
    {"phi", "φ"},
    {"varphi", "φ"},
    {"Phi", "Φ"},
    {"chi", "χ"},
    {"psi", "ψ"},
    {"Psi", "Ψ"},
    {"omega", "ω"},
    {"Omega", "Ω"},
};

/* Words of formulas; white space behind them stays. */
static const struct word operators[] = {
    {"log", "log"}, {"ln", "ln"},   {"exp", "exp"},  {"sin", "sin"},      {"cos", "cos"},
    {"tan", "tan"}, {"min", "min"}, {"max", "max"},  {"lim", "lim"},      {"times", "×"},
    {"cdot", "·"},  {"pm", "±"},    {"to", "→"},     {"rightarrow", "→"}, {"leq", "≤"},
    {"geq", "≥"},   {"neq", "≠"},   {"approx", "≈"},
};

static const char *text_of(const struct word *words, size_t count, const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i].name) == size && memcmp(words[i].name, name, size) == 0)
            return words[i].text;
    return NULL;
}

/* A command of letters from text[at]; returns where the text goes on. */
static size_t put_word(struct decoder *d, const char *text, size_t size, size_t at)
{
    size_t end = at;
    while (end < size && isalpha((unsigned char)text[end]))
        end++;
    unsigned accent = end - at == 1 ? accent_of(text[at]) : 0;
    const char *letter = text_of(letters, sizeof letters / sizeof *letters, text + at, end - at);
    const char *sign =
        text_of(operators, sizeof operators / sizeof *operators, text + at, end - at);
    if (accent)
        d->accent = accent;
    else if (letter && d->accent && (text[at] == 'i' || text[at] == 'j') && end - at == 1)
        put(d, text + at, 1); /* a dotless letter gets its accent instead of the dot */
    else if (letter)
        put(d, letter, strlen(letter));
    else if (sign)
        put(d, sign, strlen(sign));
    for (; end < size && isspace((unsigned char)text[end]); end++)
        d->space = d->space || sign;
    return end;
}

/* What follows a backslash; returns where the text goes on. */
static size_t put_command(struct decoder *d, const char *text, size_t size, size_t at)
{
    if (at == size)
        return at;
    if (isalpha((unsigned char)text[at]))
        return put_word(d, text, size, at);
    unsigned accent = accent_of(text[at]);
    if (accent)
        d->accent = accent;
    else if (isspace((unsigned char)text[at]) || text[at] == '\\' || text[at] == ',')
        d->space = true;
    else if ((unsigned char)text[at] >= 0x80)
        return at;
    else if (!strchr("-/!;:", text[at]))
        put(d, text + at, 1);
    return at + 1;
}

/* Two or three of the same that stand for one character; returns their number, or 0. */
static size_t put_ligature(struct decoder *d, const char *text, size_t left)
{
    static const struct {
        const char *text, *point;
    } ligatures[] = {{"---", "—"}, {"--", "–"}, {"``", "“"}, {"''", "”"}, {"?`", "¿"}, {"!`", "¡"}};
    for (size_t i = 0; i < sizeof ligatures / sizeof *ligatures; i++) {
        size_t length = strlen(ligatures[i].text);
        if (length <= left && memcmp(text, ligatures[i].text, length) == 0) {
            put(d, ligatures[i].point, strlen(ligatures[i].point));
            return length;
        }
    }
    return 0;
}

static size_t put_next(struct decoder *d, const char *text, size_t size, size_t at)
{
    char c = text[at];
    size_t length;
    if (c == '\\')
        return put_command(d, text, size, at + 1);
    if (isspace((unsigned char)c) || c == '~') {
        d->space = !d->accent || d->space;
        return at + 1;
    }
    if (c == '}')
        d->accent = 0;
    if (c == '{' || c == '}' || c == '$')
        return at + 1;
    if ((length = put_ligature(d, text + at, size - at)) > 0)
        return at + length;
    for (length = 1; at + length < size && ((unsigned char)text[at + length] & 0xC0) == 0x80;)
        length++;
    put(d, text + at, length);
    return at + length;
}

json_t *latex_text(const char *text, size_t size)
{
    struct decoder d = {.out = {.limit = TEXT_MAX}};
    for (size_t at = 0; at < size;)
        at = put_next(&d, text, size, at);
    json_t *result = text_buffer_json(&d.out);
    text_buffer_free(&d.out);
    return result;
}

json_t *latex_address(const char *text, size_t size)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = TEXT_MAX};
    for (size_t i = 0; i < size; i++) {
        bool escaped = text[i] == '\\' && i + 1 < size && strchr("_%&#~{}$", text[i + 1]);
        if (escaped)
            i++;
        if (escaped || !strchr("{} \t\r\n", text[i]) || text[i] == '\0')
            text_buffer_putc(&out, text[i]);
    }
    if (out.len > 4 && memcmp(out.data, "\\url", 4) == 0)
        return json_stringn(out.data + 4, out.len - 4);
    return text_buffer_json(&out);
}

void latex_put(struct text_buffer *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&%$#_", *text)) {
            text_buffer_putc(out, '\\');
            text_buffer_putc(out, *text);
        } else if (*text == '\\') {
            text_buffer_puts(out, "{\\textbackslash}");
        } else if (*text == '~') {
            text_buffer_puts(out, "{\\textasciitilde}");
        } else if (*text != '{' && *text != '}') {
            text_buffer_putc(out, *text);
        }
    }
}
