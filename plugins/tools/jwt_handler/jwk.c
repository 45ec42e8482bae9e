/* SPDX-License-Identifier: Apache-2.0
 * JSON Web Keys (RFC 7517, 7518, 8037) as keys of OpenSSL. Called by key.c. */
#include "jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

static void clear_builder(OSSL_PARAM_BLD **builder)
{
    OSSL_PARAM_BLD_free(*builder);
}

/* A member in base64url. LLMSPELL_ENOTFOUND if it is not there. */
static int32_t member(const json_t *jwk, const char *name, struct bytes *ret)
{
    const json_t *value = json_object_get(jwk, name);
    if (!value)
        return LLMSPELL_ENOTFOUND;
    int32_t rc = base64url_decode(json_is_string(value) ? json_string_value(value) : "!",
                                  json_is_string(value) ? json_string_length(value) : 1, ret);
    return rc > 0 || (rc == 0 && ret->size == 0) ? LLMSPELL_EPARSE : rc;
}

/* Zeroed when freed: d and the primes are secret. */
struct numbers {
    BIGNUM *items[8];
    size_t count;
};

static void clear_numbers(struct numbers *numbers)
{
    for (size_t i = 0; i < numbers->count; i++)
        BN_clear_free(numbers->items[i]);
}

static int32_t push_number(OSSL_PARAM_BLD *builder, struct numbers *numbers, const json_t *jwk,
                           const char *name, const char *parameter)
{
    CLEANUP_BYTES struct bytes bytes = {0};
    int32_t rc = member(jwk, name, &bytes);
    if (rc < 0)
        return rc;
    BIGNUM *number = BN_bin2bn(bytes.data, (int)bytes.size, NULL);
    if (!number)
        return LLMSPELL_ENOMEM;
    numbers->items[numbers->count++] = number;
    return OSSL_PARAM_BLD_push_BN(builder, parameter, number) ? 0 : LLMSPELL_ENOMEM;
}

static int32_t build(const char *type, OSSL_PARAM_BLD *builder, bool is_private,
                     EVP_PKEY **ret_pkey)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    bool ok = params && context && EVP_PKEY_fromdata_init(context) > 0 &&
              EVP_PKEY_fromdata(context, ret_pkey, selection, params) > 0;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    return ok ? 0 : LLMSPELL_EPARSE;
}

static int32_t load_rsa(const json_t *jwk, OSSL_PARAM_BLD *builder, EVP_PKEY **ret_pkey,
                        bool *ret_private)
{
    static const char *const names[][2] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    __attribute__((cleanup(clear_numbers))) struct numbers numbers = {.count = 0};
    *ret_private = json_object_get(jwk, "d") != NULL;
    for (size_t i = 0; i < (*ret_private ? 8u : 2u); i++) {
        int32_t rc = push_number(builder, &numbers, jwk, names[i][0], names[i][1]);
        if (rc == LLMSPELL_ENOTFOUND && i >= 3) /* the primes are optional, all five together */
            break;
        if (rc < 0)
            return rc;
    }
    return build("RSA", builder, *ret_private, ret_pkey);
}

static const char *group_of(const char *curve, size_t *ret_size)
{
    static const struct {
        const char *curve, *group;
        size_t size;
    } groups[] = {
        {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};
    for (size_t i = 0; curve && i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(groups[i].curve, curve) == 0) {
            *ret_size = groups[i].size;
            return groups[i].group;
        }
    return NULL;
}

static int32_t load_ec(const json_t *jwk, OSSL_PARAM_BLD *builder, EVP_PKEY **ret_pkey,
                       bool *ret_private)
{
    __attribute__((cleanup(clear_numbers))) struct numbers numbers = {.count = 0};
    CLEANUP_BYTES struct bytes x = {0}, y = {0};
    unsigned char point[1 + 2 * 66] = {4}; /* uncompressed */
    size_t size = 0;
    const char *group = group_of(llmspell_string(jwk, "crv"), &size);
    if (!group || member(jwk, "x", &x) < 0 || member(jwk, "y", &y) < 0 || x.size != size ||
        y.size != size)
        return LLMSPELL_EPARSE;
    memcpy(point + 1, x.data, size);
    memcpy(point + 1 + size, y.data, size);
    if (!OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) ||
        !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size))
        return LLMSPELL_ENOMEM;
    int32_t rc = push_number(builder, &numbers, jwk, "d", OSSL_PKEY_PARAM_PRIV_KEY);
    *ret_private = rc == 0;
    if (rc < 0 && rc != LLMSPELL_ENOTFOUND)
        return rc;
    return build("EC", builder, *ret_private, ret_pkey);
}

/* x is there for private keys too (RFC 8037, 2), and must not be another key's. */
static bool is_public_part(const EVP_PKEY *pkey, const struct bytes *x)
{
    unsigned char part[64];
    size_t size = sizeof part;
    return EVP_PKEY_get_raw_public_key(pkey, part, &size) > 0 && size == x->size &&
           memcmp(part, x->data, size) == 0;
}

static int32_t load_okp(const json_t *jwk, EVP_PKEY **ret_pkey, bool *ret_private)
{
    CLEANUP_BYTES struct bytes x = {0}, d = {0};
    int type = llmspell_is(jwk, "crv", "Ed25519") ? EVP_PKEY_ED25519
               : llmspell_is(jwk, "crv", "Ed448") ? EVP_PKEY_ED448
                                                  : EVP_PKEY_NONE;
    if (type == EVP_PKEY_NONE)
        return LLMSPELL_EPARSE;
    *ret_private = json_object_get(jwk, "d") != NULL;
    int32_t rc = member(jwk, "x", &x);
    if (rc == 0 && *ret_private)
        rc = member(jwk, "d", &d);
    if (rc < 0)
        return rc;
    *ret_pkey = *ret_private ? EVP_PKEY_new_raw_private_key(type, NULL, d.data, d.size)
                             : EVP_PKEY_new_raw_public_key(type, NULL, x.data, x.size);
    return *ret_pkey && is_public_part(*ret_pkey, &x) ? 0 : LLMSPELL_EPARSE;
}

int32_t jwk_load(const json_t *jwk, EVP_PKEY **ret_pkey, bool *ret_private)
{
    if (llmspell_is(jwk, "kty", "OKP"))
        return load_okp(jwk, ret_pkey, ret_private);
    __attribute__((cleanup(clear_builder))) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (!builder)
        return LLMSPELL_ENOMEM;
    if (llmspell_is(jwk, "kty", "RSA"))
        return load_rsa(jwk, builder, ret_pkey, ret_private);
    return llmspell_is(jwk, "kty", "EC") ? load_ec(jwk, builder, ret_pkey, ret_private)
                                         : LLMSPELL_EPARSE;
}
