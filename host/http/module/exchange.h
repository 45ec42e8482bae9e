/* SPDX-License-Identifier: Apache-2.0
 * One request with all its hops inside the HTTP module. Private to host/http/module/. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "http/http.h"
#include "http/module/url.h"

#define HTTP_HEADERS_MAX (128u << 10) /* bytes of all headers of a response, and of a request */

/* What came back in the hop that runs. */
struct answer {
    json_t *headers;
    char reason[128];
    char *body;
    size_t size, room; /* of body; size counts what a write callback got, too */
    size_t header_bytes;
    bool truncated, redirect; /* the body was cut; the body was not wanted */
};

struct exchange {
    const struct http_job *job;
    const struct llmspell_http_request *request;
    struct http_policy_limits limits;
    struct error *error; /* of the caller; may be NULL */
    uint64_t max_bytes;
    int64_t started_ns, deadline_ns;

    CURLM *multi; /* holds the connections from hop to hop */
    CURL *easy;   /* of the hop that runs */
    struct url url;
    const char *method;
    bool with_body;
    bool foreign; /* another origin than the first: no credentials */
    unsigned hops;
    json_t *redirects;

    struct answer answer;
    int rc; /* a callback has stopped the transfer for this reason; its error is set */
    struct error refused; /* code < 0: the guard refused an address */
    char curl_error[CURL_ERROR_SIZE];
};

int64_t exchange_now_ns(void);

/* ---- request.c ---- */

/* Method and headers, before anything is sent. EINVAL. */
int request_check(const struct llmspell_http_request *request, struct error *ret_error);

/* The header lines of the next hop; NULL without memory. */
struct curl_slist *request_headers(const struct exchange *exchange);

/* ---- answer.c ---- */

void answer_clear(struct answer *answer);

/* One header line as curl gives it, with the status line that begins another answer. 0, ELIMIT,
 * ENOMEM. */
int answer_header(struct exchange *exchange, const char *line, size_t size);

/* A piece of the decompressed body. 0, or why the transfer ends; what redirect and truncated tell
 * is no failure. */
int answer_body(struct exchange *exchange, const char *bytes, size_t size);

/* The Location of an answer that is to be followed, or NULL. */
const char *answer_location(const struct exchange *exchange);

/* ---- transfer.c ---- */

/* Runs one hop: fills answer; easy stays for its facts. */
int transfer_run(struct exchange *exchange);

#endif
