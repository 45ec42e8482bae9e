/* SPDX-License-Identifier: Apache-2.0
 * From a call to the HTTP client, the store, the secrets of its tool, the clock, and the schema
 * validator. */
#include "tool/extensions.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "http/http.h"
#include "plugin/call.h"
#include "plugin/module.h"
#include "state/state.h"
#include "tool/checker.h"
#include "tool/secrets.h"
#include "util/timestamp.h"

#include <llmspell/clock.h>
#include <llmspell/secret.h>

struct extensions {
    struct http_policy *http; /* NULL: no capability */
    struct secrets *secrets;
    char *home, *tool;
    bool may_state, net;
    bool stands; /* the clock, at: */
    int64_t clock_ms;
    pthread_mutex_t lock; /* guards what is below */
    const struct state_module *state_module;
    struct state_store *store;
};

static struct extensions *extensions_of(struct llmspell_call *base)
{
    const struct invocation *invocation = call_of(base)->owner;
    return invocation ? invocation->extensions : NULL;
}

static struct error *error_of(struct llmspell_call *base)
{
    return &call_of(base)->error;
}

static int32_t not_asked(struct llmspell_call *base, const char *pointer, const char *what,
                         const char *capability)
{
    return error_set_at(error_of(base), LLMSPELL_EPERM, pointer,
                        "%s may not use %s: its manifest names no capability %s", base->ctx->source,
                        what, capability);
}

/* ---- llmspell.http/1 ---- */

static int load_http(const struct http_module **ret_module, struct error *ret_error)
{
    const void *table = NULL;
    int rc = module_load(HTTP_MODULE, HTTP_MODULE_SYMBOL, &table, ret_error);
    if (rc == 0)
        *ret_module = table;
    return rc;
}

static int32_t http_request(struct llmspell_call *base, const struct llmspell_http_request *request,
                            struct llmspell_http_response *ret_response)
{
    struct extensions *extensions = extensions_of(base);
    const struct http_module *module = NULL;
    if (!extensions || !extensions->http)
        return not_asked(base, request->pointer, "HTTP", "http");
    if (!extensions->net)
        return error_set_at(error_of(base), LLMSPELL_EPERM, request->pointer,
                            "%s may not use the network; [tool.%s] net = true grants it",
                            base->ctx->source, extensions->tool);
    int rc = load_http(&module, error_of(base));
    if (rc < 0)
        return rc;
    struct http_job job = {.request = request, .policy = extensions->http, .call = base};
    return module->request(&job, ret_response, error_of(base));
}

static void http_release(struct llmspell_http_response *response)
{
    const struct http_module *module = NULL;
    if (load_http(&module, NULL) == 0) /* nothing was allocated without it */
        module->release(response);
}

/* ---- llmspell.state/1 ---- */

/* $LLMSPELL_HOME/state/tools/TOOL, mode 0700. */
static int make_folders(const struct extensions *extensions, char *path, struct error *ret_error)
{
    size_t home = strlen(extensions->home);
    for (char *at = path + home; at; at = strchr(at + 1, '/')) {
        *at = '\0';
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        *at = '/';
        if (failed)
            return error_set(ret_error, LLMSPELL_EIO, "cannot make the folders of %s: %s", path,
                             strerror(errno));
    }
    return 0;
}

