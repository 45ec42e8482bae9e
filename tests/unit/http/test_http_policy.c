/* SPDX-License-Identifier: Apache-2.0
 * host/http/policy.c: capabilities ∩ grants, ports, and what the address guard lets through. */
#include "http/policy.h"

#include <string.h>

#include "test.h"

struct setup {
    const char *capabilities; /* JSON */
    const char *hosts, *ports, *private_hosts;
};

static struct http_policy *make(const struct setup *setup)
{
    struct http_policy *policy = NULL;
    struct error error;
    json_t *capabilities = json_loads(setup->capabilities, 0, NULL);
    struct http_policy_options options = {.capabilities = capabilities,
                                          .hosts = setup->hosts,
                                          .ports = setup->ports,
                                          .private_hosts = setup->private_hosts};
    int rc = http_policy_new(&options, &policy, &error);
    json_decref(capabilities);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    return policy;
}

struct question {
    const char *host;
    unsigned port;
    int answer;
};

static void ask(const struct setup *setup, const struct question *questions)
{
    struct http_policy *policy = make(setup);
    CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
    for (; questions->host; questions++) {
        struct error error = {.message = ""};
        int rc = http_policy_check_host(policy, questions->host, questions->port, &error);
        if (rc != questions->answer)
            printf("\n%s:%u → %d %s", questions->host, questions->port, rc, error.message);
        CU_ASSERT_EQUAL(rc, questions->answer);
    }
    http_policy_free(policy);
}

#define NO LLMSPELL_EPERM

static void test_everything(void)
{
    ask(&(struct setup){"[\"http\"]", NULL, NULL, NULL},
        (struct question[]){{"example.org", 80, 0},
                            {"8.8.8.8", 443, 0},
                            {"[2606:4700::1111]", 1, 0},
                            {"127.0.0.1", 80, NO},
                            {"[::ffff:127.0.0.1]", 80, NO},
                            {"localhost", 80, NO},
                            {"LocalHost.", 80, NO},
                            {"x.localhost", 80, NO},
                            {"notlocalhost", 80, 0},
                            {NULL, 0, 0}});
}

static void test_patterns(void)
{
    ask(&(struct setup){"[\"http\"]", "api.example.org, *.Example.com:8443\t1.1.1.1 2.2.0.0/16",
                        NULL, NULL},
        (struct question[]){{"api.example.org", 80, 0},
                            {"API.example.org.", 80, 0},
                            {"b.api.example.org", 80, NO},
                            {"xapi.example.org", 80, NO},
                            {"example.com", 8443, NO},
                            {"a.example.com", 8443, 0},
                            {"a.b.example.com", 8443, 0},
                            {"a.example.com", 443, NO},
                            {"badexample.com", 8443, NO},
                            {"1.1.1.1", 80, 0},
                            {"1.1.1.2", 80, NO},
                            {"2.2.9.9", 80, 0},
                            {NULL, 0, 0}});
}

static void test_intersection(void)
{
    ask(&(struct setup){"[\"fs:read:/x\", \"http:*.example.org\", \"http:[2606::1]:99\"]",
                        "a.example.org, [2606::1], other.net", NULL, NULL},
        (struct question[]){{"a.example.org", 80, 0},
                            {"b.example.org", 80, NO},
                            {"other.net", 80, NO},
                            {"[2606::1]", 99, 0},
                            {"[2606::1]", 98, NO},
                            {NULL, 0, 0}});
    ask(&(struct setup){"[\"http\"]", "", NULL, NULL},
        (struct question[]){{"example.org", 80, NO}, {NULL, 0, 0}});
}

static void test_ports(void)
{
    ask(&(struct setup){"[\"http\"]", "*", "80,443 8000-8999", NULL},
        (struct question[]){{"x.org", 80, 0},
                            {"x.org", 81, NO},
                            {"x.org", 7999, NO},
                            {"x.org", 8000, 0},
                            {"x.org", 8999, 0},
                            {"x.org", 9000, NO},
                            {NULL, 0, 0}});
}

