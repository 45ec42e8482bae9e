/* SPDX-License-Identifier: Apache-2.0
 * uuid_generator: makes, checks and takes apart UUIDs (RFC 9562) and ULIDs. Called by the host's
 * tool registry through llmspell_tool_v1. */
#include <errno.h>
#include <stdbool.h>

#include <uuid/uuid.h>

#include <llmspell/clock.h>

#include "generate.h"
#include "text.h"

/* Namespaces by name: those of RFC 9562, 6.6, and our own, which are v5 UUIDs in the namespace dns
 * ("agent.llmspell", "tool.llmspell", "workflow.llmspell"). */
static const struct {
    const char *name;
    struct id id;
} NAMESPACES[] = {
    {"dns",
     {{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30,
       0xc8}}},
    {"url",
     {{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30,
       0xc8}}},
    {"oid",
     {{0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30,
       0xc8}}},
    {"x500",
     {{0x6b, 0xa7, 0xb8, 0x14, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30,
       0xc8}}},
    {"agent",
     {{0x37, 0xa9, 0x42, 0xf4, 0xe4, 0xba, 0x5e, 0xf7, 0x8c, 0xc2, 0x60, 0x5e, 0x46, 0x07, 0xac,
       0x8d}}},
    {"tool",
     {{0x1a, 0x1e, 0xe4, 0xf7, 0x26, 0x4a, 0x5d, 0xd2, 0xa2, 0x7e, 0x7b, 0xdd, 0x12, 0xb6, 0x24,
       0x54}}},
    {"workflow",
     {{0x51, 0x18, 0x63, 0x1b, 0x38, 0x56, 0x5e, 0xfb, 0xab, 0x2a, 0x6b, 0x4b, 0x21, 0xa7, 0x09,
       0xaa}}},
};

static int32_t fail_generate(struct llmspell_call *call, int32_t code)
{
    if (code == LLMSPELL_ENOMEM)
        return llmspell_fail(call, code, "out of memory");
    return llmspell_fail(call, code, "the kernel's random generator failed: %s", strerror(errno));
}

#define SHOWN 60 /* bytes of a text in a message */

/* How many bytes of text a message shows: whole characters. */
static int shown(const char *text)
{
    size_t size = strnlen(text, SHOWN + 1);
    if (size > SHOWN)
        for (size = SHOWN; ((unsigned char)text[size] & 0xC0) == 0x80;)
            size--;
    return (int)size;
}

static const char *ellipsis(const char *text)
{
    return text[shown(text)] ? "…" : "";
}

static int32_t read_namespace(struct llmspell_call *call, const json_t *params, struct id *ret_id)
{
    const char *text = llmspell_string(params, "namespace");
    size_t size = llmspell_string_length(params, "namespace");
    for (size_t i = 0; i < sizeof NAMESPACES / sizeof NAMESPACES[0]; i++) {
        if (strlen(NAMESPACES[i].name) == size && memcmp(NAMESPACES[i].name, text, size) == 0) {
            *ret_id = NAMESPACES[i].id;
            return 0;
        }
    }
    enum text_format format;
    char reason[TEXT_REASON];
    if (text_read(text, size, ret_id, &format, reason) && format != TEXT_ULID)
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/namespace",
                            "the namespace \"%.*s%s\" is not dns, url, oid, x500, agent, tool, "
                            "workflow or a UUID",
                            shown(text), text, ellipsis(text));
}

/* v3 if md5, else v5: a hash of namespace and name. */
static void generate_named(const struct id *space, const json_t *params, int md5, struct id *ret_id)
{
    const char *name = llmspell_string(params, "name");
    size_t size = llmspell_string_length(params, "name");
    if (md5)
        uuid_generate_md5(ret_id->bytes, space->bytes, name, size);
    else
        uuid_generate_sha1(ret_id->bytes, space->bytes, name, size);
}

/* ---- generate and deterministic ---- */

