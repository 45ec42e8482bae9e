/* SPDX-License-Identifier: Apache-2.0
 * IP addresses and what kind they are: the ground of the address guard. Used by http/policy.c, by
 * the HTTP module after the look-up, and by tools that judge addresses. */
#ifndef HOST_ADDRESS_H
#define HOST_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 48

/* IPv4 is kept as ::ffff:a.b.c.d, so that both are compared alike. */
struct address {
    unsigned char bytes[16];
};

struct address_net {
    struct address base;
    unsigned prefix; /* bits of 128 */
};

enum address_kind {
    ADDRESS_GLOBAL, /* the only one that is reachable by everybody */
    ADDRESS_UNSPECIFIED,
    ADDRESS_LOOPBACK,
    ADDRESS_PRIVATE,
    ADDRESS_LINK_LOCAL, /* with 169.254.169.254, where clouds keep credentials */
    ADDRESS_SHARED,     /* behind a carrier's NAT */
    ADDRESS_MULTICAST,
    ADDRESS_DOCUMENTATION,
    ADDRESS_RESERVED
};

/* False if it is no IPv4 or IPv6 address. [any-thread] */
bool address_from_sockaddr(const struct sockaddr *socket, socklen_t size,
                           struct address *ret_address);

/* Four decimal parts, or IPv6 with or without brackets and zone; nothing else. [any-thread] */
bool address_parse(const char *text, struct address *ret_address);

/* "10.0.0.0/8", "fd00::/8", or one address; bits behind the prefix must be 0. [any-thread] */
bool address_net_parse(const char *text, struct address_net *ret_net);

bool address_in_net(const struct address *address, const struct address_net *net);

/* Addresses that hold an IPv4 address (mapped, translated, NAT64, 6to4) are judged by that; Teredo
 * and all that IANA has not assigned to the public is reserved. [any-thread] */
enum address_kind address_kind(const struct address *address);

/* "private", "link-local" …; static. */
const char *address_kind_name(enum address_kind kind);

void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX]);

#endif
