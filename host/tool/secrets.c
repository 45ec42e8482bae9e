/* SPDX-License-Identifier: Apache-2.0
 * The list of a tool's secrets, and reading one from the environment or from a private file. */
#include "tool/secrets.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/secret.h>

#define NAME_MAX_BYTES 64

struct grant {
    char *name;
    char *place; /* a variable's name, or an absolute path */
    bool file;
};

struct secrets {
    char *tool;
    char **patterns; /* of the manifest */
    size_t pattern_count;
    struct grant *grants;
    size_t grant_count;
};

/* ---- the list ---- */

static bool is_name(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_-.", text[i]))
            return false;
    return n > 0 && n <= NAME_MAX_BYTES;
}

static bool is_variable(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            return false;
    return *text && !isdigit((unsigned char)*text);
}

static const struct grant *find(const struct secrets *secrets, const char *name)
{
    for (size_t i = 0; i < secrets->grant_count; i++)
        if (strcmp(secrets->grants[i].name, name) == 0)
            return &secrets->grants[i];
    return NULL;
}

static int add_grant(struct secrets *secrets, const char *name, size_t n, const char *place,
                     bool file, struct error *ret_error)
{
    struct grant *grown = reallocarray(secrets->grants, secrets->grant_count + 1, sizeof *grown);
    if (grown)
        secrets->grants = grown;
    struct grant grant = {strndup(name, n), strdup(place), file};
    if (!grown || !grant.name || !grant.place) {
        free(grant.name);
        free(grant.place);
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    if (find(secrets, grant.name)) {
        int rc = error_set(ret_error, LLMSPELL_EINVAL, "[tool.%s] secrets names \"%s\" twice",
                           secrets->tool, grant.name);
        free(grant.name);
        free(grant.place);
        return rc;
    }
    secrets->grants[secrets->grant_count++] = grant;
    return 0;
}

/* The item is not quoted: somebody may have written the secret itself there. */
static int parse_item(struct secrets *secrets, const char *item, struct error *ret_error)
{
    size_t n = strcspn(item, ":");
    const char *kind = item + n + (item[n] == ':');
    bool env = strncmp(kind, "env:", 4) == 0, file = strncmp(kind, "file:", 5) == 0;
    const char *place = kind + (file ? 5 : 4);
    if (!item[n] || !is_name(item, n))
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "[tool.%s] secrets: item %zu is not NAME:env:VARIABLE or "
                         "NAME:file:/PATH",
                         secrets->tool, secrets->grant_count + 1);
    if ((!env && !file) || (env ? !is_variable(place) : *place != '/'))
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "[tool.%s] secrets: \"%.*s\" must be followed by :env:VARIABLE or "
                         ":file:/ABSOLUTE/PATH, never by the secret itself",
                         secrets->tool, (int)n, item);
    return add_grant(secrets, item, n, place, file, ret_error);
}

static int parse_list(struct secrets *secrets, const char *text, struct error *ret_error)
{
    int rc = 0;
    while (rc == 0 && text && *text) {
        size_t n = strcspn(text, ",\n"), start = 0, end = n;
        while (start < end && isspace((unsigned char)text[start]))
            start++;
        while (end > start && isspace((unsigned char)text[end - 1]))
            end--;
        char *item = strndup(text + start, end - start);
        if (!item)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        if (*item)
            rc = parse_item(secrets, item, ret_error);
        free(item);
        text += n + (text[n] != '\0');
    }
    return rc;
}

static int add_patterns(struct secrets *secrets, const json_t *capabilities,
                        struct error *ret_error)
{
    size_t i, count = json_array_size(capabilities);
    json_t *item;
    secrets->patterns = calloc(count + 1, sizeof *secrets->patterns);
    if (!secrets->patterns)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    json_array_foreach(capabilities, i, item)
    {
        const char *text = json_string_value(item);
        if (!text || strncmp(text, "secret:", 7) != 0)
            continue;
        char *pattern = strdup(text + 7);
        if (!pattern)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        secrets->patterns[secrets->pattern_count++] = pattern;
    }
    return 0;
}