static int open_store(struct extensions *extensions, struct error *ret_error)
{
    const void *table = NULL;
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    int rc = module_load(STATE_MODULE, STATE_MODULE_SYMBOL, &table, ret_error);
    if (rc < 0)
        return rc;
    if (asprintf(&path, "%s/state/tools/%s/state.db", extensions->home, extensions->tool) < 0) {
        path = NULL;
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    extensions->state_module = table;
    rc = make_folders(extensions, path, ret_error);
    return rc < 0 ? rc : extensions->state_module->open(path, &extensions->store, ret_error);
}

/* The store behind a call, opened at its first use. */
static int find_store(struct llmspell_call *base, const struct state_module **ret_module,
                      struct state_store **ret_store)
{
    struct extensions *extensions = extensions_of(base);
    int rc = 0;
    if (!extensions || !extensions->may_state)
        return not_asked(base, NULL, "a store", "state");
    pthread_mutex_lock(&extensions->lock);
    if (!extensions->store)
        rc = open_store(extensions, error_of(base));
    *ret_module = extensions->state_module;
    *ret_store = extensions->store;
    pthread_mutex_unlock(&extensions->lock);
    return rc;
}

static int32_t state_get(struct llmspell_call *base, const char *key, json_t **ret_value)
{
    const struct state_module *module = NULL;
    struct state_store *store = NULL;
    int rc = find_store(base, &module, &store);
    return rc < 0 ? rc : module->get(store, base, key, ret_value, error_of(base));
}

static int32_t state_set(struct llmspell_call *base, const char *key, const json_t *value)
{
    const struct state_module *module = NULL;
    struct state_store *store = NULL;
    int rc = find_store(base, &module, &store);
    return rc < 0 ? rc : module->set(store, base, key, value, error_of(base));
}

static int32_t state_swap(struct llmspell_call *base, const char *key, const json_t *expected,
                          const json_t *value)
{
    const struct state_module *module = NULL;
    struct state_store *store = NULL;
    int rc = find_store(base, &module, &store);
    return rc < 0 ? rc : module->swap(store, base, key, expected, value, error_of(base));
}

static int32_t state_remove(struct llmspell_call *base, const char *key)
{
    const struct state_module *module = NULL;
    struct state_store *store = NULL;
    int rc = find_store(base, &module, &store);
    return rc < 0 ? rc : module->remove(store, base, key, error_of(base));
}

static int32_t state_list(struct llmspell_call *base, const char *prefix, const char *after,
                          uint32_t limit, json_t **ret_keys)
{
    const struct state_module *module = NULL;
    struct state_store *store = NULL;
    int rc = find_store(base, &module, &store);
    return rc < 0 ? rc : module->list(store, base, prefix, after, limit, ret_keys, error_of(base));
}

/* ---- llmspell.secret/1 ---- */

static int32_t secret_get(struct llmspell_call *base, const char *name, const char *pointer,
                          char **ret_value, uint64_t *ret_size)
{
    struct extensions *extensions = extensions_of(base);
    size_t size = 0;
    if (!extensions)
        return not_asked(base, pointer, "secrets", "secret:NAME");
    int rc = secrets_get(extensions->secrets, name, pointer, ret_value, &size, error_of(base));
    if (rc == 0)
        *ret_size = size;
    return rc;
}

static void secret_release(char *value, uint64_t size)
{
    secrets_release(value, (size_t)size);
}

/* ---- llmspell.clock/1 ---- */

static void clock_now(const struct llmspell_call *base, struct timespec *ret_now)
{
    const struct extensions *extensions = extensions_of((struct llmspell_call *)base);
    if (!extensions || !extensions->stands) {
        clock_gettime(CLOCK_REALTIME, ret_now);
        return;
    }
    int64_t ms = extensions->clock_ms, seconds = ms / 1000 - (ms % 1000 < 0);
    *ret_now = (struct timespec){.tv_sec = seconds, .tv_nsec = (ms - seconds * 1000) * 1000000};
}

/* ---- the tables ---- */

const void *extensions_find(const char *id)
{
    static const struct llmspell_http http = {
        .size = sizeof http, .request = http_request, .release = http_release};
    static const struct llmspell_state state = {.size = sizeof state,
                                                .get = state_get,
                                                .set = state_set,
                                                .swap = state_swap,
                                                .remove = state_remove,
                                                .list = state_list};
    static const struct llmspell_secret secret = {
        .size = sizeof secret, .get = secret_get, .release = secret_release};
    static const struct llmspell_clock clock = {.size = sizeof clock, .now = clock_now};
    return strcmp(id, LLMSPELL_HTTP) == 0     ? (const void *)&http
           : strcmp(id, LLMSPELL_STATE) == 0  ? (const void *)&state
           : strcmp(id, LLMSPELL_SECRET) == 0 ? (const void *)&secret
           : strcmp(id, LLMSPELL_CLOCK) == 0  ? (const void *)&clock
           : strcmp(id, LLMSPELL_SCHEMA) == 0 ? (const void *)&checker_table
                                              : NULL;
}

/* ---- life ---- */

static bool asks_for(const json_t *capabilities, const char *capability)
{
    size_t i;
    json_t *item;
    json_array_foreach(capabilities, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), capability) == 0)
            return true;
    }
    return false;
}