/* Appends count texts. */
static int32_t fill(struct llmspell_call *call, const json_t *params, struct v1_source *source,
                    enum text_format format, json_t *list)
{
    const char *version = llmspell_string(params, "version");
    json_int_t count = llmspell_integer(params, "count", 1);
    struct run run = {.call = call, .ulid = format == TEXT_ULID};
    struct id space, id = {{0}};
    char digit = version[1];
    int named = digit == '3' || digit == '5';
    int32_t rc = named ? read_namespace(call, params, &space) : 0;
    if (rc < 0)
        return rc;
    for (json_int_t i = 0; i < count; i++) {
        char text[TEXT_MAX];
        if (named)
            generate_named(&space, params, digit == '3', &id);
        else if (run.ulid || digit == '7')
            rc = run_next(&run, &id);
        else
            rc = digit == '1' ? generate_v1(source, call, &id) : generate_v4(&id);
        if (rc < 0)
            return fail_generate(call, rc);
        text_write(&id, format, text);
        if (json_array_append_new(list, json_string(text)) != 0)
            return fail_generate(call, LLMSPELL_ENOMEM);
    }
    return 0;
}

static int32_t generate(struct llmspell_call *call, const json_t *params, struct v1_source *source,
                        json_t **ret_result)
{
    enum text_format format = llmspell_is(params, "version", "ulid")
                                  ? TEXT_ULID
                                  : text_format_find(llmspell_string(params, "format"));
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = fill(call, params, source, format, list);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result,
                           json_pack("{s:O, s:O, s:s, s:s}", "uuid", json_array_get(list, 0),
                                     "uuids", list, "version", llmspell_string(params, "version"),
                                     "format", text_format_name(format)));
}

static int32_t deterministic(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct id space, id;
    char text[TEXT_MAX], space_text[TEXT_MAX];
    int32_t rc = read_namespace(call, params, &space);
    if (rc < 0)
        return rc;
    generate_named(&space, params, 0, &id);
    text_write(&id, text_format_find(llmspell_string(params, "format")), text);
    text_write(&space, TEXT_HYPHENATED, space_text);
    return llmspell_return(call, ret_result,
                           json_pack("{s:s, s:s, s:s, s:O}", "uuid", text, "version", "v5",
                                     "namespace", space_text, "name",
                                     json_object_get(params, "name")));
}

/* ---- component_id and custom ---- */

/* A random UUID in the format asked for, or its first 8 hex digits. */
static int32_t random_part(struct llmspell_call *call, const json_t *params, char text[TEXT_MAX])
{
    struct id id;
    int32_t rc = generate_v4(&id);
    if (rc < 0)
        return fail_generate(call, rc);
    int is_short = llmspell_bool(params, "short", 0);
    text_write(&id, is_short ? TEXT_SIMPLE : text_format_find(llmspell_string(params, "format")),
               text);
    if (is_short)
        text[8] = '\0';
    return 0;
}

static int32_t component_id(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    char part[TEXT_MAX];
    int32_t rc = random_part(call, params, part);
    if (rc < 0)
        return rc;
    const char *prefix = llmspell_string(params, "prefix");
    return llmspell_return(call, ret_result,
                           json_pack("{s:o, s:s, s:b}", "id", json_sprintf("%s_%s", prefix, part),
                                     "prefix", prefix, "short", llmspell_bool(params, "short", 0)));
}

static int32_t custom(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    char part[TEXT_MAX], stamp[32] = "";
    int32_t rc = random_part(call, params, part);
    if (rc < 0)
        return rc;
    struct tm utc;
    time_t now = llmspell_now(call).tv_sec;
    if (llmspell_bool(params, "timestamp", 0) && gmtime_r(&now, &utc))
        strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S_", &utc);
    const char *prefix = llmspell_string(params, "prefix");
    const char *suffix = llmspell_string(params, "suffix");
    size_t suffix_size = llmspell_string_length(params, "suffix");
    if (!prefix)
        prefix = "";
    return llmspell_return(call, ret_result,
                           json_pack("{s:s+++++%}", "id", prefix, *prefix ? "_" : "", stamp, part,
                                     suffix_size ? "_" : "", suffix ? suffix : "", suffix_size));
}

/* ---- validate and parse ---- */