int secrets_new(const char *granted, const json_t *capabilities, const char *tool,
                struct secrets **ret_secrets, struct error *ret_error)
{
    struct secrets *secrets = calloc(1, sizeof *secrets);
    if (!secrets || !(secrets->tool = strdup(tool))) {
        free(secrets);
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    int rc = add_patterns(secrets, capabilities, ret_error);
    if (rc == 0)
        rc = parse_list(secrets, granted, ret_error);
    if (rc == 0)
        *ret_secrets = secrets;
    else
        secrets_free(secrets);
    return rc;
}

void secrets_free(struct secrets *secrets)
{
    if (!secrets)
        return;
    for (size_t i = 0; i < secrets->grant_count; i++) {
        free(secrets->grants[i].name);
        free(secrets->grants[i].place);
    }
    for (size_t i = 0; i < secrets->pattern_count; i++)
        free(secrets->patterns[i]);
    free(secrets->grants);
    free(secrets->patterns);
    free(secrets->tool);
    free(secrets);
}

/* ---- reading ---- */

static int fail_empty(const struct grant *grant, const char *pointer, struct error *ret_error)
{
    return error_set_at(ret_error, LLMSPELL_EUNAVAILABLE, pointer,
                        grant->file ? "the secret \"%s\" is empty: write it to its file %s"
                                    : "the secret \"%s\" is not set: the variable %s has to be in "
                                      "the environment of llmspell",
                        grant->name, grant->place);
}

static int read_variable(const struct grant *grant, const char *pointer, char **ret_value,
                         size_t *ret_size, struct error *ret_error)
{
    const char *text = getenv(grant->place);
    size_t n = text ? strlen(text) : 0;
    if (n == 0)
        return fail_empty(grant, pointer, ret_error);
    if (n > LLMSPELL_SECRET_MAX)
        return error_set_at(ret_error, LLMSPELL_ELIMIT, pointer,
                            "the secret \"%s\" is longer than %d bytes", grant->name,
                            LLMSPELL_SECRET_MAX);
    char *value = strdup(text);
    if (!value)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *ret_value = value;
    *ret_size = n;
    return 0;
}

/* Nobody but its owner may read it, and that is us or root. */
static int open_private(const struct grant *grant, const char *pointer, struct error *ret_error)
{
    struct stat facts;
    int fd = open(grant->place, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set_at(ret_error, errno == ENOENT ? LLMSPELL_EUNAVAILABLE : LLMSPELL_EIO,
                            pointer, "the secret \"%s\": cannot read its file %s: %s", grant->name,
                            grant->place, strerror(errno));
    bool known = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
    bool ours = known && (facts.st_uid == geteuid() || facts.st_uid == 0);
    if (ours && !(facts.st_mode & 077))
        return fd;
    close(fd);
    return error_set_at(ret_error, LLMSPELL_EPERM, pointer,
                        "the secret \"%s\": %s must be a file that only the user of llmspell or "
                        "root can read: run `chmod 600` on it",
                        grant->name, grant->place);
}

/* The bytes read, at most size; negative errno. */
static ssize_t read_whole(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = read(fd, buffer + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

static int check_content(const struct grant *grant, const char *pointer, ssize_t n,
                         struct error *ret_error)
{
    if (n < 0)
        return error_set_at(ret_error, LLMSPELL_EIO, pointer,
                            "the secret \"%s\": cannot read its file %s: %s", grant->name,
                            grant->place, strerror((int)-n));
    if (n > LLMSPELL_SECRET_MAX)
        return error_set_at(ret_error, LLMSPELL_ELIMIT, pointer,
                            "the secret \"%s\": its file %s is longer than %d bytes", grant->name,
                            grant->place, LLMSPELL_SECRET_MAX);
    return n == 0 ? fail_empty(grant, pointer, ret_error) : 0;
}

static int read_file(const struct grant *grant, const char *pointer, char **ret_value,
                     size_t *ret_size, struct error *ret_error)
{
    const size_t room = LLMSPELL_SECRET_MAX + 2;
    LLMSPELL_CLEANUP_CLOSE int fd = open_private(grant, pointer, ret_error);
    if (fd < 0)
        return fd;
    char *value = calloc(1, room + 1);
    if (!value)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    ssize_t n = read_whole(fd, value, room);
    if (n > 0 && value[n - 1] == '\n')
        value[--n] = '\0';
    int rc = check_content(grant, pointer, n, ret_error);
    if (rc < 0) {
        secrets_release(value, room);
        return rc;
    }
    *ret_value = value;
    *ret_size = (size_t)n;
    return 0;
}

static bool is_asked(const struct secrets *secrets, const char *name)
{
    for (size_t i = 0; i < secrets->pattern_count; i++)
        if (fnmatch(secrets->patterns[i], name, 0) == 0)
            return true;
    return false;
}

void secrets_places(const struct secrets *secrets, secrets_place_fn each, void *data)
{
    for (size_t i = 0; i < secrets->grant_count; i++)
        if (is_asked(secrets, secrets->grants[i].name))
            each(data, secrets->grants[i].file, secrets->grants[i].place);
}

int secrets_get(const struct secrets *secrets, const char *name, const char *pointer,
                char **ret_value, size_t *ret_size, struct error *ret_error)
{
    if (!name || !is_name(name, strlen(name)))
        return error_set_at(ret_error, LLMSPELL_EINVAL, pointer,
                            "the name of a secret has 1 to %d letters, digits, '_', '-' or '.'",
                            NAME_MAX_BYTES);
    if (!is_asked(secrets, name))
        return error_set_at(ret_error, LLMSPELL_EPERM, pointer,
                            "%s may not read the secret \"%s\": its manifest names no capability "
                            "secret:%s",
                            secrets->tool, name, name);
    const struct grant *grant = find(secrets, name);
    if (!grant)
        return error_set_at(ret_error, LLMSPELL_EUNAVAILABLE, pointer,
                            "the secret \"%s\" is not granted to %s: write `secrets = "
                            "%s:file:/PATH` or `%s:env:VARIABLE` into [tool.%s] of llmspell.ini",
                            name, secrets->tool, name, name, secrets->tool);
    return grant->file ? read_file(grant, pointer, ret_value, ret_size, ret_error)
                       : read_variable(grant, pointer, ret_value, ret_size, ret_error);
}

void secrets_release(char *value, size_t size)
{
    if (!value)
        return;
    explicit_bzero(value, size);
    free(value);
}
