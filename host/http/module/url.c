/* SPDX-License-Identifier: Apache-2.0
 * URLs, parsed by libcurl's own parser: what is judged is what is used. */
#include "http/module/url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void cleanup_handle(CURLU **handle)
{
    curl_url_cleanup(*handle);
}

#define CLEANUP_HANDLE __attribute__((cleanup(cleanup_handle)))

static int fail(const char *why, struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_EINVAL, "this is not a URL: %s", why);
}

/* A part that libcurl allocates → one that free() takes; absent is no failure. */
static char *take(CURLU *handle, CURLUPart part, unsigned flags, CURLUcode *ret_code)
{
    char *theirs = NULL, *ours = NULL;
    *ret_code = curl_url_get(handle, part, &theirs, flags);
    if (*ret_code == CURLUE_OK) {
        ours = strdup(theirs);
        if (!ours)
            *ret_code = CURLUE_OUT_OF_MEMORY;
    }
    curl_free(theirs);
    return ours;
}

static int check_text(const char *text, struct error *ret_error)
{
    if (strlen(text) > URL_MAX)
        return error_set(ret_error, LLMSPELL_EINVAL, "a URL may have %d bytes, not %zu", URL_MAX,
                         strlen(text));
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return fail("it holds a control character", ret_error);
    return 0;
}

static int check_scheme(CURLU *handle, bool *ret_tls, struct error *ret_error)
{
    CURLUcode code;
    char *scheme = take(handle, CURLUPART_SCHEME, 0, &code);
    bool http = scheme && strcasecmp(scheme, "http") == 0;
    *ret_tls = scheme && strcasecmp(scheme, "https") == 0;
    free(scheme);
    return http || *ret_tls
               ? 0
               : error_set(ret_error, LLMSPELL_EPERM, "only http and https URLs can be requested");
}

/* The host in ASCII; what the mapping makes of it ("127.0.0.1" out of full-width digits) is read
 * again by url_parse. */
static CURLUcode make_ascii(CURLU *handle)
{
    CURLUcode code;
    char *host = take(handle, CURLUPART_HOST, CURLU_PUNYCODE, &code);
    if (code == CURLUE_OK && host[0] != '[')
        code = curl_url_set(handle, CURLUPART_HOST, host, 0);
    free(host);
    return code;
}

static CURLUcode strip(CURLU *handle, struct url *url)
{
    CURLUcode code, ignored;
    url->user = take(handle, CURLUPART_USER, CURLU_URLDECODE, &ignored);
    url->password = take(handle, CURLUPART_PASSWORD, CURLU_URLDECODE, &ignored);
    code = curl_url_set(handle, CURLUPART_USER, NULL, 0);
    if (code == CURLUE_OK)
        code = curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
    if (code == CURLUE_OK)
        code = curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    return code == CURLUE_OK ? make_ascii(handle) : code;
}

/* The canonical text is parsed once more, and the parts are what that says. */
static CURLUcode read_parts(CURLU *first, struct url *url)
{
    CURLUcode code;
    char *text = take(first, CURLUPART_URL, 0, &code), *port = NULL;
    CLEANUP_HANDLE CURLU *again = curl_url();
    if (code == CURLUE_OK)
        code = again ? curl_url_set(again, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;
    free(text);
    if (code == CURLUE_OK)
        url->text = take(again, CURLUPART_URL, 0, &code);
    if (code == CURLUE_OK)
        url->host = take(again, CURLUPART_HOST, 0, &code);
    if (code == CURLUE_OK)
        port = take(again, CURLUPART_PORT, CURLU_DEFAULT_PORT, &code);
    if (port)
        url->port = (unsigned)strtoul(port, NULL, 10);
    free(port);
    return code;
}

int url_parse(const char *base, const char *text, struct url *ret_url, struct error *ret_error)
{
    CLEANUP_HANDLE CURLU *handle = curl_url();
    struct url url = {.text = NULL};
    CURLUcode code = handle ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
    int rc = check_text(text, ret_error);
    if (rc < 0)
        return rc;
    if (code == CURLUE_OK && base)
        code = curl_url_set(handle, CURLUPART_URL, base, 0);
    if (code == CURLUE_OK)
        code =
            curl_url_set(handle, CURLUPART_URL, text, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OK)
        rc = check_scheme(handle, &url.tls, ret_error);
    if (code == CURLUE_OK && rc == 0)
        code = strip(handle, &url);
    if (code == CURLUE_OK && rc == 0)
        code = read_parts(handle, &url);
    if (code != CURLUE_OK)
        rc = code == CURLUE_OUT_OF_MEMORY ? error_set(ret_error, LLMSPELL_ENOMEM, "out of memory")
                                          : fail(curl_url_strerror(code), ret_error);
    if (rc == 0)
        *ret_url = url;
    else
        url_clear(&url);
    return rc;
}

void url_clear(struct url *url)
{
    if (url->password)
        explicit_bzero(url->password, strlen(url->password));
    free(url->text);
    free(url->host);
    free(url->user);
    free(url->password);
    *url = (struct url){.text = NULL};
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->tls == b->tls && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}
