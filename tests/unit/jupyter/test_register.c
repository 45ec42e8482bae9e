/* SPDX-License-Identifier: Apache-2.0
 * plugins/protocols/jupyter/register.c and curve.c: files and acknowledgements, without sockets. */
#include "test.h"

#include <string.h>

#include <llmspell/tool.h>

#include "register.h"

static char message[256];
static const char *path;

static int read_registration(const char *text, struct registration *ret_registration)
{
    LLMSPELL_CLEANUP_JSON json_t *object = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    path = message;
    int result = registration_read(ret_registration, object, message, sizeof message, &path);
    ret_registration->kernel_id = NULL; /* the object's */
    return result;
}

static void test_file(void)
{
    struct registration r;
    CU_ASSERT(read_registration("{\"shell_port\":1}", &r) == 0 && !r.wanted);
    CU_ASSERT(read_registration(
                  "{\"registration_ip\":\"::1\",\"registration_port\":80,\"key\":\"\"}", &r) == 0);
    CU_ASSERT(r.wanted && !r.text_ports && strcmp(r.port, "80") == 0 && strcmp(r.ip, "::1") == 0);
    CU_ASSERT(
        read_registration(
            "{\"registration_ip\":\"a\",\"registration_port\":\"65535\",\"key\":\"k\"}", &r) == 0);
    CU_ASSERT(r.wanted && r.text_ports && strcmp(r.port, "65535") == 0);
    CU_ASSERT(read_registration("{\"registration_ip\":\"a\",\"registration_port\":\"+1\"}", &r) ==
              LLMSPELL_EINVAL);
    CU_ASSERT_STRING_EQUAL(path, "/registration_port");
    CU_ASSERT(read_registration("{\"registration_port\":1}", &r) == LLMSPELL_EINVAL);
    CU_ASSERT_STRING_EQUAL(path, "/registration_ip");
    CU_ASSERT(read_registration("{\"registration_ip\":\"a\",\"registration_port\":1}", &r) ==
              LLMSPELL_EINVAL);
    CU_ASSERT_STRING_EQUAL(path, "/key");
}

static void test_message(void)
{
    char buffer[16]; /* grows */
    struct text text;
    struct connection connection = {.ports = {1, 2, 3, 4, 65535}};
    struct registration r = {.text_ports = 1, .kernel_id = "a\"b"};
    text_init(&text, buffer, sizeof buffer);
    CU_ASSERT(registration_write(&r, &connection, &text) == 0);
    LLMSPELL_CLEANUP_JSON json_t *object = json_loadb(text.data, text.size, 0, NULL);
    CU_ASSERT_STRING_EQUAL(llmspell_string(object, "kernel_id"), "a\"b");
    CU_ASSERT_STRING_EQUAL(llmspell_string(object, "hb_port"), "65535");
    CU_ASSERT(json_object_size(object) == 6);
    text_clear(&text);
}

static int check(struct signer *signer, const char *const *frames, size_t count, const char *sent)
{
    struct span spans[8];
    const char *why = NULL;
    for (size_t i = 0; i < count; i++)
        spans[i] = (struct span){frames[i], strlen(frames[i])};
    int result = registration_check(signer, spans, count, (struct span){sent, strlen(sent)}, &why);
    CU_ASSERT_PTR_NOT_NULL(why);
    return result;
}

static void test_acknowledgement(void)
{
    struct signer *signer = NULL;
    char right[SIGN_SIZE + 1] = "";
    size_t size;
    CU_ASSERT_FATAL(signer_new(SPAN_LITERAL("key"), &signer) == 0);
    CU_ASSERT(signer_sign(signer, &SPAN_LITERAL("ACK"), 1, right, &size) == 0 && size == SIGN_SIZE);
    const char *const good[] = {"id", "", "<IDS|MSG>", right, "ACK", "more"};
    CU_ASSERT(check(signer, good + 2, 3, "sent") == 0);
    CU_ASSERT(check(signer, good, 5, "sent") == 0);
    CU_ASSERT(check(signer, good + 2, 3, "ACK") == LLMSPELL_EPERM);
    CU_ASSERT(check(signer, good, 6, "sent") == LLMSPELL_EPROTO);
    CU_ASSERT(check(signer, good, 4, "sent") == LLMSPELL_EPROTO);
    CU_ASSERT(check(signer, good, 2, "sent") == LLMSPELL_EPROTO);
    CU_ASSERT(check(signer, good, 0, "sent") == LLMSPELL_EPROTO);
    const char *const bad[] = {"<IDS|MSG>", right, "NAK"};
    CU_ASSERT(check(signer, bad, 3, "sent") == LLMSPELL_EPERM);
    right[0] ^= 1;
    CU_ASSERT(check(signer, good + 2, 3, "sent") == LLMSPELL_EPERM);
    signer_free(signer);
}

static int pair(const char *public_key, const char *secret_key, struct curve *ret_curve)
{
    LLMSPELL_CLEANUP_JSON json_t *object =
        json_pack("{s:s*, s:s*}", "curve_publickey", public_key, "curve_secretkey", secret_key);
    *ret_curve = (struct curve){0};
    int result = curve_read(ret_curve, object, message, sizeof message, &path);
    return result < 0 ? result : curve_check_pair(ret_curve, message, sizeof message, &path);
}

static void test_curve(void)
{
    struct curve made, other, read;
    CU_ASSERT_FATAL(curve_make(&made, message, sizeof message) == 0);
    CU_ASSERT_FATAL(curve_make(&other, message, sizeof message) == 0);
    CU_ASSERT_STRING_NOT_EQUAL(made.secret_key, other.secret_key);
    CU_ASSERT(pair(made.public_key, made.secret_key, &read) == 0);
    CU_ASSERT(memcmp(&made, &read, sizeof made) == 0);
    CU_ASSERT(pair(NULL, made.secret_key, &read) == 0);
    CU_ASSERT_STRING_EQUAL(read.public_key, made.public_key);
    CU_ASSERT(pair(NULL, NULL, &read) == 0 && !read.secret_key[0]);
    CU_ASSERT(pair("", "", &read) == 0 && !read.public_key[0]);
    CU_ASSERT(pair(made.public_key, NULL, &read) == LLMSPELL_EINVAL);
    CU_ASSERT(pair(other.public_key, made.secret_key, &read) == LLMSPELL_EINVAL);
    CU_ASSERT_STRING_EQUAL(path, "/curve_publickey");
    CU_ASSERT(pair("short", made.secret_key, &read) == LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NULL(strstr(message, made.secret_key));
    curve_clear(&made);
    CU_ASSERT(!made.public_key[0] && !made.secret_key[0]);
}

TEST_MAIN("register", {"file", test_file}, {"message", test_message},
          {"acknowledgement", test_acknowledgement}, {"curve", test_curve})
