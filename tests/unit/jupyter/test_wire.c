/* SPDX-License-Identifier: Apache-2.0
 * The jupyter plugin's codec: wire.c and sign.c, without sockets. */
#include "test.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <llmspell/error.h>

#include "scan.h"
#include "wire.h"

#define KEY "a very secret key"

static struct signer *new_signer(const char *key)
{
    struct signer *signer = NULL;
    CU_ASSERT_FATAL(signer_new((struct span){key, strlen(key)}, &signer) == 0);
    return signer;
}

static void sign_text(struct signer *signer, const char *text, char signature[SIGN_SIZE + 1])
{
    struct span part = {text, strlen(text)};
    size_t size = 0;
    CU_ASSERT_FATAL(signer_sign(signer, &part, 1, signature, &size) == 0);
    signature[size] = 0;
}

/* ---- signatures ---- */

static void test_known_signatures(void)
{
    char signature[SIGN_SIZE + 1];
    struct signer *signer = new_signer("Jefe"); /* RFC 4231, test case 2 */
    for (int i = 0; i < 3; i++) {               /* the context is used again each time */
        sign_text(signer, "what do ya want for nothing?", signature);
        CU_ASSERT_STRING_EQUAL(signature,
                               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    signer_free(signer);
    char key[132];
    memset(key, 0xaa, 131); /* test case 6: a key longer than a block */
    key[131] = 0;
    signer = new_signer(key);
    sign_text(signer, "Test Using Larger Than Block-Size Key - Hash Key First", signature);
    CU_ASSERT_STRING_EQUAL(signature,
                           "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    signer_free(signer);
}

static void test_parts(void)
{
    char whole[SIGN_SIZE + 1], parted[SIGN_SIZE];
    struct span parts[] = {{"one", 3}, {"", 0}, {"two", 3}, {NULL, 0}};
    size_t size = 0;
    struct signer *signer = new_signer(KEY);
    sign_text(signer, "onetwo", whole);
    CU_ASSERT(signer_sign(signer, parts, 4, parted, &size) == 0);
    CU_ASSERT(size == SIGN_SIZE && memcmp(whole, parted, size) == 0);
    CU_ASSERT(signer_check(signer, (struct span){whole, SIGN_SIZE}, parts, 4) == 0);
    CU_ASSERT(signer_check(signer, (struct span){whole, SIGN_SIZE - 1}, parts, 4) < 0);
    CU_ASSERT(signer_check(signer, (struct span){whole, 0}, parts, 4) < 0);
    CU_ASSERT(signer_check(signer, (struct span){whole, SIGN_SIZE}, parts, 2) < 0);
    for (int i = 0; i < SIGN_SIZE; i++) {
        whole[i] ^= 1;
        CU_ASSERT(signer_check(signer, (struct span){whole, SIGN_SIZE}, parts, 4) ==
                  LLMSPELL_EPERM);
        whole[i] ^= 1;
    }
    signer_free(signer);
}

static void test_no_key(void)
{
    char signature[SIGN_SIZE + 1] = "x";
    struct span part = {"text", 4};
    struct signer *signer = new_signer("");
    sign_text(signer, "text", signature);
    CU_ASSERT_STRING_EQUAL(signature, "");
    CU_ASSERT(signer_check(signer, (struct span){"", 0}, &part, 1) == 0);
    signer_free(signer);
}

static void *sign_many(void *data)
{
    char signature[SIGN_SIZE];
    struct span part = SPAN_LITERAL("what do ya want for nothing?");
    size_t wrong = 0, size = 0;
    for (int i = 0; i < 2000; i++) {
        wrong += signer_sign(data, &part, 1, signature, &size) < 0;
        wrong += memcmp(signature, "5bdcc146bf60754e", 16) != 0;
    }
    return (void *)wrong;
}

static void test_threads(void)
{
    pthread_t threads[8];
    struct signer *signer = new_signer("Jefe");
    for (int i = 0; i < 8; i++)
        CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, sign_many, signer) == 0);
    for (int i = 0; i < 8; i++) {
        void *wrong = signer;
        pthread_join(threads[i], &wrong);
        CU_ASSERT_PTR_NULL(wrong);
    }
    signer_free(signer);
}

static struct span numbered(uint32_t number, char text[SIGN_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t mixed = number * UINT64_C(0x9E3779B97F4A7C15); /* a bijection: no two are the same */
    for (int i = 0; i < SIGN_SIZE; i++)
        text[i] = hex[mixed >> (60 - 4 * (i % 16)) & 15];
    return (struct span){text, SIGN_SIZE};
}

static void test_replay(void)
{
    char text[SIGN_SIZE];
    struct replay *replay = NULL;
    unsigned refused = 0, accepted = 0;
    CU_ASSERT_FATAL(replay_new(&replay) == 0);
    for (uint32_t i = 0; i < 3 * SIGN_HISTORY; i++)
        refused += replay_check(replay, numbered(i, text)) < 0;
    CU_ASSERT(refused == 0); /* what is new is always taken */
    for (uint32_t i = 2 * SIGN_HISTORY; i < 3 * SIGN_HISTORY; i++)
        accepted += replay_check(replay, numbered(i, text)) == 0;
    CU_ASSERT(accepted == 0); /* what is among the last is never taken */
    CU_ASSERT(replay_check(replay, numbered(0, text)) == 0); /* and the oldest are forgotten */
    CU_ASSERT(replay_check(replay, numbered(0, text)) == LLMSPELL_EPERM);
    CU_ASSERT(replay_check(replay, (struct span){"", 0}) == 0);
    replay_free(replay);
}

/* ---- messages ---- */

#define FRAMES 8 /* identity, delimiter, signature, four parts, a buffer */

struct sample {
    struct signer *signer;
    struct span frames[FRAMES];
    char signature[SIGN_SIZE];
};

static void sample_sign(struct sample *s)
{
    size_t size = 0;
    CU_ASSERT_FATAL(signer_sign(s->signer, s->frames + 3, 4, s->signature, &size) == 0);
    s->frames[2] = (struct span){s->signature, size};
}

static void sample_init(struct sample *s)
{
    static const struct span frames[FRAMES] = {
        {"\x00kern", 5},
        SPAN_LITERAL(WIRE_DELIMITER),
        {NULL, 0},
        SPAN_LITERAL("{\"msg_id\":\"id-1\",\"session\":\"s\",\"msg_type\":\"a_b\"}"),
        SPAN_LITERAL("{\"msg_id\":\"parent-1\"}"),
        SPAN_LITERAL("{}"),
        SPAN_LITERAL("{\"code\":\"x=1\"}"),
        {"buffer", 6}};
    s->signer = new_signer(KEY);
    memcpy(s->frames, frames, sizeof frames);
    sample_sign(s);
}

static int sample_decode(struct sample *s, size_t count, const char **ret_why)
{
    struct wire_message message;
    return wire_decode(s->signer, NULL, s->frames, count, &message, ret_why);
}

static void test_decode(void)
{
    struct sample s;
    struct wire_message m;
    const char *why;
    sample_init(&s);
    CU_ASSERT_FATAL(wire_decode(s.signer, NULL, s.frames, FRAMES, &m, &why) == 0);
    CU_ASSERT(m.identity_count == 1 && m.identities == s.frames);
    CU_ASSERT_STRING_EQUAL(m.msg_type, "a_b");
    CU_ASSERT_STRING_EQUAL(m.msg_id, "id-1");
    CU_ASSERT_STRING_EQUAL(m.parent_id, "parent-1");
    CU_ASSERT(span_is(m.content, "{\"code\":\"x=1\"}"));
    CU_ASSERT(sample_decode(&s, FRAMES - 1, &why) == 0); /* buffers are optional */
    CU_ASSERT(wire_decode(s.signer, NULL, s.frames + 1, FRAMES - 1, &m, &why) == 0);
    CU_ASSERT(m.identity_count == 0);
    for (size_t count = 0; count < FRAMES - 1; count++)
        CU_ASSERT(sample_decode(&s, count, &why) == LLMSPELL_EPROTO);
    signer_free(s.signer);
}

static void test_signature_first(void)
{
    struct sample s;
    const char *why;
    sample_init(&s);
    s.signature[5] ^= 1;
    s.frames[3] = SPAN_LITERAL("this is not JSON");
    CU_ASSERT(sample_decode(&s, FRAMES, &why) == LLMSPELL_EPERM);
    CU_ASSERT_STRING_EQUAL(why, "the signature is wrong");
    sample_sign(&s);
    CU_ASSERT(sample_decode(&s, FRAMES, &why) == LLMSPELL_EPROTO);
    s.frames[1] = SPAN_LITERAL("<IDS|MSG");
    CU_ASSERT(sample_decode(&s, FRAMES, &why) == LLMSPELL_EPROTO);
    CU_ASSERT_STRING_EQUAL(why, "the delimiter is missing");
    CU_ASSERT(sample_decode(&s, WIRE_FRAMES_MAX + 1, &why) == LLMSPELL_EPROTO);
    signer_free(s.signer);
}

static void test_bad_parts(void)
{
    static const char *const headers[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"msg_id\":\"x\"}",
        "{\"msg_type\":\"x\"}",
        "{\"msg_id\":1,\"msg_type\":\"x\"}",
        "{\"msg_id\":\"x\",\"msg_type\":\"\"}",
        "{\"msg_id\":\"x\",\"msg_type\":\"x\"",
        "{\"msg_id\":\"\xFF\",\"msg_type\":\"x\"}",
        "{\"msg_id\":\"x\",\"msg_type\":\"x\"}{}",
    };
    struct sample s;
    const char *why;
    sample_init(&s);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        s.frames[3] = (struct span){headers[i], strlen(headers[i])};
        sample_sign(&s);
        CU_ASSERT(sample_decode(&s, FRAMES, &why) == LLMSPELL_EPROTO);
    }
    signer_free(s.signer);
    for (int part = 4; part <= 5; part++) {
        sample_init(&s);
        s.frames[part] = SPAN_LITERAL("[]");
        sample_sign(&s);
        CU_ASSERT(sample_decode(&s, FRAMES, &why) == LLMSPELL_EPROTO);
        signer_free(s.signer);
    }
    sample_init(&s);
    s.frames[4] = SPAN_LITERAL("null"); /* xeus writes this for "no parent" */
    sample_sign(&s);
    CU_ASSERT(sample_decode(&s, FRAMES, &why) == 0);
    signer_free(s.signer);
}

static void test_played_again(void)
{
    struct sample s;
    struct wire_message m;
    struct replay *replay = NULL;
    const char *why;
    sample_init(&s);
    CU_ASSERT_FATAL(replay_new(&replay) == 0);
    CU_ASSERT(wire_decode(s.signer, replay, s.frames, FRAMES, &m, &why) == 0);
    CU_ASSERT(wire_decode(s.signer, replay, s.frames, FRAMES, &m, &why) == LLMSPELL_EPERM);
    CU_ASSERT_STRING_EQUAL(why, "the signature was seen before");
    replay_free(replay);
    signer_free(s.signer);
}

/* No changed message passes, and none makes the decoder read beyond its frames. */
static void test_mutations(void)
{
    struct sample s;
    uint32_t state = 99;
    unsigned passed = 0;
    sample_init(&s);
    for (int round = 0; round < 20000; round++) {
        struct span frames[FRAMES];
        const char *why;
        struct wire_message m;
        state = state * 1664525 + 1013904223;
        size_t victim = 1 + (state >> 10) % 6; /* not the identity, not the buffer */
        memcpy(frames, s.frames, sizeof frames);
        char *copy = malloc(frames[victim].size);
        memcpy(copy, frames[victim].data, frames[victim].size);
        copy[(state >> 16) % frames[victim].size] ^= (char)(1 << (state >> 5) % 8);
        frames[victim].data = copy;
        frames[victim].size -= (state >> 29) == 0;
        passed += wire_decode(s.signer, NULL, frames, FRAMES, &m, &why) == 0;
        free(copy);
    }
    CU_ASSERT(passed == 0);
    signer_free(s.signer);
}

/* ---- out ---- */

static void check_date(const char *date)
{
    struct tm tm = {0};
    const char *rest = strptime(date, "%Y-%m-%dT%H:%M:%S", &tm);
    CU_ASSERT_FATAL(rest != NULL && rest[0] == '.' && strlen(rest) == 8 && rest[7] == 'Z');
    for (int i = 1; i < 7; i++)
        CU_ASSERT(isdigit((unsigned char)rest[i]));
    double apart = difftime(time(NULL), timegm(&tm));
    CU_ASSERT(apart > -2 && apart < 10);
}

static void test_buffers(void)
{
    struct wire_session session;
    struct wire_outgoing out;
    struct signer *signer = new_signer(KEY);
    CU_ASSERT_FATAL(wire_session_init(&session) == 0);
    json_t *metadata = json_pack("{s:s}", "version", "2.1.0");
    struct llmspell_buffer buffers[] = {{"\0\xff", 2}, {NULL, 0}};
    struct wire_extra extra = {metadata, buffers, 2};
    CU_ASSERT_FATAL(wire_encode_with(&session, signer, "comm_open", SPAN_LITERAL("{}"), NULL,
                                     &extra, &out) == 0);
    CU_ASSERT(out.buffers == buffers && out.buffer_count == 2);
    struct span frames[] = {SPAN_LITERAL(WIRE_DELIMITER),
                            {out.signature, out.signature_size},
                            {out.header.data, out.header.size},
                            out.parent,
                            {out.metadata.data, out.metadata.size},
                            {out.content.data, out.content.size},
                            {"\0\xff", 2},
                            {"", 0}};
    struct wire_message m;
    const char *why;
    CU_ASSERT_FATAL(wire_decode(signer, NULL, frames, 8, &m, &why) == 0);
    CU_ASSERT(span_is(m.metadata, "{\"version\":\"2.1.0\"}"));
    CU_ASSERT(m.buffer_count == 2 && m.buffers == frames + 6);
    CU_ASSERT_FATAL(wire_decode(signer, NULL, frames, 6, &m, &why) == 0);
    CU_ASSERT(m.buffer_count == 0);
    frames[4] = SPAN_LITERAL("{\"version\":\"2.1.1\"}"); /* metadata is signed, buffers are not */
    CU_ASSERT(wire_decode(signer, NULL, frames, 8, &m, &why) == LLMSPELL_EPERM);
    wire_outgoing_clear(&out);
    json_decref(metadata);
    signer_free(signer);
}

static void test_encode(void)
{
    struct wire_session session;
    struct wire_outgoing out;
    struct signer *signer = new_signer(KEY);
    char id[WIRE_NAME_MAX], second[WIRE_NAME_MAX];
    CU_ASSERT_FATAL(wire_session_init(&session) == 0);
    json_t *content = json_pack("{s:s}", "text", "h\xC3\xA9\n");
    struct span parent = SPAN_LITERAL("{\"msg_id\":\"p\"}");
    CU_ASSERT_FATAL(wire_encode(&session, signer, "stream", parent, content, &out) == 0);
    struct span frames[] = {SPAN_LITERAL("stream"),
                            SPAN_LITERAL(WIRE_DELIMITER),
                            {out.signature, out.signature_size},
                            {out.header.data, out.header.size},
                            out.parent,
                            SPAN_LITERAL("{}"),
                            {out.content.data, out.content.size}};
    struct wire_message m;
    const char *why;
    CU_ASSERT_FATAL(wire_decode(signer, NULL, frames, 7, &m, &why) == 0);
    wire_message_id(&out, id);
    CU_ASSERT_STRING_EQUAL(m.msg_id, id);
    CU_ASSERT_STRING_EQUAL(m.msg_type, "stream");
    CU_ASSERT_STRING_EQUAL(m.parent_id, "p");
    json_t *header = scan_json(m.header, &why);
    check_date(json_string_value(json_object_get(header, "date")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(header, "session")), session.id);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(header, "version")), WIRE_VERSION);
    CU_ASSERT(json_is_string(json_object_get(header, "username")));
    CU_ASSERT(span_is(m.content, "{\"text\":\"h\xC3\xA9\\n\"}"));
    wire_outgoing_clear(&out);
    CU_ASSERT_FATAL(wire_encode(&session, signer, "status", (struct span){NULL, 0}, NULL, &out) ==
                    0);
    wire_message_id(&out, second);
    CU_ASSERT_STRING_NOT_EQUAL(id, second);
    CU_ASSERT(span_is(out.parent, "{}"));
    CU_ASSERT(out.content.size == 2 && memcmp(out.content.data, "{}", 2) == 0);
    wire_outgoing_clear(&out);
    json_decref(header);
    json_decref(content);
    signer_free(signer);
}

static void test_sessions(void)
{
    struct wire_session a, b;
    CU_ASSERT_FATAL(wire_session_init(&a) == 0 && wire_session_init(&b) == 0);
    CU_ASSERT(strlen(a.id) == 36 && a.id[8] == '-' && a.id[14] == '4' && strchr("89ab", a.id[19]));
    CU_ASSERT_STRING_NOT_EQUAL(a.id, b.id);
}

TEST_MAIN("wire", {"known signatures", test_known_signatures}, {"parts", test_parts},
          {"no key", test_no_key}, {"signing in threads", test_threads}, {"replay", test_replay},
          {"decode", test_decode}, {"signature before parsing", test_signature_first},
          {"bad parts", test_bad_parts}, {"played again", test_played_again},
          {"mutations", test_mutations}, {"encode", test_encode}, {"buffers", test_buffers},
          {"sessions", test_sessions})
