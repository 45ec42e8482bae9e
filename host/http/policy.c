/* SPDX-License-Identifier: Apache-2.0
 * Lists of hosts and ports, and what they allow. */
#include "http/policy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#define HOST_MAX 256  /* bytes of a name with its NUL */
#define RULES_MAX 256 /* of one list */

enum rule_kind { RULE_ANY, RULE_NAME, RULE_BELOW, RULE_NET };

struct rule {
    enum rule_kind kind;
    unsigned port; /* 0 = any */
    struct address_net net;
    char name[HOST_MAX]; /* lower case; of RULE_BELOW with its first dot: ".example.org" */
};

struct rules {
    struct rule *items;
    size_t count;
};

struct range {
    unsigned low, high;
};

struct http_policy {
    struct rules asked, granted, open; /* open: let through the address guard */
    struct range *ports;
    size_t port_count;
    struct http_policy_limits limits;
    char *ca_file, *resolve;
};

/* ---- one rule ---- */

static bool parse_port(const char *text, size_t n, unsigned *ret_port)
{
    unsigned port = 0;
    if (n == 0 || n > 5)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *ret_port = port;
    return port > 0 && port <= 65535;
}

/* Cuts ":PORT" off; an IPv6 address without brackets has more than one colon and no port. */
static bool split_port(char *text, unsigned *ret_port)
{
    char *close_bracket = strrchr(text, ']'), *colon = strrchr(text, ':');
    if (!colon || (close_bracket && colon < close_bracket) ||
        (!close_bracket && strchr(text, ':') != colon))
        return true;
    *colon = '\0';
    return parse_port(colon + 1, strlen(colon + 1), ret_port);
}

static bool is_name(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-._", *at))
            return false;
    return *text && *text != '.' && !strstr(text, "..");
}

/* Lower case, without the dot that ends a name. False if it is too long. */
static bool fold(const char *text, char folded[HOST_MAX])
{
    size_t n = strlen(text);
    if (n > 1 && text[n - 1] == '.')
        n--;
    if (n == 0 || n >= HOST_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        folded[i] = (char)tolower((unsigned char)text[i]);
    folded[n] = '\0';
    return true;
}

static bool parse_rule(const char *text, struct rule *ret_rule)
{
    char name[HOST_MAX];
    *ret_rule = (struct rule){.kind = RULE_NAME};
    if (strcmp(text, "*.") == 0 || !fold(text, name))
        return false;
    if (!strchr(name, '/') && !split_port(name, &ret_rule->port))
        return false;
    if (address_net_parse(name, &ret_rule->net)) {
        ret_rule->kind = RULE_NET;
        return true;
    }
    if (strcmp(name, "*") == 0) {
        ret_rule->kind = RULE_ANY;
        return true;
    }
    bool below = strncmp(name, "*.", 2) == 0;
    ret_rule->kind = below ? RULE_BELOW : RULE_NAME;
    memcpy(ret_rule->name, name + below, strlen(name + below) + 1);
    return is_name(name + (below ? 2 : 0));
}

static bool rule_fits(const struct rule *rule, const char *host, const struct address *address,
                      unsigned port)
{
    if (rule->port && rule->port != port)
        return false;
    size_t n = strlen(host), m = strlen(rule->name);
    switch (rule->kind) {
    case RULE_ANY:
        return true;
    case RULE_NAME:
        return strcmp(host, rule->name) == 0;
    case RULE_BELOW:
        return n > m && strcmp(host + n - m, rule->name) == 0;
    case RULE_NET:
        return address && address_in_net(address, &rule->net);
    }
    return false;
}

/* address: NULL if it is not known. */
static bool rules_fit(const struct rules *rules, const char *host, const struct address *address,
                      unsigned port)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rule_fits(&rules->items[i], host, address, port))
            return true;
    return false;
}

/* ---- lists ---- */

