/* SPDX-License-Identifier: Apache-2.0
 * INI: sections of keys with text. Comments begin with ; or # at the start of a line, or with
 * " ;" behind a value. Nothing is quoted, so that some values cannot be written. */
#include "converter.h"

/* ---- reading ---- */

struct span {
    const char *text;
    size_t size;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span span)
{
    while (span.size && is_space(*span.text)) {
        span.text++;
        span.size--;
    }
    while (span.size && is_space(span.text[span.size - 1]))
        span.size--;
    return span;
}

static struct span without_comment(struct span span)
{
    for (size_t i = 1; i < span.size; i++)
        if (span.text[i] == ';' && is_space(span.text[i - 1]))
            return trim((struct span){span.text, i});
    return span;
}

/* A new member; each is given once. */
static int32_t set_new(struct reading *reading, json_t *object, struct span key, json_t *value)
{
    LLMSPELL_CLEANUP_FREE char *name = strndup(key.text, key.size);
    LLMSPELL_CLEANUP_JSON json_t *owned = value;
    if (!name || !owned)
        return no_memory(reading->call);
    if (strlen(name) != key.size)
        return fail_at_text(reading, key.text, "a name holds a NUL character");
    if (json_object_get(object, name))
        return fail_at_text(reading, key.text, "\"%.100s\" is given twice", name);
    return json_object_set(object, name, owned) == 0 ? count_node(reading)
                                                     : no_memory(reading->call);
}

/* [name]: a section that comes again goes on. */
static int32_t open_section(struct reading *reading, json_t *top, struct span line,
                            json_t **ret_section)
{
    struct span head = without_comment(line);
    if (head.text[head.size - 1] != ']')
        return fail_at_text(reading, line.text, "the section is not closed by ]");
    struct span name = trim((struct span){head.text + 1, head.size - 2});
    LLMSPELL_CLEANUP_FREE char *key = strndup(name.text, name.size);
    if (!key)
        return no_memory(reading->call);
    if (strlen(key) != name.size)
        return fail_at_text(reading, line.text, "a name holds a NUL character");
    json_t *known = json_object_get(top, key);
    if (json_is_object(known)) {
        *ret_section = known;
        return 0;
    }
    int32_t rc = set_new(reading, top, name, json_object());
    *ret_section = json_object_get(top, key);
    return rc;
}

static int32_t read_pair(struct reading *reading, json_t *section, struct span line)
{
    size_t split = 0;
    while (split < line.size && line.text[split] != '=' && line.text[split] != ':')
        split++;
    struct span key = trim((struct span){line.text, split});
    if (split == line.size)
        return fail_at_text(reading, line.text, "there is neither = nor :");
    if (key.size == 0)
        return fail_at_text(reading, line.text, "there is no name before %c", line.text[split]);
    /* the space before a comment may be the one behind = */
    struct span value =
        trim(without_comment((struct span){line.text + split + 1, line.size - split - 1}));
    return set_new(reading, section, key, json_stringn(value.text, value.size));
}

int32_t read_ini(struct reading *reading, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *top = json_object();
    json_t *section = top;
    const char *at = reading->text, *end = at + reading->size;
    int32_t rc = top ? 0 : no_memory(reading->call);
    while (rc == 0 && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct span line = trim((struct span){at, (size_t)((stop ? stop : end) - at)});
        if (line.size && *line.text == '[')
            rc = open_section(reading, top, line, &section);
        else if (line.size && *line.text != ';' && *line.text != '#')
            rc = read_pair(reading, section, line);
        at = stop ? stop + 1 : end;
    }
    *ret_value = rc == 0 ? llmspell_steal_json(&top) : NULL;
    return rc;
}

/* ---- writing ---- */

static int32_t put_name(struct writing *writing, const struct place *place, const char *name,
                        bool section)
{
    struct span span = {name, strlen(name)};
    bool bad = span.size == 0 || trim(span).size != span.size || strchr(name, '\n') ||
               without_comment(span).size != span.size;
    bad = bad || (section ? strchr(name, ']') != NULL
                          : strpbrk(name, "=:") != NULL || strchr(";#[", *name) != NULL);
    if (bad)
        return fail_value(writing, place, "its name would read as something else");
    bounded_puts(&writing->out, name);
    return 0;
}

static int32_t put_pair(struct writing *writing, const struct place *place, const char *key,
                        const json_t *value)
{
    char scratch[SCALAR_TEXT_MAX];
    struct span text = {NULL, 0};
    text.text = scalar_text(value, scratch, &text.size);
    if (!text.text)
        return fail_value(writing, place,
                          json_is_null(value) ? "there is no null" : "there are sections only");
    bool starts = text.size && *text.text == ';'; /* behind the space that follows = */
    if (starts || trim(text).size != text.size || memchr(text.text, '\n', text.size) ||
        without_comment(text).size != text.size)
        return fail_value(writing, place, "the text would read as something else");
    int32_t rc = put_name(writing, place, key, false);
    bounded_puts(&writing->out, text.size ? " = " : " =");
    bounded_put(&writing->out, text.text, text.size);
    bounded_char(&writing->out, '\n');
    return rc < 0 ? rc : writing_step(writing);
}

/* The members of an object that are sections, or those that are not. */
static int32_t put_members(struct writing *writing, const struct place *up, const json_t *object,
                           bool sections);

static int32_t put_section(struct writing *writing, const struct place *place, const char *key,
                           const json_t *value)
{
    if (writing->out.used)
        bounded_char(&writing->out, '\n');
    bounded_char(&writing->out, '[');
    int32_t rc = put_name(writing, place, key, true);
    bounded_puts(&writing->out, "]\n");
    return rc < 0 ? rc : put_members(writing, place, value, false);
}

static int32_t put_members(struct writing *writing, const struct place *up, const json_t *object,
                           bool sections)
{
    CLEANUP_MEMBERS struct members members;
    const char *key;
    json_t *value;
    bool top = !up->up;
    int32_t rc = members_begin(writing, object, &members);
    while (rc == 0 && members_next(&members, &key, &value)) {
        struct place place = {.up = up, .key = key};
        if (top && json_is_object(value) != sections)
            continue;
        rc = top && sections ? put_section(writing, &place, key, value)
                             : put_pair(writing, &place, key, value);
    }
    return rc;
}

/* Keys without a section come first. */
int32_t write_ini(struct writing *writing, const json_t *value)
{
    struct place top = {0};
    if (!json_is_object(value))
        return fail_value(writing, NULL, "it must be an object");
    int32_t rc = put_members(writing, &top, value, false);
    return rc < 0 ? rc : put_members(writing, &top, value, true);
}
