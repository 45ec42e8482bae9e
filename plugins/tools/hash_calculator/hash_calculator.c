/* SPDX-License-Identifier: Apache-2.0
 * hash_calculator: digests, checksums and HMACs of text or files, and their check against an
 * expected value. Called by the host's tool registry through llmspell_tool_v1. */
#include <stdbool.h>

#include <openssl/crypto.h>

#include <llmspell/fs.h>
#include <llmspell/secret.h>
#include <llmspell/tool.h>

#include "coding.h"
#include "digest.h"

#define FILE_MAX (500ull << 20)     /* bytes */
#define READ_SIZE (256u << 10)      /* fits into the second-level cache, few system calls */
#define PROGRESS_STEP (16ull << 20) /* bytes between two reports */

/* A decoded parameter or a digest. */
struct bytes {
    unsigned char *data; /* malloc'ed, or NULL if the parameter is absent */
    size_t size;
};

/* Keys do not stay in freed memory. */
static void bytes_clear(struct bytes *bytes)
{
    if (bytes->data)
        OPENSSL_cleanse(bytes->data, bytes->size);
    free(bytes->data);
    bytes->data = NULL;
}

#define CLEANUP_BYTES __attribute__((cleanup(bytes_clear)))
#define CLEANUP_DIGEST __attribute__((cleanup(digest_clear)))

/* The message never shows the text: it may be a key. */
static int32_t decode_text(struct llmspell_call *call, const char *name, const char *text,
                           size_t size, enum coding coding, struct bytes *ret_bytes)
{
    size_t offset = 0;
    int32_t rc = coding_decode(coding, text, size, &ret_bytes->data, &ret_bytes->size, &offset);
    if (rc == 0)
        return 0;
    if (rc == LLMSPELL_ENOMEM)
        return llmspell_fail(call, rc, "out of memory");
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/%s", name);
    return llmspell_fail_at(call, rc, pointer,
                            "%s is not valid %s: it goes wrong at offset %zu; %s", name,
                            coding_title(coding), offset, coding_rule(coding));
}

/* Decodes the parameter `name` if it is there. */
static int32_t decode_parameter(struct llmspell_call *call, const json_t *params, const char *name,
                                const char *coding_name, struct bytes *ret_bytes)
{
    const char *text = llmspell_string(params, name);
    if (!text)
        return 0;
    return decode_text(call, name, text, llmspell_string_length(params, name),
                       coding_find(llmspell_string(params, coding_name)), ret_bytes);
}

static int32_t fail_digest(struct llmspell_call *call, int32_t code, const char *algorithm)
{
    if (code == LLMSPELL_ENOMEM)
        return llmspell_fail(call, code, "out of memory");
    if (code == LLMSPELL_EUNAVAILABLE)
        return llmspell_fail_at(call, code, "/algorithm",
                                "OpenSSL on this machine does not offer %s (its configuration may "
                                "allow FIPS algorithms only); choose another algorithm",
                                algorithm);
    return llmspell_fail(call, LLMSPELL_EFAILED, "the computation of %s failed in its library",
                         algorithm);
}

/* ---- input ---- */

static int32_t update_text(struct llmspell_call *call, const json_t *params, struct digest *digest,
                           uint64_t *ret_bytes)
{
    CLEANUP_BYTES struct bytes text = {NULL, 0};
    int32_t rc = decode_parameter(call, params, "input", "input_encoding", &text);
    if (rc < 0)
        return rc;
    *ret_bytes = text.size;
    rc = digest_update(digest, text.data, text.size);
    return rc < 0 ? fail_digest(call, rc, digest->algorithm->name) : 0;
}