static int add_rule(struct rules *rules, const char *text, const char *what,
                    struct error *ret_error)
{
    struct rule rule;
    if (!parse_rule(text, &rule))
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%s: \"%s\" is no host: write NAME, *.NAME, * or an address, each with "
                         ":PORT or without",
                         what, text);
    struct rule *grown = rules->count < RULES_MAX
                             ? reallocarray(rules->items, rules->count + 1, sizeof *grown)
                             : NULL;
    if (!grown)
        return error_set(ret_error, LLMSPELL_ELIMIT, "%s: more than %d hosts", what, RULES_MAX);
    rules->items = grown;
    grown[rules->count++] = rule;
    return 0;
}

#define SEPARATORS ", \t\n"

/* The next item of a list, cut to the buffer; false at the end. */
static bool next_item(const char **at, char item[HOST_MAX])
{
    *at += strspn(*at, SEPARATORS);
    size_t n = strcspn(*at, SEPARATORS), kept = n < HOST_MAX ? n : HOST_MAX - 1;
    memcpy(item, *at, kept);
    item[kept] = '\0';
    *at += n;
    return n > 0;
}

static int add_list(struct rules *rules, const char *text, const char *what,
                    struct error *ret_error)
{
    char item[HOST_MAX];
    int rc = 0;
    while (rc == 0 && text && next_item(&text, item))
        rc = add_rule(rules, item, what, ret_error);
    return rc;
}

static int add_capabilities(struct rules *rules, const json_t *capabilities,
                            struct error *ret_error)
{
    size_t i;
    json_t *item;
    json_array_foreach(capabilities, i, item)
    {
        const char *text = json_string_value(item);
        int rc = 0;
        if (text && strcmp(text, "http") == 0)
            rc = add_rule(rules, "*", "capability http", ret_error);
        else if (text && strncmp(text, "http:", 5) == 0)
            rc = add_rule(rules, text + 5, "capability http", ret_error);
        if (rc < 0 && ret_error)
            ret_error->code = LLMSPELL_EREFUSED;
        if (rc < 0)
            return LLMSPELL_EREFUSED;
    }
    return 0;
}

static int add_ports(struct http_policy *policy, const char *text, struct error *ret_error)
{
    char item[HOST_MAX];
    while (text && next_item(&text, item)) {
        struct range range;
        size_t n = strcspn(item, "-");
        if (!parse_port(item, n, &range.low) ||
            !parse_port(item[n] ? item + n + 1 : item, item[n] ? strlen(item + n + 1) : n,
                        &range.high) ||
            range.low > range.high)
            return error_set(ret_error, LLMSPELL_EINVAL,
                             "http_ports: \"%s\" is neither a port nor a range such as 8000-8999",
                             item);
        struct range *grown = reallocarray(policy->ports, policy->port_count + 1, sizeof *grown);
        if (!grown)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        policy->ports = grown;
        grown[policy->port_count++] = range;
    }
    return 0;
}

static int copy_text(const char *text, char **ret_copy, struct error *ret_error)
{
    if (!text || !*text)
        return 0;
    *ret_copy = strdup(text);
    return *ret_copy ? 0 : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}

static int fill(struct http_policy *policy, const struct http_policy_options *options,
                struct error *ret_error)
{
    int rc = add_capabilities(&policy->asked, options->capabilities, ret_error);
    if (rc < 0 || policy->asked.count == 0)
        return rc;
    rc = add_list(&policy->granted, options->hosts ? options->hosts : "*", "http_hosts", ret_error);
    if (rc == 0)
        rc = add_list(&policy->open, options->private_hosts, "http_private", ret_error);
    if (rc == 0)
        rc = add_ports(policy, options->ports, ret_error);
    if (rc == 0)
        rc = copy_text(options->ca_file, &policy->ca_file, ret_error);
    if (rc == 0)
        rc = copy_text(options->resolve, &policy->resolve, ret_error);
    policy->limits =
        (struct http_policy_limits){options->max_bytes, options->max_ms, options->allow_insecure,
                                    policy->ca_file, policy->resolve};
    return rc;
}

