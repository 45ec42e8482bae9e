/* SPDX-License-Identifier: Apache-2.0
 * Between the host and its HTTP module llmspell-http.so, which is loaded at the first request so
 * that a process without one does not pay for libcurl. Not a public ABI: built together. */
#ifndef HOST_HTTP_H
#define HOST_HTTP_H

#include <llmspell/http.h>

#include "http/policy.h"

#define HTTP_MODULE "llmspell-http"
#define HTTP_MODULE_SYMBOL "llmspell_http_module"

struct http_job {
    const struct llmspell_http_request *request;
    const struct http_policy *policy;
    const struct llmspell_call *call; /* asked whether it is cancelled */
};

struct http_module {
    const char *version; /* LLMSPELL_VERSION of its build: another one is refused */

    /* As llmspell_http.request, with a struct error whose path is the pointer to blame. */
    int (*request)(const struct http_job *job, struct llmspell_http_response *ret_response,
                   struct error *ret_error);
    void (*release)(struct llmspell_http_response *response);
};

#endif