void extensions_places(const struct extensions *extensions, secrets_place_fn each, void *data)
{
    secrets_places(extensions->secrets, each, data);
}

json_t *extensions_json(const struct extension_grants *grants)
{
    const struct http_policy_options *http = &grants->http;
    return json_pack("{s:s, s:O?, s:b, s:s, s:s*, s:s*, s:{s:s*, s:s*, s:s*, s:s*, s:b}}", "tool",
                     grants->tool, "capabilities", (json_t *)grants->capabilities, "net",
                     grants->net, "home", grants->home, "secrets", grants->secrets, "clock",
                     grants->clock, "http", "hosts", http->hosts, "ports", http->ports, "private",
                     http->private_hosts, "ca_file", http->ca_file, "insecure",
                     http->allow_insecure);
}

int extensions_from_json(const json_t *setup, struct extensions **ret_extensions,
                         struct error *ret_error)
{
    const json_t *http = json_object_get(setup, "http");
    struct extension_grants grants = {
        .tool = llmspell_string(setup, "tool"),
        .capabilities = json_object_get(setup, "capabilities"),
        .net = llmspell_bool(setup, "net", 0),
        .home = llmspell_string(setup, "home"),
        .secrets = llmspell_string(setup, "secrets"),
        .clock = llmspell_string(setup, "clock"),
        .http = {.hosts = llmspell_string(http, "hosts"),
                 .ports = llmspell_string(http, "ports"),
                 .private_hosts = llmspell_string(http, "private"),
                 .ca_file = llmspell_string(http, "ca_file"),
                 .allow_insecure = llmspell_bool(http, "insecure", 0)},
    };
    return extensions_new(&grants, ret_extensions, ret_error);
}

int extensions_new(const struct extension_grants *grants, struct extensions **ret_extensions,
                   struct error *ret_error)
{
    struct http_policy_options http = grants->http;
    struct extensions *extensions = calloc(1, sizeof *extensions);
    if (!extensions)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    pthread_mutex_init(&extensions->lock, NULL);
    http.capabilities = grants->capabilities;
    extensions->net = grants->net;
    extensions->may_state = asks_for(grants->capabilities, "state");
    extensions->stands = grants->clock && timestamp_parse(grants->clock, &extensions->clock_ms);
    extensions->home = strdup(grants->home);
    extensions->tool = strdup(grants->tool);
    int rc = extensions->home && extensions->tool
                 ? http_policy_new(&http, &extensions->http, ret_error)
                 : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (rc == 0)
        rc = secrets_new(grants->secrets, grants->capabilities, grants->tool, &extensions->secrets,
                         ret_error);
    if (rc == 0)
        *ret_extensions = extensions;
    else
        extensions_free(extensions);
    return rc;
}

void extensions_free(struct extensions *extensions)
{
    if (!extensions)
        return;
    if (extensions->store)
        extensions->state_module->close(extensions->store);
    http_policy_free(extensions->http);
    secrets_free(extensions->secrets);
    pthread_mutex_destroy(&extensions->lock);
    free(extensions->home);
    free(extensions->tool);
    free(extensions);
}