int http_policy_new(const struct http_policy_options *options, struct http_policy **ret_policy,
                    struct error *ret_error)
{
    struct http_policy *policy = calloc(1, sizeof *policy);
    if (!policy)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = fill(policy, options, ret_error);
    bool any = policy->asked.count > 0;
    if (rc < 0 || !any) {
        http_policy_free(policy);
        policy = NULL;
    }
    if (rc == 0)
        *ret_policy = policy;
    return rc;
}

void http_policy_free(struct http_policy *policy)
{
    if (!policy)
        return;
    free(policy->asked.items);
    free(policy->granted.items);
    free(policy->open.items);
    free(policy->ports);
    free(policy->ca_file);
    free(policy->resolve);
    free(policy);
}

struct http_policy_limits http_policy_limits(const struct http_policy *policy)
{
    return policy->limits;
}

/* ---- questions ---- */

static bool port_allowed(const struct http_policy *policy, unsigned port)
{
    for (size_t i = 0; i < policy->port_count; i++)
        if (port >= policy->ports[i].low && port <= policy->ports[i].high)
            return true;
    return policy->port_count == 0;
}

/* RFC 6761: these mean this machine, whatever a look-up would say. */
static bool is_localhost(const char *name)
{
    static const char word[] = "localhost";
    size_t n = strlen(name), m = sizeof word - 1;
    return n >= m && strcmp(name + n - m, word) == 0 && (n == m || name[n - m - 1] == '.');
}

static int check_address(const struct http_policy *policy, const char *name, unsigned port,
                         const struct address *address, struct error *ret_error)
{
    enum address_kind kind = address_kind(address);
    if (kind == ADDRESS_GLOBAL || rules_fit(&policy->open, name, address, port))
        return 0;
    char text[ADDRESS_TEXT_MAX];
    address_format(address, text);
    return error_set(ret_error, LLMSPELL_EPERM,
                     "%s%s%s is a %s address, which tools may not reach; [policy] http_private = "
                     "%s:%u would allow it",
                     name, strcmp(name, text) == 0 ? "" : " at ",
                     strcmp(name, text) == 0 ? "" : text, address_kind_name(kind), name, port);
}

int http_policy_check_host(const struct http_policy *policy, const char *host, unsigned port,
                           struct error *ret_error)
{
    static const struct address loopback = {{[10] = 0xff, 0xff, 127, 0, 0, 1}};
    char name[HOST_MAX];
    struct address address;
    if (!fold(host, name))
        return error_set(ret_error, LLMSPELL_EPERM, "the host name is too long");
    bool known = address_parse(name, &address);
    const struct address *literal = known ? &address : NULL;
    if (!rules_fit(&policy->asked, name, literal, port))
        return error_set(ret_error, LLMSPELL_EPERM,
                         "%s:%u is not among the hosts that this tool's manifest asks for", name,
                         port);
    if (!rules_fit(&policy->granted, name, literal, port))
        return error_set(ret_error, LLMSPELL_EPERM,
                         "%s:%u is not among the hosts that [policy] http_hosts grants", name,
                         port);
    if (!port_allowed(policy, port))
        return error_set(ret_error, LLMSPELL_EPERM,
                         "port %u is not among those that [policy] http_ports grants", port);
    if (known)
        return check_address(policy, name, port, &address, ret_error);
    return is_localhost(name) ? check_address(policy, name, port, &loopback, ret_error) : 0;
}

int http_policy_check_address(const struct http_policy *policy, const char *host, unsigned port,
                              const struct address *address, struct error *ret_error)
{
    char name[HOST_MAX];
    if (!fold(host, name))
        return error_set(ret_error, LLMSPELL_EPERM, "the host name is too long");
    return check_address(policy, name, port, address, ret_error);
}
