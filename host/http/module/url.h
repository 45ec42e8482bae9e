/* SPDX-License-Identifier: Apache-2.0
 * URLs in one canonical form, so that the policy judges what libcurl connects to. Private to
 * host/http/module/. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>

#include "util/error.h"

#define URL_MAX 8192 /* bytes */

struct url {
    char *text;            /* without user info and fragment; host in ASCII, IPv4 in four parts */
    char *host;            /* IPv6 in brackets */
    char *user, *password; /* decoded, or NULL */
    unsigned port;
    bool tls;
};

/* base: what a relative text starts from, or NULL. EINVAL: no URL, EPERM: neither http nor https.
 */
int url_parse(const char *base, const char *text, struct url *ret_url, struct error *ret_error);
void url_clear(struct url *url);

bool url_same_origin(const struct url *a, const struct url *b);

#endif
