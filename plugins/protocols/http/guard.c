/* SPDX-License-Identifier: Apache-2.0
 * Who may ask: the token, compared in constant time, and the Host header against DNS rebinding. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "http.h"

/* ---- the token ---- */

bool guard_token_is_good(const char *token)
{
    size_t size = strlen(token);
    return size >= HTTP_TOKEN_MIN && size <= HTTP_TOKEN_MAX &&
           strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
               size;
}

bool guard_make_token(char token[HTTP_TOKEN_MAX + 1])
{
    unsigned char bytes[32];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof bytes);
    return true;
}

/* Looks at all of what was given, whatever differs. */
static bool is_same(const char *given, size_t size, const char *secret)
{
    size_t length = strlen(secret);
    volatile unsigned char differs = size != length;
    for (size_t i = 0; i < size; i++)
        differs |= (unsigned char)(given[i] ^ secret[i % length]);
    return !differs;
}

bool guard_is_authorized(const struct http *http, const char *authorization)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return false;
    const char *given = authorization + 7 + strspn(authorization + 7, " ");
    return is_same(given, strlen(given), http->token);
}

/* ---- the host ---- */

/* The name within NAME, NAME:PORT, [ADDRESS] or [ADDRESS]:PORT. */
static bool split_host(const char *host, char *name, size_t room)
{
    bool bracket = *host == '[';
    const char *from = host + bracket;
    size_t size = strcspn(from, bracket ? "]" : ":");
    const char *rest = from + size + (bracket && from[size]);
    if (size == 0 || size >= room || (bracket && from[size] != ']'))
        return false;
    if (*rest && (*rest != ':' || rest[1 + strspn(rest + 1, "0123456789")]))
        return false;
    memcpy(name, from, size);
    name[size] = 0;
    return true;
}

static bool is_local_four(struct in_addr address, int fd)
{
    struct sockaddr_storage local = {0};
    const struct sockaddr_in *four = (const struct sockaddr_in *)&local;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&local;
    socklen_t size = sizeof local;
    if (ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET)
        return true;
    if (getsockname(fd, (struct sockaddr *)&local, &size) != 0)
        return false;
    if (local.ss_family == AF_INET)
        return four->sin_addr.s_addr == address.s_addr;
    return local.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
           memcmp(six->sin6_addr.s6_addr + 12, &address, sizeof address) == 0;
}

static bool is_local_six(const struct in6_addr *address, int fd)
{
    struct sockaddr_storage local = {0};
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&local;
    socklen_t size = sizeof local;
    if (IN6_IS_ADDR_LOOPBACK(address))
        return true;
    return getsockname(fd, (struct sockaddr *)&local, &size) == 0 && local.ss_family == AF_INET6 &&
           IN6_ARE_ADDR_EQUAL(&six->sin6_addr, address);
}

bool guard_knows_host(const char *host, int fd)
{
    char name[64];
    struct in_addr four;
    struct in6_addr six;
    if (!split_host(host, name, sizeof name))
        return false;
    if (strcasecmp(name, "localhost") == 0 || strcasecmp(name, "localhost.") == 0)
        return true;
    if (inet_pton(AF_INET, name, &four) == 1)
        return is_local_four(four, fd);
    return *host == '[' && inet_pton(AF_INET6, name, &six) == 1 && is_local_six(&six, fd);
}
