/* SPDX-License-Identifier: Apache-2.0
 * host/log/redact.c, redact_patterns.c: what is blotted out, what stays, and random messages. */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log/redact.h"

#include <llmspell/error.h>

#define KEY "3f9a7c52-77aa-41be"

/* The redacted form of message is expected; NULL: it stays as it is. */
static void check(const struct redactor *redactor, const char *message, const char *expected)
{
    char *clean = redactor_apply(redactor, message);
    bool good = clean && expected ? strcmp(clean, expected) == 0 : clean == expected;
    if (!good)
        printf("\n    \"%s\" became \"%s\"\n", message, clean ? clean : "(itself)");
    CU_ASSERT_TRUE(good);
    redactor_release(clean);
}

static void test_registered(void)
{
    struct redactor redactor = {0};
    check(&redactor, "the key is " KEY, NULL);
    CU_ASSERT_EQUAL(redactor_add(&redactor, "short"), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(redactor_add(&redactor, ""), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(redactor_add(&redactor, KEY), 0);
    check(&redactor, KEY, "[redacted]");
    check(&redactor, "the key is " KEY ".", "the key is [redacted].");
    check(&redactor, KEY " " KEY "x" KEY KEY, "[redacted] [redacted]x[redacted]");
    check(&redactor, "", NULL);
    check(&redactor, "3f9a7c52 alone", NULL);
    CU_ASSERT_TRUE(redactor_finds(&redactor, "x" KEY "y", strlen(KEY) + 2));
    CU_ASSERT_FALSE(redactor_finds(&redactor, "x" KEY "y", strlen(KEY)));
    CU_ASSERT_FALSE(redactor_finds(&redactor, "password=secret", 15)); /* was not registered */
    CU_ASSERT_EQUAL(redactor_add(&redactor, KEY), 0);
    redactor_remove(&redactor, KEY);
    check(&redactor, KEY, "[redacted]"); /* one user is left */
    redactor_remove(&redactor, KEY);
    redactor_remove(&redactor, KEY);
    check(&redactor, KEY, NULL);
    redactor_clear(&redactor);
}

/* Secrets that contain, overlap and begin each other: nothing of any remains. */
static void test_overlaps(void)
{
    struct redactor redactor = {0};
    redactor_add(&redactor, "abcdefgh");
    redactor_add(&redactor, "abcdefghijkl");
    redactor_add(&redactor, "ghijklmnop");
    check(&redactor, "<abcdefgh>", "<[redacted]>");
    check(&redactor, "<abcdefghijkl>", "<[redacted]>");
    check(&redactor, "<abcdefghijklmnop>", "<[redacted]>");
    check(&redactor, "<abcdefghijklmno>", "<[redacted]mno>");
    check(&redactor, "aabcdefghh", "a[redacted]h");
    redactor_clear(&redactor);
}

/* Who made the message has cut it within the secret. */
static void test_cut(void)
{
    struct redactor redactor = {0};
    redactor_add(&redactor, "hunter2-hunter2");
    check(&redactor, "it is hunter2-hunter", "it is [redacted]");
    check(&redactor, "it is hunter", "it is [redacted]");
    check(&redactor, "it is hunte", NULL);
    check(&redactor, "hunter sees hunter2-hunters", NULL);
    check(&redactor, "password=", NULL);
    check(&redactor, "password=\"", NULL);
    check(&redactor, "password=\"hal", "password=\"[redacted]");
    check(&redactor, "{\"key\": \"a1b2", "{\"key\": \"[redacted]");
    check(&redactor, "Authorization: Bearer ey", "Authorization: Bearer [redacted]");
    check(&redactor, "from ftp://ada:pas", "from ftp://ada:[redacted]");
    check(&redactor, "=", NULL);
    check(&redactor, ":", NULL);
    check(&redactor, "://", NULL);
    redactor_clear(&redactor);
}

/* A secret as it stands in JSON. */
static void test_escaped(void)
{
    struct redactor redactor = {0};
    redactor_add(&redactor, "a\"b\\c\nd\x01/e");
    check(&redactor, "raw a\"b\\c\nd\x01/e!", "raw [redacted]!");
    check(&redactor, "{\"v\":\"a\\\"b\\\\c\\nd\\u0001/e\"}", "{\"v\":\"[redacted]\"}");
    redactor_remove(&redactor, "a\"b\\c\nd\x01/e");
    CU_ASSERT_EQUAL(redactor.count, 0);
    check(&redactor, "{\"key\": \"with \\\" quote\", \"ip\": \"x\"}",
          "{\"key\": \"[redacted]\", \"ip\": \"x\"}");
    check(&redactor, "\"{\\\"key\\\": \\\"abc\\\", \\\"ip\\\": 1}\"",
          "\"{\\\"key\\\": \\\"[redacted]\\\", \\\"ip\\\": 1}\"");
    check(&redactor, "\"{\\\"password\\\": \\\"a\\\\\\\"b\\\", \\\"ip\\\": 1}\"",
          "\"{\\\"password\\\": \\\"[redacted]\\\", \\\"ip\\\": 1}\"");
    redactor_clear(&redactor);
}

static void test_patterns(void)
{
    static const char *const cases[][2] = {
        {"{\"key\": \"3f9a\", \"ip\": \"127.0.0.1\"}",
         "{\"key\": \"[redacted]\", \"ip\": \"127.0.0.1\"}"},
        {"{\"key\":\"3f9a\"}", "{\"key\":\"[redacted]\"}"},
        {"password=hunter2 user=ada", "password=[redacted] user=ada"},
        {"PASSWORD = hunter2", "PASSWORD = [redacted]"},
        {"db_password='two words' x", "db_password='[redacted]' x"},
        {"?token=abc&page=2", "?token=[redacted]&page=2"},
        {"access_token=abc", "access_token=[redacted]"},
        {"{\"token\": \"abc\"}", "{\"token\": \"[redacted]\"}"},
        {"client_secret=abc", "client_secret=[redacted]"},
        {"api_key=abc, apikey: abc, X-API-Key: abc",
         "api_key=[redacted] apikey: [redacted] X-API-Key: [redacted]"},
        {"Authorization: Bearer eyJ.x-y", "Authorization: Bearer [redacted]"},
        {"\"authorization\": \"Basic YWRh\", next",
         "\"authorization\": \"Basic [redacted]\", next"},
        {"Authorization: Digest username=\"a\"", "Authorization: [redacted]\"a\""},
        {"Proxy-Authorization: bearer x", "Proxy-Authorization: bearer [redacted]"},
        {"see https://ada:pass@example.org/x", "see https://ada:[redacted]@example.org/x"},
        {"postgres://ada:p/a@ss@db:5432/x", "postgres://ada:[redacted]@db:5432/x"},
        {"redis://:pass@db and http://b:c@d", "redis://:[redacted]@db and http://b:[redacted]@d"},
        {"passphrase: open sesame", "passphrase: [redacted] sesame"},
        /* and what stays */
        {"https://example.org:8080/a@b", NULL},
        {"see http://127.0.0.1:80, then go", NULL},
        {"tcp://127.0.0.1:5555", NULL},
        {"http://[::1]:80/x@y", NULL},
        {"mail:ada@example.org", NULL},
        {"unexpected token: x", NULL},
        {"script:12: attempt to index a nil value (key: x)", NULL},
        {"a=b c:d e = f \"k\": \"v\"", NULL},
        {"the password was wrong", NULL},
        {"\"monkey\": \"banana\"", NULL},
    };
    struct redactor none = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&none, cases[i][0], cases[i][1]);
}

/* ---- random messages ---- */

static uint32_t state = 2463534242u;

static uint32_t next_random(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

/* Letters that make secrets overlap, patterns start and quotes open. */
static void make_text(char *text, size_t size)
{
    static const char letters[] = "ab\"\\:=@/ &'\n";
    static const char *const words[] = {"password=", "\"key\": \"", "://", "token=", "secret:"};
    size_t used = 0;
    text[0] = '\0';
    while (used + 12 < size) {
        if (next_random(8) == 0)
            used += (size_t)snprintf(text + used, size - used, "%s", words[next_random(5)]);
        else
            text[used++] = letters[next_random(sizeof letters - 1)];
        text[used] = '\0';
    }
}

static void make_secret(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text[i] = "ab\"\\"[next_random(4)];
    text[size] = '\0';
}

static void test_random(void)
{
    struct redactor redactor = {0};
    char secret[200][24], text[300];
    unsigned shown = 0, cleaned = 0;
    for (size_t i = 0; i < 200; i++) {
        make_secret(secret[i], REDACT_MIN + next_random(12));
        CU_ASSERT_EQUAL(redactor_add(&redactor, secret[i]), 0);
    }
    for (int round = 0; round < 20000; round++) {
        make_text(text, 20 + next_random(200));
        char *clean = redactor_apply(&redactor, text);
        const char *result = clean ? clean : text;
        cleaned += clean != NULL;
        for (size_t i = 0; i < 200; i++)
            shown += strstr(result, secret[i]) != NULL;
        CU_ASSERT_TRUE(strlen(result) <= 6 * strlen(text));
        redactor_release(clean);
    }
    CU_ASSERT_EQUAL(shown, 0);
    CU_ASSERT_TRUE(cleaned > 1000);
    for (size_t i = 0; i < 200; i++)
        redactor_remove(&redactor, secret[i]);
    CU_ASSERT_EQUAL(redactor.count, 0);
    redactor_clear(&redactor);
}

TEST_MAIN("log/redact", {"registered", test_registered}, {"overlaps", test_overlaps},
          {"cut", test_cut}, {"escaped", test_escaped}, {"patterns", test_patterns},
          {"random", test_random})
