/* SPDX-License-Identifier: Apache-2.0
 * jwt_handler: signs, decodes and verifies JSON Web Tokens. Called by the host's tool registry
 * through llmspell_tool_v1. */
#include <llmspell/clock.h>

#include "jwt.h"

#define RSA_BITS_MIN 2048 /* RFC 7518, 3.3 */
#define RSA_BITS_MAX 8192 /* signing takes time with their cube, and OpenSSL cannot be stopped */
#define TOKEN_MAX (4u << 20)

static int32_t decode(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_TOKEN struct token token = {0};
    char why[TOKEN_WHY];
    int32_t rc = token_parse(llmspell_string(params, "token"),
                             llmspell_string_length(params, "token"), &token, why);
    if (rc == LLMSPELL_ENOMEM)
        return llmspell_fail(call, rc, "out of memory");
    if (rc < 0)
        return llmspell_fail_at(call, rc, "/token", "the token %s", why);
    return llmspell_return(call, ret_result,
                           json_pack("{s:O, s:O, s:s, s:b}", "header", token.header, "payload",
                                     token.payload, "signature", token.signature_text, "verified",
                                     0));
}

/* ---- verify ---- */

static bool any_hmac(const json_t *allowed)
{
    bool hmac = false;
    for (size_t i = 0; i < json_array_size(allowed); i++) {
        const struct algorithm *a = algorithm_find(json_string_value(json_array_get(allowed, i)));
        hmac |= a && a->family == FAMILY_HMAC;
    }
    return hmac;
}

/* The key must be one for an allowed algorithm at least. */
static int32_t open_verify_key(struct llmspell_call *call, const json_t *allowed, struct key *key)
{
    bool fits = false;
    int32_t rc = key_open(call, any_hmac(allowed), key);
    for (size_t i = 0; rc == 0 && i < json_array_size(allowed); i++)
        fits |= key_fits(key, algorithm_find(json_string_value(json_array_get(allowed, i))));
    if (rc < 0 || fits)
        return rc;
    return llmspell_fail_at(call, LLMSPELL_EINVAL, key->pointer,
                            "%s is a key of type %s, which none of the algorithms takes; add the "
                            "one that it belongs to",
                            key->pointer + 1, EVP_PKEY_get0_type_name(key->pkey));
}

/* Everything that can be wrong with the form of a token. crit names extensions that must be
 * understood (RFC 7515, 4.1.11), and we know none. */
static bool is_malformed(const struct token *token)
{
    return !json_is_string(json_object_get(token->header, "alg")) ||
           json_object_get(token->header, "crit") || !claims_well_formed(token->payload);
}

static bool is_allowed(const json_t *params, const char *name)
{
    const json_t *allowed = json_object_get(params, "algorithms");
    for (size_t i = 0; i < json_array_size(allowed); i++)
        if (strcmp(json_string_value(json_array_get(allowed, i)), name) == 0)
            return algorithm_find(name) != NULL;
    return false;
}

static int32_t refuse(struct llmspell_call *call, const char *reason, json_t **ret_result)
{
    return llmspell_return(call, ret_result, json_pack("{s:b, s:s}", "valid", 0, "reason", reason));
}

static int32_t verify(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_KEY struct key key = {.pkey = NULL};
    CLEANUP_TOKEN struct token token = {0};
    char why[TOKEN_WHY];
    const json_t *allowed = json_object_get(params, "algorithms");
    int32_t rc = key_read(call, params, any_hmac(allowed), &key);
    if (rc < 0)
        return rc;
    rc = token_parse(llmspell_string(params, "token"), llmspell_string_length(params, "token"),
                     &token, why);
    if (rc == LLMSPELL_ENOMEM)
        return llmspell_fail(call, rc, "out of memory");
    if (rc < 0 || is_malformed(&token))
        return refuse(call, "malformed", ret_result);
    const char *name = llmspell_string(token.header, "alg");
    if (!is_allowed(params, name))
        return refuse(call, "algorithm", ret_result);
    rc = open_verify_key(call, allowed, &key); /* only now: what is above needs no key to answer */
    if (rc < 0)
        return rc;
    if (!signature_right(algorithm_find(name), &key, token.text, token.signed_size,
                         &token.signature))
        return refuse(call, "signature", ret_result);
    const char *reason = claims_check(token.payload, params, llmspell_now(call).tv_sec);
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:s*, s:O, s:O}", "valid", reason == NULL, "reason",
                                     reason, "header", token.header, "payload", token.payload));
}

/* ---- sign ---- */

static const char *const NEEDS[] = {
    [FAMILY_HMAC] = "a shared secret",
    [FAMILY_RSA] = "an RSA key",
    [FAMILY_PSS] = "an RSA key",
    [FAMILY_EC] = "an EC key on its own curve (ES256: P-256, ES384: P-384, ES512: P-521)",
    [FAMILY_EDDSA] = "an Ed25519 or Ed448 key",
};

