/* SPDX-License-Identifier: Apache-2.0
 * Where a tool's HTTP requests may go: `http` capabilities of its manifest ∩ what the operator
 * grants, and the address guard. Made by tool/extensions.c; asked by the HTTP module at each hop.
 */
#ifndef HOST_HTTP_POLICY_H
#define HOST_HTTP_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/address.h"
#include "util/error.h"

struct http_policy; /* immutable */

/* Lists are separated by commas or blanks. HOST is a name, "*.example.org" (any name below it, not
 * itself), "*" or an address; ":PORT" limits it to one port; IPv6 with a port needs brackets. */
struct http_policy_options {
    const json_t *capabilities; /* of the manifest: "http", "http:HOST[:PORT]", others */
    const char *hosts;          /* granted HOST[:PORT]; NULL = "*" */
    const char *ports;          /* "80, 443, 8000-8999"; NULL or "" = all */
    const char *private_hosts;  /* HOST[:PORT] or nets ("10.0.0.0/8") that the guard lets through */
    const char *ca_file;        /* further PEM certificates instead of the system's; or NULL */
    bool allow_insecure;        /* TLS without verification may be asked for */
    uint64_t max_bytes;         /* of a body; 0 = what the request says */
    int64_t max_ms;             /* of a request; 0 = what the request says */
    const char *resolve;        /* tests: curl's "HOST:PORT:ADDRESS", one; or NULL */
};

/* *ret_policy is NULL if no capability is for HTTP. EINVAL names the item of a list that is not
 * acceptable, EREFUSED a capability. [any-thread] */
int http_policy_new(const struct http_policy_options *options, struct http_policy **ret_policy,
                    struct error *ret_error);
void http_policy_free(struct http_policy *policy);

/* May a request go to this host, as it stands in the canonical URL? Before any look-up: names of
 * this machine and addresses are judged here. 0 or EPERM, whose message names the setting to
 * change. [any-thread] */
int http_policy_check_host(const struct http_policy *policy, const char *host, unsigned port,
                           struct error *ret_error);

/* May the connection for that host go to this address? EPERM names both. [any-thread] */
int http_policy_check_address(const struct http_policy *policy, const char *host, unsigned port,
                              const struct address *address, struct error *ret_error);

/* What does not depend on the host. */
struct http_policy_limits {
    uint64_t max_bytes;
    int64_t max_ms;
    bool allow_insecure;
    const char *ca_file, *resolve; /* borrowed */
};
struct http_policy_limits http_policy_limits(const struct http_policy *policy);

#endif
