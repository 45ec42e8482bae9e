/* SPDX-License-Identifier: Apache-2.0
 * host/http/module/client.c through the loaded module: names that the look-up (here: fixed by the
 * policy) leads astray, and structs that a tool filled wrongly. */
#include "http/http.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/call.h"
#include "plugin/module.h"
#include "test.h"

/* ---- a server for one connection ---- */

struct server {
    pthread_t thread;
    int listener;
    unsigned port;
    int served;
};

static void *serve(void *data)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct server *server = data;
    char request[4096];
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (read(fd, request, sizeof request) > 0 &&
        write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1)
        server->served++;
    close(fd);
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CU_ASSERT_EQUAL_FATAL(bind(server->listener, (struct sockaddr *)&address, size), 0);
    CU_ASSERT_EQUAL_FATAL(listen(server->listener, 4), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &size);
    server->port = ntohs(address.sin_port);
    pthread_create(&server->thread, NULL, serve, server);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR); /* ends accept */
    pthread_join(server->thread, NULL);
    close(server->listener);
}

/* ---- one request ---- */

struct outcome {
    int rc;
    struct error error;
    struct llmspell_http_response response;
};

static const struct http_module *module(void)
{
    const void *table = NULL;
    struct error error = {.message = ""};
    if (module_load(HTTP_MODULE, HTTP_MODULE_SYMBOL, &table, &error) < 0)
        printf("\n%s", error.message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    return table;
}

static void fetch(const char *host, unsigned port, const char *leads_to, const char *private_hosts,
                  struct outcome *ret_outcome)
{
    char url[128], resolve[128];
    struct llmspell_ctx ctx = {.source = "tool:test"};
    struct call call;
    struct http_policy *policy = NULL;
    json_t *capabilities = json_pack("[s]", "http");
    snprintf(url, sizeof url, "http://%s:%u/", host, port);
    snprintf(resolve, sizeof resolve, "%s:%u:%s", host, port, leads_to);
    struct http_policy_options options = {
        .capabilities = capabilities, .private_hosts = private_hosts, .resolve = resolve};
    CU_ASSERT_EQUAL_FATAL(http_policy_new(&options, &policy, NULL), 0);
    call_init(&call, &ctx);
    struct llmspell_http_request request = {
        .size = sizeof request, .url = url, .pointer = "/url", .timeout_ms = 10000};
    struct http_job job = {.request = &request, .policy = policy, .call = &call.base};
    *ret_outcome = (struct outcome){.response.size = sizeof ret_outcome->response};
    ret_outcome->rc = module()->request(&job, &ret_outcome->response, &ret_outcome->error);
    http_policy_free(policy);
    json_decref(capabilities);
}

static void test_rebinding(void)
{
    static const char *const places[] = {"127.0.0.1",         "[::1]",      "10.1.1.1",
                                         "169.254.169.254",   "[fd00::1]",  "[::ffff:127.0.0.1]",
                                         "127.0.0.1,[::1]",   "0.0.0.0",    "[fe80::1]",
                                         "[64:ff9b::7f00:1]", "100.64.1.1", "[2002:7f00:1::]"};
    struct server server;
    struct outcome outcome;
    server_start(&server);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        fetch("evil.example", server.port, places[i], NULL, &outcome);
        if (outcome.rc != LLMSPELL_EPERM)
            printf("\n%s: %d %s", places[i], outcome.rc, outcome.error.message);
        CU_ASSERT_EQUAL(outcome.rc, LLMSPELL_EPERM);
        CU_ASSERT_PTR_NOT_NULL(strstr(outcome.error.message, "evil.example"));
        CU_ASSERT_STRING_EQUAL(outcome.error.path, "/url");
        CU_ASSERT_PTR_NULL(outcome.response.body); /* untouched on failure */
    }
    server_stop(&server);
    CU_ASSERT_EQUAL(server.served, 0);
}

static void test_exemption(void)
{
    struct server server;
    struct outcome outcome;
    char allowed[64];
    server_start(&server);
    snprintf(allowed, sizeof allowed, "search.lan:%u", server.port);
    fetch("evil.example", server.port, "127.0.0.1", allowed, &outcome);
    CU_ASSERT_EQUAL(outcome.rc, LLMSPELL_EPERM);
    fetch("search.lan", server.port, "127.0.0.1", allowed, &outcome);
    CU_ASSERT_EQUAL_FATAL(outcome.rc, 0);
    CU_ASSERT_EQUAL(outcome.response.status, 200);
    CU_ASSERT_STRING_EQUAL(outcome.response.body, "ok");
    module()->release(&outcome.response);
    CU_ASSERT_PTR_NULL(outcome.response.body);
    CU_ASSERT_EQUAL(outcome.response.size, sizeof outcome.response);
    module()->release(&outcome.response); /* zeros are fine */
    server_stop(&server);
    CU_ASSERT_EQUAL(server.served, 1);
}

static void test_wrong_structs(void)
{
    struct llmspell_ctx ctx = {.source = "tool:test"};
    struct call call;
    struct http_policy *policy = NULL;
    json_t *capabilities = json_pack("[s]", "http");
    struct http_policy_options options = {.capabilities = capabilities};
    CU_ASSERT_EQUAL_FATAL(http_policy_new(&options, &policy, NULL), 0);
    call_init(&call, &ctx);
    struct llmspell_http_request request = {.size = 8, .url = "http://x/"};
    struct llmspell_http_response response = {.size = sizeof response};
    struct http_job job = {.request = &request, .policy = policy, .call = &call.base};
    CU_ASSERT_EQUAL(module()->request(&job, &response, NULL), LLMSPELL_EINVAL);
    request.size = sizeof request;
    response.size = 4;
    CU_ASSERT_EQUAL(module()->request(&job, &response, NULL), LLMSPELL_EINVAL);
    response.size = sizeof response;
    request.body_size = 1;
    CU_ASSERT_EQUAL(module()->request(&job, &response, NULL), LLMSPELL_EINVAL);
    request.body_size = 0;
    request.max_redirects = 21;
    CU_ASSERT_EQUAL(module()->request(&job, &response, NULL), LLMSPELL_EINVAL);
    request.max_redirects = 0;
    request.url = NULL;
    CU_ASSERT_EQUAL(module()->request(&job, &response, NULL), LLMSPELL_EINVAL);
    http_policy_free(policy);
    json_decref(capabilities);
}

static void test_missing_module(void)
{
    const void *table = NULL;
    struct error error;
    CU_ASSERT_EQUAL(module_load("llmspell-nothing", "x", &table, &error), LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "llmspell-nothing.so"));
    CU_ASSERT_EQUAL(module_load(HTTP_MODULE, "another_symbol", &table, &error),
                    LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_PTR_NULL(table);
}

TEST_MAIN("client", {"rebinding", test_rebinding}, {"exemption", test_exemption},
          {"wrong structs", test_wrong_structs}, {"missing module", test_missing_module})
