/* SPDX-License-Identifier: Apache-2.0
 * The HTTP module's entry: a request from its checks over its redirects to the response. Loaded and
 * called by tool/extensions.c. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/module/exchange.h"

#define TIMEOUT_MS 30000
#define BODY_MAX (10ull << 20)
#define REDIRECTS_MAX 20

/* What the structs of the first release had: a tool of that time passes no more. */
#define REQUEST_SIZE (offsetof(struct llmspell_http_request, write_data) + sizeof(void *))
#define RESPONSE_SIZE (offsetof(struct llmspell_http_response, total_us) + sizeof(uint64_t))

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- before ---- */

static int check_request(const struct exchange *exchange)
{
    const struct llmspell_http_request *request = exchange->request;
    if (request->size < REQUEST_SIZE || !request->url || (request->body_size && !request->body))
        return error_set(exchange->error, LLMSPELL_EINVAL,
                         "the tool filled struct llmspell_http_request wrongly (size, url, body)");
    if ((request->flags & LLMSPELL_HTTP_INSECURE) && !exchange->limits.allow_insecure)
        return error_set(exchange->error, LLMSPELL_EPERM,
                         "connections without verification are not allowed ([policy] "
                         "http_insecure)");
    if (request->max_redirects > REDIRECTS_MAX)
        return error_set(exchange->error, LLMSPELL_EINVAL, "at most %d redirects can be followed",
                         REDIRECTS_MAX);
    return request_check(request, exchange->error);
}

/* Errors about the URL name its parameter. */
static int blame(const struct exchange *exchange, int rc)
{
    const char *pointer = exchange->request->pointer;
    struct error copy;
    if (rc < 0 && exchange->error && pointer) {
        copy = *exchange->error;
        error_set_at(exchange->error, rc, pointer, "%s", copy.message);
    }
    return rc;
}

static int start(struct exchange *exchange)
{
    int rc = url_parse(NULL, exchange->request->url, &exchange->url, exchange->error);
    if (rc == LLMSPELL_EPERM) { /* of the caller's own URL this is a matter of its form */
        rc = LLMSPELL_EINVAL;
        if (exchange->error)
            exchange->error->code = rc;
    }
    if (rc == 0)
        rc = http_policy_check_host(exchange->job->policy, exchange->url.host, exchange->url.port,
                                    exchange->error);
    return blame(exchange, rc);
}

/* ---- redirects ---- */

static int check_redirect(const struct exchange *exchange, const struct url *next)
{
    if (exchange->url.tls && !next->tls)
        return error_set(exchange->error, LLMSPELL_EPERM,
                         "%s redirects from https to http, which is not followed",
                         exchange->url.host);
    return http_policy_check_host(exchange->job->policy, next->host, next->port, exchange->error);
}

/* As browsers do: 303, and POST at 301 and 302, go on with GET. */
static void change_method(struct exchange *exchange, long status)
{
    bool post = strcasecmp(exchange->method, "POST") == 0;
    bool head = strcasecmp(exchange->method, "HEAD") == 0;
    if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
        exchange->method = "GET";
        exchange->with_body = false;
    }
}

static int note_redirect(struct exchange *exchange, long status)
{
    json_t *entry =
        json_pack("{s:I, s:s}", "status", (json_int_t)status, "url", exchange->url.text);
    if (!exchange->redirects)
        exchange->redirects = json_array();
    return json_array_append_new(exchange->redirects, entry) == 0
               ? 0
               : error_set(exchange->error, LLMSPELL_ENOMEM, "out of memory");
}

static int follow(struct exchange *exchange, const char *location)
{
    struct url next;
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->hops++ >= exchange->request->max_redirects)
        return error_set(exchange->error, LLMSPELL_ENETWORK, "more than %u redirects",
                         exchange->request->max_redirects);
    int rc = url_parse(exchange->url.text, location, &next, exchange->error);
    if (rc == LLMSPELL_EINVAL)
        return error_set(exchange->error, LLMSPELL_ENETWORK, "%s redirects to what is not a URL",
                         exchange->url.host);
    if (rc < 0)
        return rc;
    rc = check_redirect(exchange, &next);
    if (rc == 0)
        rc = note_redirect(exchange, status);
    if (rc < 0) {
        url_clear(&next);
        return rc;
    }
    change_method(exchange, status);
    exchange->foreign |= !url_same_origin(&exchange->url, &next);
    struct url before = exchange->url;
    exchange->url = next; /* user info in a Location is not what the caller gave */
    if (exchange->url.password)
        explicit_bzero(exchange->url.password, strlen(exchange->url.password));
    free(exchange->url.user);
    free(exchange->url.password);
    exchange->url.user = before.user;
    exchange->url.password = before.password;
    before.user = before.password = NULL;
    url_clear(&before);
    return 0;
}

static int run_hops(struct exchange *exchange)
{
    for (;;) {
        int rc = transfer_run(exchange);
        if (rc < 0)
            return rc;
        const char *location = answer_location(exchange);
        if (!location)
            return 0;
        rc = blame(exchange, follow(exchange, location));
        if (rc < 0)
            return rc;
    }
}

