/* SPDX-License-Identifier: Apache-2.0
 * How a C function says that it failed: what "returns.status" may be. */
#include <string.h>

#include "tool/native_spec.h"

static const struct {
    const char *text;
    enum native_ok ok;
} CONDITIONS[] = {
    {">=0", NATIVE_OK_NOT_NEGATIVE}, {">0", NATIVE_OK_POSITIVE}, {"!=0", NATIVE_OK_NOT_ZERO},
    {"nonnull", NATIVE_OK_NOT_ZERO}, {"errno", NATIVE_OK_ERRNO},
};

#define CONDITION_COUNT (sizeof CONDITIONS / sizeof CONDITIONS[0])

static bool is_pointer(const struct native_value *result)
{
    return result->pointer || result->type.kind == NATIVE_STRING ||
           result->type.kind == NATIVE_POINTER;
}

static int check_condition(const struct native_at *at, const char *text,
                           const struct native_value *result)
{
    bool pointer = is_pointer(result), integer = result->type.kind == NATIVE_INTEGER;
    if (strcmp(text, "errno") == 0)
        return 0;
    if (pointer != (strcmp(text, "nonnull") == 0) || (!pointer && !integer))
        return native_bad(at, "\"%s\" cannot be said of what the function returns", text);
    if (integer && !result->type.is_signed && strcmp(text, ">=0") == 0)
        return native_bad(at, "\">=0\" is always true of the type \"%s\"", result->type.name);
    return 0;
}

static int check_list(const struct native_at *at, const json_t *list,
                      const struct native_value *result)
{
    unsigned char memory[8];
    size_t count = json_is_array(list) ? json_array_size(list) : 1;
    if (result->type.kind != NATIVE_INTEGER && result->type.kind != NATIVE_BOOL)
        return native_bad(at, "values go with functions that return an integer or bool");
    if (count == 0)
        return native_bad(at, "must name at least one value");
    for (size_t i = 0; i < count; i++) {
        const struct native_at item = native_at_index(at, i);
        const json_t *value = json_is_array(list) ? json_array_get(list, i) : list;
        int rc =
            native_scalar_store(json_is_array(list) ? &item : at, &result->type, value, memory);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int parse_ok(const struct native_at *up, const json_t *ok, const struct native_value *result,
                    struct native_status *ret_status)
{
    const struct native_at at = native_at_key(up, "ok");
    const char *text = json_string_value(ok);
    if (!ok)
        return native_bad(&at, "is missing: which values mean success?");
    if (!text) {
        ret_status->ok = NATIVE_OK_LIST;
        ret_status->list = ok;
        return check_list(&at, ok, result);
    }
    for (size_t i = 0; i < CONDITION_COUNT; i++) {
        if (strcmp(CONDITIONS[i].text, text) != 0)
            continue;
        ret_status->ok = CONDITIONS[i].ok;
        return check_condition(&at, text, result);
    }
    return native_bad(&at, "must be a value, an array of values, \">=0\", \">0\", \"!=0\", "
                           "\"nonnull\" or \"errno\"");
}

static int parse_names(const struct native_at *up, const json_t *names)
{
    const struct native_at at = native_at_key(up, "names");
    const char *number;
    json_t *name;
    if (names && !json_is_object(names))
        return native_bad(&at, "must be an object such as {\"-3\": \"Z_DATA_ERROR\"}");
    json_object_foreach((json_t *)names, number, name)
    {
        const struct native_at here = native_at_key(&at, number);
        size_t sign = *number == '-', digits = strspn(number + sign, "0123456789");
        if (digits == 0 || digits > 20 || number[sign + digits] || !json_is_string(name))
            return native_bad(&here, "must be a number with its name");
    }
    return 0;
}

int native_status_parse(const struct native_at *at, const json_t *object,
                        const struct native_value *result, struct native_status *ret_status)
{
    static const char *const keys[] = {"ok", "errno", "message", "names", NULL};
    const struct native_at errno_at = native_at_key(at, "errno");
    const struct native_at message_at = native_at_key(at, "message");
    if (!json_is_object(object))
        return native_bad(at, "must be an object with \"ok\"");
    const json_t *use_errno = json_object_get(object, "errno");
    const json_t *message = json_object_get(object, "message");
    int rc = native_known_keys(at, object, keys);
    if (rc == 0)
        rc = parse_ok(at, json_object_get(object, "ok"), result, ret_status);
    if (rc == 0)
        rc = parse_names(at, json_object_get(object, "names"));
    if (rc < 0)
        return rc;
    if (use_errno && !json_is_boolean(use_errno))
        return native_bad(&errno_at, "must be true or false");
    if (message && (!native_is_name(message) || result->type.kind != NATIVE_INTEGER))
        return native_bad(&message_at, "must be \"strerror\" or the symbol of a function from the "
                                       "integer returned to a text");
    ret_status->use_errno = json_is_true(use_errno) || ret_status->ok == NATIVE_OK_ERRNO;
    ret_status->message = json_string_value(message);
    ret_status->names = json_object_get(object, "names");
    return 0;
}