static int32_t validate(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct id id;
    enum text_format format;
    char reason[TEXT_REASON], text[TEXT_MAX];
    if (!text_read(llmspell_string(params, "uuid"), llmspell_string_length(params, "uuid"), &id,
                   &format, reason))
        return llmspell_return(call, ret_result,
                               json_pack("{s:b, s:s}", "valid", 0, "reason", reason));
    text_write(&id, TEXT_HYPHENATED, text);
    if (format == TEXT_ULID) /* has neither a version nor a variant */
        return llmspell_return(
            call, ret_result,
            json_pack("{s:b, s:s, s:s}", "valid", 1, "uuid", text, "format", "ulid"));
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:s, s:i, s:s}", "valid", 1, "uuid", text, "version",
                                     id_version(&id), "variant", id_variant(&id)));
}

/* RFC 3339, with milliseconds if there are any; false if there is no time, and for years beyond
 * its four digits (a ULID or v7 reaches to 10889). */
static bool timestamp(const struct id *id, enum text_format format, char ret_text[TEXT_MAX])
{
    int64_t ms;
    struct tm utc;
    if (!id_time(id, format, &ms))
        return false;
    int part = (int)((ms % 1000 + 1000) % 1000);
    time_t seconds = (ms - part) / 1000;
    if (!gmtime_r(&seconds, &utc) || utc.tm_year > 9999 - 1900)
        return false;
    size_t used = strftime(ret_text, TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    if (part)
        snprintf(ret_text + used, TEXT_MAX - used, ".%03dZ", part);
    else
        snprintf(ret_text + used, TEXT_MAX - used, "Z");
    return true;
}

static bool all_bytes(const struct id *id, unsigned char value)
{
    for (size_t i = 0; i < sizeof id->bytes; i++)
        if (id->bytes[i] != value)
            return false;
    return true;
}

static int32_t parse(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct id id;
    enum text_format format;
    char reason[TEXT_REASON], text[TEXT_MAX], time_text[TEXT_MAX], hex[TEXT_MAX], integer[TEXT_MAX];
    const char *given = llmspell_string(params, "uuid");
    if (!text_read(given, llmspell_string_length(params, "uuid"), &id, &format, reason))
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/uuid", "\"%.*s%s\" is not a UUID: %s",
                                shown(given), given, ellipsis(given), reason);
    text_write(&id, TEXT_HYPHENATED, text);
    text_write(&id, TEXT_SIMPLE, hex);
    text_integer(&id, integer);
    bool timed = timestamp(&id, format, time_text);
    json_t *when = timed ? json_string(time_text) : NULL;
    if (timed && !when) /* json_pack would leave the member out */
        return llmspell_return(call, ret_result, NULL);
    return llmspell_return(call, ret_result,
                           json_pack("{s:s, s:i, s:s, s:b, s:b, s:o*, s:s, s:s}", "uuid", text,
                                     "version", id_version(&id), "variant", id_variant(&id), "nil",
                                     all_bytes(&id, 0), "max", all_bytes(&id, 0xFF), "timestamp",
                                     when, "hex", hex, "integer", integer));
}

static int32_t uuid_generator_open(struct llmspell_call *call, const json_t *config,
                                   void **ret_self)
{
    (void)config;
    struct v1_source *source = NULL;
    int32_t rc = v1_source_new(&source);
    if (rc < 0)
        return fail_generate(call, rc);
    *ret_self = source;
    return 0;
}

static int32_t uuid_generator_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                     json_t **ret_result)
{
    if (llmspell_is(params, "operation", "deterministic"))
        return deterministic(call, params, ret_result);
    if (llmspell_is(params, "operation", "component_id"))
        return component_id(call, params, ret_result);
    if (llmspell_is(params, "operation", "custom"))
        return custom(call, params, ret_result);
    if (llmspell_is(params, "operation", "validate"))
        return validate(call, params, ret_result);
    if (llmspell_is(params, "operation", "parse"))
        return parse(call, params, ret_result);
    return generate(call, params, self, ret_result);
}

static void uuid_generator_close(void *self)
{
    v1_source_free(self);
}

LLMSPELL_TOOL(.open = uuid_generator_open, .invoke = uuid_generator_invoke,
              .close = uuid_generator_close)