static int32_t check_sign_key(struct llmspell_call *call, const struct algorithm *algorithm,
                              const struct key *key)
{
    const char *name = key->pointer + 1;
    size_t size = key->octets.data ? key->octets.size : key->bytes.size;
    if (!key_fits(key, algorithm))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, key->pointer,
                                "%s is not a key for %s, which needs %s", name, algorithm->name,
                                NEEDS[algorithm->family]);
    if (algorithm->family == FAMILY_HMAC)
        return size >= algorithm->size
                   ? 0
                   : llmspell_fail_at(call, LLMSPELL_EINVAL, key->pointer,
                                      "%s has %zu bytes; a key for %s must have %zu at least", name,
                                      size, algorithm->name, algorithm->size);
    if (!key->is_private)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, key->pointer,
                                "%s is a public key; signing needs the private one", name);
    int bits = EVP_PKEY_get_bits(key->pkey);
    bool rsa = algorithm->family == FAMILY_RSA || algorithm->family == FAMILY_PSS;
    if (rsa && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, key->pointer,
                                "%s has %d bits; an RSA key must have %d to %d", name, bits,
                                RSA_BITS_MIN, RSA_BITS_MAX);
    return 0;
}

/* Adds a claim that a parameter asks for; the payload may not say something else. */
static int32_t add_time(struct llmspell_call *call, json_t *payload, const char *claim,
                        const char *pointer, json_int_t seconds)
{
    if (json_object_get(payload, claim))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "the payload has %s already; give one of the two", claim);
    if (json_object_set_new(payload, claim,
                            json_integer((json_int_t)llmspell_now(call).tv_sec + seconds)) != 0)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

static int32_t build_payload(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    json_t *payload = *ret = json_copy(json_object_get(params, "payload"));
    int32_t rc = 0;
    if (!payload)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    if (json_object_get(params, "expires_in"))
        rc = add_time(call, payload, "exp", "/expires_in",
                      llmspell_integer(params, "expires_in", 0));
    if (rc == 0 && json_object_get(params, "not_before_in"))
        rc = add_time(call, payload, "nbf", "/not_before_in",
                      llmspell_integer(params, "not_before_in", 0));
    if (rc == 0 && llmspell_bool(params, "issued_at", 0))
        rc = add_time(call, payload, "iat", "/issued_at", 0);
    return rc;
}

/* alg and typ first, then the others sorted. */
static void add_header(struct text_buffer *out, const json_t *given, const char *algorithm)
{
    LLMSPELL_CLEANUP_JSON json_t *rest = json_copy((json_t *)given);
    const json_t *typ = json_object_get(given, "typ");
    json_object_del(rest, "typ");
    CLEANUP_TEXT_BUFFER struct text_buffer tail = {.limit = TOKEN_MAX};
    if (rest)
        json_text_add(&tail, rest, true);
    text_buffer_puts(out, "{\"alg\":\"");
    text_buffer_puts(out, algorithm);
    text_buffer_puts(out, "\",\"typ\":");
    if (typ)
        json_text_add(out, typ, true);
    else
        text_buffer_puts(out, "\"JWT\"");
    if (!rest || tail.error)
        out->error = tail.error ? tail.error : LLMSPELL_ENOMEM;
    else if (tail.len > 2) {
        text_buffer_putc(out, ',');
        text_buffer_add(out, tail.data + 1, tail.len - 1);
    } else
        text_buffer_putc(out, '}');
}

static void add_encoded(struct text_buffer *token, const struct text_buffer *part)
{
    if (part->error)
        token->error = part->error;
    base64url_add(token, (const unsigned char *)part->data, part->len);
}

static int32_t sign(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    const struct algorithm *algorithm = algorithm_find(llmspell_string(params, "algorithm"));
    const json_t *header = json_object_get(params, "header");
    CLEANUP_KEY struct key key = {.pkey = NULL};
    CLEANUP_BYTES struct bytes signature = {0};
    LLMSPELL_CLEANUP_JSON json_t *payload = NULL;
    CLEANUP_TEXT_BUFFER struct text_buffer head = {.limit = TOKEN_MAX}, body = head, token = head;
    bool hmac = algorithm->family == FAMILY_HMAC;
    if (json_object_get(header, "alg"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/header/alg",
                                "alg comes from the parameter algorithm; leave it out of header");
    int32_t rc = key_read(call, params, hmac, &key);
    if (rc == 0)
        rc = key_open(call, hmac, &key);
    if (rc == 0)
        rc = check_sign_key(call, algorithm, &key);
    if (rc == 0)
        rc = build_payload(call, params, &payload);
    if (rc < 0)
        return rc;
    add_header(&head, header, algorithm->name);
    json_text_add(&body, payload, true);
    add_encoded(&token, &head);
    text_buffer_putc(&token, '.');
    add_encoded(&token, &body);
    rc = text_buffer_check(call, &token);
    if (rc < 0)
        return rc;
    if (signature_make(algorithm, &key, token.data, token.len, &signature) < 0)
        return llmspell_fail_at(call, LLMSPELL_EFAILED, key.pointer,
                                "OpenSSL cannot sign with this key and %s", algorithm->name);
    if (!signature_right(algorithm, &key, token.data, token.len, &signature))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, key.pointer,
                                "the private part of %s does not belong to its public part",
                                key.pointer + 1);
    text_buffer_putc(&token, '.');
    base64url_add(&token, signature.data, signature.size);
    rc = text_buffer_check(call, &token);
    return rc < 0 ? rc
                  : llmspell_return(call, ret_result,
                                    json_pack("{s:o, s:s}", "token", text_buffer_json(&token),
                                              "algorithm", algorithm->name));
}

static int32_t jwt_handler_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                  json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "verify"))
        return verify(call, params, ret_result);
    return llmspell_is(params, "operation", "sign") ? sign(call, params, ret_result)
                                                    : decode(call, params, ret_result);
}

LLMSPELL_TOOL(.invoke = jwt_handler_invoke)
