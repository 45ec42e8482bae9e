# SPDX-License-Identifier: Apache-2.0
"""jwt_handler beyond its cases: signatures that are random, and times that are now, by signing and
verifying what was signed."""
import base64
import json
import subprocess
import time

import pytest

ALGORITHMS = {
    "PS256": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ES384": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ES512": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "EdDSA": ["genpkey", "-algorithm", "ED448"],
}
KEY = "k" * 64


def invoke(llmspell, **params):
    done = llmspell.run("tool", "invoke", "jwt_handler", "--params", json.dumps(params),
                        "--output", "json")
    assert done.json["status"] == "ok", done
    return done.json["result"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_is_right(llmspell, algorithm):
    private = subprocess.run(["openssl", *ALGORITHMS[algorithm]], check=True, text=True,
                             capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-pubout"], input=private, check=True, text=True,
                            capture_output=True).stdout
    token = invoke(llmspell, operation="sign", algorithm=algorithm, payload={"a": 1},
                   key=private)["token"]
    told = invoke(llmspell, operation="verify", token=token, algorithms=[algorithm], key=public)
    assert told == {"valid": True, "header": {"alg": algorithm, "typ": "JWT"}, "payload": {"a": 1}}
    part = token.split(".")[1]
    wrong = token.replace(part, base64.urlsafe_b64encode(b'{"a":2}').decode().rstrip("="))
    assert invoke(llmspell, operation="verify", token=wrong, algorithms=[algorithm],
                  key=public) == {"valid": False, "reason": "signature"}


def test_times_are_counted_from_now(llmspell):
    before = int(time.time())
    token = invoke(llmspell, operation="sign", payload={}, key=KEY, expires_in=60,
                   not_before_in=-5, issued_at=True)["token"]
    after = int(time.time())
    claims = invoke(llmspell, operation="verify", token=token, algorithms=["HS256"],
                    key=KEY)["payload"]
    assert before <= claims["iat"] <= after
    assert claims["exp"] - claims["iat"] in (60, 61) and claims["iat"] - claims["nbf"] in (5, 6)
    late = invoke(llmspell, operation="verify", token=token, algorithms=["HS256"], key=KEY,
                  at=after + 61)
    assert (late["valid"], late["reason"]) == (False, "expired")


def test_a_token_of_the_past_is_expired(llmspell):
    token = invoke(llmspell, operation="sign", payload={}, key=KEY, expires_in=-1)["token"]
    assert invoke(llmspell, operation="verify", token=token, algorithms=["HS256"],
                  key=KEY)["reason"] == "expired"


def test_a_key_is_no_longer_than_a_key_file_may_be(llmspell):
    for size, code in ((256 << 10, None), ((256 << 10) + 1, "invalid_params")):
        params = {"operation": "sign", "payload": {}, "key": "k" * size}
        reply = llmspell.run("tool", "invoke", "jwt_handler", "--params", "-", "--output", "json",
                             input=json.dumps(params)).json
        assert reply.get("error", {}).get("code") == code, reply
        assert code is None or (reply["error"]["path"] == "/key" and "kkk" not in json.dumps(reply))