static int address_answer(const struct http_policy *policy, const char *host, unsigned port,
                          const char *text)
{
    struct address address;
    CU_ASSERT_TRUE_FATAL(address_parse(text, &address));
    return http_policy_check_address(policy, host, port, &address, NULL);
}

static void test_guard(void)
{
    struct http_policy *policy = make(&(struct setup){
        "[\"http\"]", "*", NULL, "lan.example:8080, 10.0.0.0/8, [::1]:81, 127.9.9.9"});
    CU_ASSERT_EQUAL(address_answer(policy, "evil.example", 80, "93.184.216.34"), 0);
    CU_ASSERT_EQUAL(address_answer(policy, "evil.example", 80, "192.168.0.1"), NO);
    CU_ASSERT_EQUAL(address_answer(policy, "evil.example", 80, "169.254.169.254"), NO);
    CU_ASSERT_EQUAL(address_answer(policy, "evil.example", 80, "10.9.9.9"), 0);
    CU_ASSERT_EQUAL(address_answer(policy, "evil.example", 80, "::ffff:10.9.9.9"), 0);
    CU_ASSERT_EQUAL(address_answer(policy, "evil.example", 80, "64:ff9b::10.9.9.9"), NO);
    CU_ASSERT_EQUAL(address_answer(policy, "Lan.example.", 8080, "192.168.0.1"), 0);
    CU_ASSERT_EQUAL(address_answer(policy, "lan.example", 8081, "192.168.0.1"), NO);
    CU_ASSERT_EQUAL(address_answer(policy, "x", 81, "::1"), 0);
    CU_ASSERT_EQUAL(address_answer(policy, "x", 82, "::1"), NO);
    CU_ASSERT_EQUAL(address_answer(policy, "x", 82, "127.9.9.9"), 0);
    CU_ASSERT_EQUAL(address_answer(policy, "x", 82, "127.9.9.8"), NO);
    CU_ASSERT_EQUAL(http_policy_check_host(policy, "127.9.9.9", 5, NULL), 0);
    http_policy_free(policy);
}

static void test_no_capability(void)
{
    CU_ASSERT_PTR_NULL(make(&(struct setup){"[\"fs:read:/x\", \"httpx\"]", NULL, NULL, NULL}));
    CU_ASSERT_PTR_NULL(make(&(struct setup){"[]", "*", NULL, NULL}));
}

static void test_wrong_lists(void)
{
    static const char *const hosts[] = {
        "a b!", "x:0",    "x:65536",  "x:",         ":80", "a..b",
        "*.",   "*x.org", "http://x", "10.0.0.1/8", ".x",  "[::1]:x"};
    static const char *const ports[] = {"0", "65536", "x", "9-8", "1-", "-1", "1-2-3"};
    json_t *capabilities = json_pack("[s]", "http");
    struct http_policy *policy = NULL;
    struct error error;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct http_policy_options one = {.capabilities = capabilities, .hosts = hosts[i]};
        struct http_policy_options two = {.capabilities = capabilities, .private_hosts = hosts[i]};
        CU_ASSERT_EQUAL(http_policy_new(&one, &policy, &error), LLMSPELL_EINVAL);
        CU_ASSERT_EQUAL(http_policy_new(&two, &policy, NULL), LLMSPELL_EINVAL);
    }
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        struct http_policy_options one = {.capabilities = capabilities, .ports = ports[i]};
        CU_ASSERT_EQUAL(http_policy_new(&one, &policy, &error), LLMSPELL_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, ports[i]));
    }
    json_decref(capabilities);
    capabilities = json_pack("[s]", "http:a b");
    struct http_policy_options bad = {.capabilities = capabilities};
    CU_ASSERT_EQUAL(http_policy_new(&bad, &policy, &error), LLMSPELL_EREFUSED);
    json_decref(capabilities);
    CU_ASSERT_PTR_NULL(policy);
}

TEST_MAIN("policy", {"everything but private", test_everything}, {"patterns", test_patterns},
          {"intersection", test_intersection}, {"ports", test_ports}, {"guard", test_guard},
          {"no capability", test_no_capability}, {"wrong lists", test_wrong_lists})