/* read() that says why it failed; 0 at the end of the file. */
static ssize_t read_some(struct llmspell_call *call, const char *path, int fd, void *buffer)
{
    ssize_t n;
    do
        n = read(fd, buffer, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return llmspell_fail_at(call, LLMSPELL_EIO, "/path", "cannot read %s: %s", path,
                                strerror(errno));
    return n;
}

static int32_t update_file(struct llmspell_call *call, const json_t *params, struct digest *digest,
                           uint64_t *ret_bytes)
{
    const char *path = llmspell_string(params, "path");
    if (strlen(path) != llmspell_string_length(params, "path"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/path", "a path holds no NUL character");
    uint64_t size = 0, done = 0, reported = 0;
    LLMSPELL_CLEANUP_CLOSE int fd = llmspell_fs_open_file(call, path, "/path", FILE_MAX, &size);
    if (fd < 0)
        return fd;
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    LLMSPELL_CLEANUP_FREE unsigned char *buffer = malloc(READ_SIZE);
    if (!buffer)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    ssize_t n;
    while ((n = read_some(call, path, fd, buffer)) > 0) {
        done += (uint64_t)n;
        if (done > FILE_MAX) /* it grew while being read */
            return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/path",
                                    "%s is larger than the limit of %llu bytes", path, FILE_MAX);
        int32_t rc = digest_update(digest, buffer, (size_t)n);
        if (rc < 0)
            return fail_digest(call, rc, digest->algorithm->name);
        if (done - reported >= PROGRESS_STEP) {
            reported = done;
            call->host->progress(call, (double)done, (double)size, "hashing");
        }
        rc = llmspell_cancelled(call);
        if (rc < 0)
            return rc;
    }
    *ret_bytes = done;
    return (int32_t)n;
}

/* ---- operations ---- */

struct outcome {
    unsigned char digest[DIGEST_MAX];
    size_t size;
    uint64_t bytes; /* of the input */
};

/* key->data NULL: a plain digest. */
static int32_t compute(const struct digest_methods *methods, struct llmspell_call *call,
                       const json_t *params, const struct bytes *key, struct outcome *ret_outcome)
{
    const char *name = llmspell_string(params, "algorithm");
    const struct algorithm *algorithm = digest_find(name);
    if (!algorithm)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/algorithm", "unknown algorithm");
    CLEANUP_DIGEST struct digest digest = {.context = NULL};
    int32_t rc = digest_init(&digest, methods, algorithm, key->data, key->size);
    if (rc < 0)
        return fail_digest(call, rc, name);
    rc = llmspell_string(params, "path") ? update_file(call, params, &digest, &ret_outcome->bytes)
                                         : update_text(call, params, &digest, &ret_outcome->bytes);
    if (rc < 0)
        return rc;
    rc = digest_final(&digest, ret_outcome->digest, &ret_outcome->size);
    return rc < 0 ? fail_digest(call, rc, name) : 0;
}

static int32_t load_secret(struct llmspell_call *call, const char *name, enum coding coding,
                           struct bytes *ret_key)
{
    char *value = NULL;
    uint64_t size = 0;
    int32_t rc = llmspell_secret_get(call, name, "/key_secret", &value, &size);
    if (rc < 0)
        return rc;
    rc = decode_text(call, "key_secret", value, (size_t)size, coding, ret_key);
    llmspell_secret_release(call, value, size);
    return rc;
}

/* The key of hmac and verify, if one is given. */
static int32_t load_key(struct llmspell_call *call, const json_t *params, struct bytes *ret_key)
{
    const char *secret = llmspell_string(params, "key_secret");
    if (secret)
        return load_secret(call, secret, coding_find(llmspell_string(params, "key_encoding")),
                           ret_key);
    return decode_parameter(call, params, "key", "key_encoding", ret_key);
}

static int32_t hash(const struct digest_methods *methods, struct llmspell_call *call,
                    const json_t *params, json_t **ret_result)
{
    CLEANUP_BYTES struct bytes key = {NULL, 0};
    bool hmac = llmspell_is(params, "operation", "hmac");
    int32_t rc = hmac ? load_key(call, params, &key) : 0;
    struct outcome outcome;
    if (rc == 0)
        rc = compute(methods, call, params, &key, &outcome);
    if (rc < 0)
        return rc;
    const char *format = llmspell_string(params, "format");
    return llmspell_return(
        call, ret_result,
        json_pack("{s:s, s:o, s:s, s:I, s:o*}", "algorithm", llmspell_string(params, "algorithm"),
                  "hash", coding_encode(coding_find(format), outcome.digest, outcome.size),
                  "format", format, "bytes", (json_int_t)outcome.bytes, "hmac",
                  hmac ? json_true() : NULL));
}

static int32_t verify(const struct digest_methods *methods, struct llmspell_call *call,
                      const json_t *params, json_t **ret_result)
{
    CLEANUP_BYTES struct bytes key = {NULL, 0};
    CLEANUP_BYTES struct bytes expected = {NULL, 0};
    struct outcome outcome;
    int32_t rc = decode_parameter(call, params, "expected", "expected_format", &expected);
    if (rc == 0)
        rc = load_key(call, params, &key);
    if (rc == 0)
        rc = compute(methods, call, params, &key, &outcome);
    if (rc < 0)
        return rc;
    bool equal = expected.size == outcome.size &&
                 CRYPTO_memcmp(expected.data, outcome.digest, outcome.size) == 0;
    /* The right HMAC is what a forger lacks: it is shown only where no key was used. */
    enum coding coding = coding_find(llmspell_string(params, "expected_format"));
    json_t *actual = key.data ? NULL : coding_encode(coding, outcome.digest, outcome.size);
    if (!actual && !key.data)
        return llmspell_return(call, ret_result, NULL);
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:s, s:I, s:o*}", "verified", equal, "algorithm",
                                     llmspell_string(params, "algorithm"), "bytes",
                                     (json_int_t)outcome.bytes, "actual", actual));
}

static int32_t list(struct llmspell_call *call, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *algorithms = json_array();
    for (size_t i = 0; i < digest_algorithm_count; i++) {
        const struct algorithm *a = &digest_algorithms[i];
        json_t *entry =
            json_pack("{s:s, s:I, s:b, s:b}", "name", a->name, "bits", (json_int_t)a->bits,
                      "cryptographic", a->cryptographic, "hmac", a->cryptographic);
        if (json_array_append_new(algorithms, entry) != 0)
            return llmspell_return(call, ret_result, NULL);
    }
    return llmspell_return(call, ret_result, json_pack("{s:O}", "algorithms", algorithms));
}

static int32_t hash_calculator_open(struct llmspell_call *call, const json_t *config,
                                    void **ret_self)
{
    (void)config;
    struct digest_methods *methods = NULL;
    int32_t rc = digest_methods_new(&methods);
    if (rc < 0)
        return llmspell_fail(call, rc, "out of memory");
    *ret_self = methods;
    return 0;
}

static int32_t hash_calculator_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    if (llmspell_is(params, "operation", "list"))
        return list(call, ret_result);
    if (llmspell_is(params, "operation", "verify"))
        return verify(self, call, params, ret_result);
    return hash(self, call, params, ret_result);
}

static void hash_calculator_close(void *self)
{
    digest_methods_free(self);
}

LLMSPELL_TOOL(.open = hash_calculator_open, .invoke = hash_calculator_invoke,
              .close = hash_calculator_close)
