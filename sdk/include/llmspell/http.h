/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.http/1": HTTP for tools whose manifest has the capability `http` or
 * `http:HOST[:PORT]`. Every host name, every redirect and, after the look-up, every socket address
 * is held against the policy (docs/extensions.md): private addresses are refused however they are
 * written. TLS is verified, proxies of the environment are not used, no cookies are kept. */
#ifndef LLMSPELL_HTTP_H
#define LLMSPELL_HTTP_H

#include <llmspell/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_HTTP "llmspell.http/1"

#define LLMSPELL_HTTP_TRUNCATE 1u /* a body above max_bytes is cut there instead of an error */
#define LLMSPELL_HTTP_INSECURE 2u /* TLS peers are not verified; the policy must allow it */

/* Filled by the tool, borrowed for the request. Zero everything first; then set size. */
struct llmspell_http_request {
    uint32_t size;  /* sizeof at the plugin's build */
    uint32_t flags; /* LLMSPELL_HTTP_… or 0 */

    const char *url;    /* http or https, at most 8192 bytes; user info becomes basic credentials */
    const char *method; /* NULL = GET; any token but CONNECT and TRACE; sent as it is */

    /* An object: name → string, or array of strings for repeated headers; or NULL. Host,
     * Connection, Content-Length, Transfer-Encoding, Accept-Encoding, Proxy-* and the like belong
     * to the host. Only names such as Accept or Content-Type go along to another origin on a
     * redirect; Authorization, Cookie and unknown ones do not. */
    const json_t *headers;
    const void *body; /* or NULL */
    uint64_t body_size;

    uint64_t max_bytes;     /* of the body, decompressed; 0 = 10 MiB; the policy may set less */
    uint32_t timeout_ms;    /* the whole request with its redirects; 0 = 30 000 */
    uint32_t max_redirects; /* 0 = a redirect is the response; at most 20 */

    const char *pointer; /* the parameter to blame, "/url"; or NULL */
    const char
        *headers_pointer; /* the same for headers ("/headers"; "/NAME" is appended); or NULL */

    /* Optional: gets the decompressed body piece by piece instead of response.body. Not called for
     * a redirect that is followed. A negative code ends the request with it. [the thread of the
     * call]
     */
    int32_t (*write)(void *data, const void *bytes, uint64_t size);
    void *write_data;
};

/* Allocated by the tool with its size set; written only on success. What pointers lead to is the
 * host's: release frees it. */
struct llmspell_http_response {
    uint32_t size; /* sizeof at the plugin's build: members beyond it are not written */
    int32_t status;
    int32_t http_version; /* 10, 11, 20, 30 */
    int32_t truncated;    /* 1: LLMSPELL_HTTP_TRUNCATE has cut the body */

    const char *url;    /* of the last hop, without user info and fragment */
    const char *reason; /* "Not Found"; "" in HTTP/2 */
    const char *remote; /* the peer, "192.0.2.1:443" or "[2001:db8::1]:443" */
    json_t *headers; /* {"lower-case-name": "value"}; repeated ones joined by ", "; "set-cookie" is
                        an array. Borrowed until release */
    json_t *redirects; /* [{"status", "url"}] of the hops before; borrowed until release */

    const char *body;   /* NUL-terminated beyond body_size; "" with a write callback */
    uint64_t body_size; /* bytes, also of what write got */

    /* Microseconds since the last hop began; 0 = did not happen. total: of all hops. */
    uint64_t dns_us, connect_us, tls_us, first_byte_us, total_us;
};

struct llmspell_http {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* Runs one request to its end. 0 whatever the HTTP status is, or a negative code with the
     * call's error set: invalid_params (URL, method, header), permission_denied (capability, host,
     * port, address, scheme, https → http), network_error (look-up, connection, TLS, protocol, too
     * many redirects), timeout, limit_exceeded (body, headers), cancelled, unavailable (this
     * installation lacks its HTTP client), what write returned. [the thread of the call] */
    int32_t (*request)(struct llmspell_call *call, const struct llmspell_http_request *request,
                       struct llmspell_http_response *ret_response);

    /* Frees what request wrote and zeroes it but for size; a response of zeros is fine.
     * [any-thread] */
    void (*release)(struct llmspell_http_response *response);
};

#ifdef __cplusplus
}
#endif

/* The HTTP client; NULL (with the error set) if this host has none. */
static inline const struct llmspell_http *llmspell_http_get(struct llmspell_call *call)
{
    const struct llmspell_http *http =
        (const struct llmspell_http *)call->host->extension(call->ctx, LLMSPELL_HTTP);
    if (!http)
        llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "this host has no HTTP client (%s)",
                      LLMSPELL_HTTP);
    return http;
}

/* One request; sets both sizes. After success: llmspell_http_release(call, ret_response). */
static inline int32_t llmspell_http_fetch(struct llmspell_call *call,
                                          struct llmspell_http_request *request,
                                          struct llmspell_http_response *ret_response)
{
    const struct llmspell_http *http = llmspell_http_get(call);
    if (!http)
        return LLMSPELL_EUNAVAILABLE;
    memset(ret_response, 0, sizeof *ret_response);
    request->size = (uint32_t)sizeof *request;
    ret_response->size = (uint32_t)sizeof *ret_response;
    return http->request(call, request, ret_response);
}

static inline void llmspell_http_release(struct llmspell_call *call,
                                         struct llmspell_http_response *response)
{
    const struct llmspell_http *http =
        (const struct llmspell_http *)call->host->extension(call->ctx, LLMSPELL_HTTP);
    if (http)
        http->release(response);
}

#endif
