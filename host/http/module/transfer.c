/* SPDX-License-Identifier: Apache-2.0
 * One hop through libcurl: its options, the guard on every socket, the loop that looks for
 * cancellation. */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/module/exchange.h"

#define CONNECT_MS 10000
#define POLL_MS 50 /* how long a cancellation may go unseen */

int64_t exchange_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the guard ---- */

static bool address_allowed(struct exchange *exchange, const struct address *address)
{
    return http_policy_check_address(exchange->job->policy, exchange->url.host, exchange->url.port,
                                     address, &exchange->refused) == 0;
}

/* After the look-up, before connect: the address that is really used. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *peer)
{
    struct exchange *exchange = data;
    struct address address;
    if (purpose != CURLSOCKTYPE_IPCXN ||
        !address_from_sockaddr(&peer->addr, peer->addrlen, &address) ||
        !address_allowed(exchange, &address))
        return CURL_SOCKET_BAD;
    return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

/* Once more on the connection that was made or is used again, before the request goes out. */
static int before_request(void *data, char *peer, char *local, int peer_port, int local_port)
{
    struct exchange *exchange = data;
    struct address address;
    (void)local, (void)peer_port, (void)local_port;
    bool allowed = peer && address_parse(peer, &address) && address_allowed(exchange, &address);
    return allowed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- data ---- */

static size_t take_header(char *line, size_t one, size_t size, void *data)
{
    struct exchange *exchange = data;
    (void)one;
    exchange->rc = answer_header(exchange, line, size);
    return exchange->rc < 0 ? 0 : size;
}

static size_t take_body(char *bytes, size_t one, size_t size, void *data)
{
    struct exchange *exchange = data;
    (void)one;
    if (size == 0)
        return 0;
    exchange->rc = answer_body(exchange, bytes, size);
    bool enough = exchange->answer.redirect || exchange->answer.truncated;
    return exchange->rc < 0 || enough ? 0 : size;
}

/* ---- options ---- */

static void set_limits(CURL *easy, const struct exchange *exchange)
{
    int64_t left = (exchange->deadline_ns - exchange_now_ns()) / 1000000;
    long ms = left > 1 ? (long)left : 1;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MS ? ms : (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A look-up that hangs is left to its thread instead of being waited for. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

static void set_safety(CURL *easy, struct exchange *exchange)
{
    bool verify = !(exchange->request->flags & LLMSPELL_HTTP_INSECURE);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* the environment's would go round the guard */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (exchange->limits.ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, exchange->limits.ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
}

static void set_message(CURL *easy, struct exchange *exchange)
{
    const struct llmspell_http_request *request = exchange->request;
    const char *method = exchange->method;
    bool usual = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                 strcmp(method, "PATCH") == 0; /* these have a length, be it 0 */
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (exchange->with_body || usual) {
        uint64_t size = exchange->with_body ? request->body_size : 0;
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, size ? (const char *)request->body : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_options(CURL *easy, struct exchange *exchange, struct curl_slist *headers,
                        struct curl_slist *resolve)
{
    curl_easy_setopt(easy, CURLOPT_URL, exchange->url.text);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->curl_error);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "llmspell/" LLMSPELL_VERSION);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); /* all that libcurl can decompress */
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    if (resolve)
        curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve);
    if (exchange->url.user && !exchange->foreign) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, exchange->url.user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         exchange->url.password ? exchange->url.password : "");
    }
    set_message(easy, exchange);
    set_limits(easy, exchange);
    set_safety(easy, exchange);
}

/* ---- the loop ---- */

/* 0, or why the transfer has to end now. */
static int should_stop(struct exchange *exchange)
{
    const struct llmspell_call *call = exchange->job->call;
    int rc = call->host->cancelled(call);
    if (rc == 0 && exchange_now_ns() >= exchange->deadline_ns)
        rc = error_set_at(exchange->error, LLMSPELL_ETIMEOUT, exchange->request->pointer,
                          "no complete response from %s within the time limit", exchange->url.host);
    return rc;
}

static CURLcode finished(CURLM *multi)
{
    int left;
    CURLMsg *message = curl_multi_info_read(multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
}

static CURLcode loop(struct exchange *exchange)
{
    int running = 1;
    for (;;) {
        if (curl_multi_perform(exchange->multi, &running) != CURLM_OK)
            return CURLE_FAILED_INIT;
        if (!running)
            return finished(exchange->multi);
        exchange->rc = should_stop(exchange);
        if (exchange->rc < 0)
            return CURLE_ABORTED_BY_CALLBACK;
        curl_multi_poll(exchange->multi, NULL, 0, POLL_MS, NULL);
    }
}

static int fail(struct exchange *exchange, CURLcode code)
{
    const char *pointer = exchange->request->pointer, *host = exchange->url.host;
    if (exchange->rc < 0)
        return exchange->rc;
    if (exchange->refused.code < 0)
        return error_set_at(exchange->error, exchange->refused.code, pointer, "%s",
                            exchange->refused.message);
    if (code == CURLE_OUT_OF_MEMORY)
        return error_set(exchange->error, LLMSPELL_ENOMEM, "out of memory");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set_at(exchange->error, LLMSPELL_ETIMEOUT, pointer,
                            "no complete response from %s within the time limit", host);
    return error_set_at(exchange->error, LLMSPELL_ENETWORK, pointer, "%s: %s", host,
                        *exchange->curl_error ? exchange->curl_error : curl_easy_strerror(code));
}

static int run(struct exchange *exchange)
{
    exchange->rc = 0;
    exchange->refused.code = 0;
    exchange->curl_error[0] = '\0';
    if (curl_multi_add_handle(exchange->multi, exchange->easy) != CURLM_OK)
        return error_set(exchange->error, LLMSPELL_ENOMEM, "out of memory");
    CURLcode code = loop(exchange);
    bool enough = exchange->rc == 0 && (exchange->answer.redirect || exchange->answer.truncated);
    int rc = code == CURLE_OK || enough ? 0 : fail(exchange, code);
    curl_multi_remove_handle(exchange->multi, exchange->easy);
    return rc;
}

int transfer_run(struct exchange *exchange)
{
    struct curl_slist *headers = request_headers(exchange), *resolve = NULL;
    int rc = LLMSPELL_ENOMEM;
    curl_easy_cleanup(exchange->easy);
    exchange->easy = curl_easy_init();
    if (exchange->limits.resolve)
        resolve = curl_slist_append(NULL, exchange->limits.resolve);
    answer_clear(&exchange->answer);
    if (exchange->easy && headers) {
        set_options(exchange->easy, exchange, headers, resolve);
        rc = run(exchange);
        curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(exchange->easy, CURLOPT_RESOLVE, NULL);
    } else {
        error_set(exchange->error, rc, "out of memory");
    }
    curl_slist_free_all(headers);
    curl_slist_free_all(resolve);
    return rc;
}
