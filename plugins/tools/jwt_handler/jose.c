/* SPDX-License-Identifier: Apache-2.0
 * The parts of JOSE that need no key: algorithm names, base64url, compact serialization. */
#include "jwt.h"

#include <openssl/crypto.h>

#define DEPTH_MAX 64

static const struct algorithm ALGORITHMS[] = {
    {"HS256", FAMILY_HMAC, "SHA256", 32, NULL},
    {"HS384", FAMILY_HMAC, "SHA384", 48, NULL},
    {"HS512", FAMILY_HMAC, "SHA512", 64, NULL},
    {"RS256", FAMILY_RSA, "SHA256", 32, NULL},
    {"RS384", FAMILY_RSA, "SHA384", 48, NULL},
    {"RS512", FAMILY_RSA, "SHA512", 64, NULL},
    {"PS256", FAMILY_PSS, "SHA256", 32, NULL},
    {"ES256", FAMILY_EC, "SHA256", 32, "prime256v1"},
    {"ES384", FAMILY_EC, "SHA384", 48, "secp384r1"},
    {"ES512", FAMILY_EC, "SHA512", 66, "secp521r1"},
    {"EdDSA", FAMILY_EDDSA, NULL, 0, NULL},
};

const struct algorithm *algorithm_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof ALGORITHMS / sizeof ALGORITHMS[0]; i++)
        if (strcmp(ALGORITHMS[i].name, name) == 0)
            return &ALGORITHMS[i];
    return NULL;
}

void bytes_clear(struct bytes *bytes)
{
    if (bytes->data)
        OPENSSL_cleanse(bytes->data, bytes->size);
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void base64url_add(struct text_buffer *out, const unsigned char *data, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        unsigned group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < n ? data[i + k] : 0u);
        for (size_t k = 0; k <= n; k++)
            text_buffer_putc(out, alphabet[group >> (18 - 6 * k) & 63u]);
    }
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int32_t base64url_decode(const char *text, size_t size, struct bytes *ret)
{
    unsigned group = 0, bits = 0;
    size_t used = 0;
    ret->size = size * 3 / 4;
    ret->data = malloc(size + 1);
    if (!ret->data)
        return LLMSPELL_ENOMEM;
    for (size_t i = 0; i < size; i++) {
        int value = sextet(text[i]);
        if (value < 0)
            return LLMSPELL_EPARSE;
        group = (group << 6 | (unsigned)value) & 0xFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret->data[used++] = (unsigned char)(group >> bits);
        }
    }
    ret->data[used] = '\0';
    if (size % 4 == 1)
        return LLMSPELL_EPARSE;
    return group & ((1u << bits) - 1) ? BASE64URL_LOOSE : 0;
}

/* Jansson reads 2,048 levels; results, like parameters, have 64. */
static bool is_flat(const json_t *value, unsigned depth)
{
    const char *key;
    json_t *item;
    if (depth > DEPTH_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_flat(json_array_get(value, i), depth + 1))
            return false;
    json_object_foreach((json_t *)value, key, item)
    {
        if (!is_flat(item, depth + 1))
            return false;
    }
    return true;
}

/* One part that is a JSON object in base64url; name for the message. */
static int32_t parse_object(const char *name, const char *text, size_t size, json_t **ret,
                            char ret_why[TOKEN_WHY])
{
    CLEANUP_BYTES struct bytes bytes = {0};
    json_error_t error;
    int32_t rc = base64url_decode(text, size, &bytes);
    if (rc == LLMSPELL_ENOMEM)
        return rc;
    if (rc != 0) {
        snprintf(ret_why, TOKEN_WHY,
                 "has a %s that is not in base64url (A-Z a-z 0-9 - _, without padding)", name);
        return LLMSPELL_EPARSE;
    }
    *ret = json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                      &error);
    if (json_is_object(*ret) && is_flat(*ret, 1))
        return 0;
    if (*ret)
        snprintf(ret_why, TOKEN_WHY, "has a %s that is %s", name,
                 json_is_object(*ret) ? "nested deeper than 64 levels" : "not a JSON object");
    else if (json_error_code(&error) == json_error_numeric_overflow)
        snprintf(ret_why, TOKEN_WHY, "has a %s with a number beyond 64 bits", name);
    else
        snprintf(ret_why, TOKEN_WHY,
                 "has a %s that is not JSON: it goes wrong at line %d, column %d", name, error.line,
                 error.column > 0 ? error.column : 1);
    return LLMSPELL_EPARSE;
}

int32_t token_parse(const char *text, size_t size, struct token *ret, char ret_why[TOKEN_WHY])
{
    const char *end = text + size;
    const char *first = memchr(text, '.', size);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    snprintf(ret_why, TOKEN_WHY,
             "does not have three parts separated by dots; give header.payload.signature");
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return LLMSPELL_EPARSE;
    ret->text = text;
    ret->signed_size = (size_t)(second - text);
    ret->signature_text = second + 1;
    int32_t rc = parse_object("header", text, (size_t)(first - text), &ret->header, ret_why);
    if (rc == 0)
        rc = parse_object("payload", first + 1, (size_t)(second - first - 1), &ret->payload,
                          ret_why);
    if (rc < 0)
        return rc;
    snprintf(ret_why, TOKEN_WHY,
             "has a signature that is not in base64url (A-Z a-z 0-9 - _, without padding)");
    rc = base64url_decode(second + 1, (size_t)(end - second - 1), &ret->signature);
    if (rc == BASE64URL_LOOSE)
        bytes_clear(&ret->signature); /* a second spelling of a signature is a wrong one */
    return rc < 0 ? rc : 0;
}

void token_clear(struct token *token)
{
    json_decref(token->header);
    json_decref(token->payload);
    bytes_clear(&token->signature);
}