/* ---- after ---- */

static uint64_t spent(CURL *easy, CURLINFO what, CURLINFO since)
{
    curl_off_t until = 0, from = 0;
    curl_easy_getinfo(easy, what, &until);
    if (since != CURLINFO_NONE)
        curl_easy_getinfo(easy, since, &from);
    return until > from ? (uint64_t)(until - from) : 0;
}

static int32_t version_number(long version)
{
    return version == CURL_HTTP_VERSION_3     ? 30
           : version == CURL_HTTP_VERSION_2_0 ? 20
           : version == CURL_HTTP_VERSION_1_0 ? 10
                                              : 11;
}

static char *remote_text(CURL *easy)
{
    char *ip = NULL, *text = NULL;
    long port = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
    if (!ip || asprintf(&text, strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld", ip, port) < 0)
        return NULL;
    return text;
}

static void fill_facts(struct exchange *exchange, struct llmspell_http_response *response)
{
    CURL *easy = exchange->easy;
    long status = 0, version = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    response->status = (int32_t)status;
    response->http_version = version_number(version);
    response->truncated = exchange->answer.truncated;
    response->body_size = exchange->answer.size;
    response->dns_us = spent(easy, CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_NONE);
    response->connect_us = spent(easy, CURLINFO_CONNECT_TIME_T, CURLINFO_NAMELOOKUP_TIME_T);
    response->tls_us = spent(easy, CURLINFO_APPCONNECT_TIME_T, CURLINFO_CONNECT_TIME_T);
    response->first_byte_us = spent(easy, CURLINFO_STARTTRANSFER_TIME_T, CURLINFO_NONE);
    response->total_us = (uint64_t)(exchange_now_ns() - exchange->started_ns) / 1000;
}

static void release(struct llmspell_http_response *response)
{
    uint32_t size = response->size;
    free((char *)response->url);
    free((char *)response->reason);
    free((char *)response->remote);
    free((char *)response->body);
    json_decref(response->headers);
    json_decref(response->redirects);
    memset(response, 0, RESPONSE_SIZE);
    response->size = size;
}

/* Takes what the exchange holds. */
static int fill_response(struct exchange *exchange, struct llmspell_http_response *ret_response)
{
    struct llmspell_http_response response = {.size = ret_response->size};
    struct answer *answer = &exchange->answer;
    fill_facts(exchange, &response);
    response.reason = strdup(answer->reason);
    response.remote = remote_text(exchange->easy);
    response.url = exchange->url.text;
    response.body = answer->body ? answer->body : calloc(1, 1);
    response.headers = answer->headers ? answer->headers : json_object();
    response.redirects = exchange->redirects ? exchange->redirects : json_array();
    exchange->url.text = NULL;
    answer->body = NULL;
    answer->headers = exchange->redirects = NULL;
    if (response.reason && response.remote && response.body && response.headers &&
        response.redirects) {
        memcpy(ret_response, &response, RESPONSE_SIZE);
        return 0;
    }
    release(&response);
    return error_set(exchange->error, LLMSPELL_ENOMEM, "out of memory");
}

static void exchange_clear(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    curl_multi_cleanup(exchange->multi);
    answer_clear(&exchange->answer);
    json_decref(exchange->redirects);
    url_clear(&exchange->url);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a && (!b || a < b) ? a : b;
}

static int request(const struct http_job *job, struct llmspell_http_response *ret_response,
                   struct error *ret_error)
{
    const struct llmspell_http_request *asked = job->request;
    struct exchange exchange = {.job = job,
                                .request = asked,
                                .limits = http_policy_limits(job->policy),
                                .error = ret_error,
                                .started_ns = exchange_now_ns()};
    if (ret_response->size < RESPONSE_SIZE)
        return error_set(ret_error, LLMSPELL_EINVAL, "the tool did not set size of its response");
    int rc = check_request(&exchange);
    if (rc < 0)
        return rc;
    uint64_t ms =
        least(asked->timeout_ms ? asked->timeout_ms : TIMEOUT_MS, (uint64_t)exchange.limits.max_ms);
    exchange.deadline_ns = exchange.started_ns + (int64_t)ms * 1000000;
    exchange.max_bytes =
        least(asked->max_bytes ? asked->max_bytes : BODY_MAX, exchange.limits.max_bytes);
    exchange.method = asked->method ? asked->method : "GET";
    exchange.with_body = asked->body_size > 0;
    pthread_once(&once, initialise);
    exchange.multi = curl_multi_init();
    rc = exchange.multi ? start(&exchange) : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (rc == 0)
        rc = run_hops(&exchange);
    if (rc == 0)
        rc = fill_response(&exchange, ret_response);
    exchange_clear(&exchange);
    return rc;
}

extern const struct http_module llmspell_http_module;
LLMSPELL_EXPORT const struct http_module llmspell_http_module = {
    .version = LLMSPELL_VERSION, .request = request, .release = release};
