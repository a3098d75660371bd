# SPDX-License-Identifier: Apache-2.0
"""Tokens of an identity provider: real signatures, and everything that can be wrong with them."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from qruntime.api.tokens import OidcTokens
from qruntime.core.users import Role, User
from qruntime.errors import InvalidInputError, NotAuthenticatedError
from qruntime.store.memory import MemoryStore

ISSUER, AUDIENCE = "https://id.example", "qruntime"
RSA = RSAKey.generate_key(2048, parameters={"kid": "one"})
EC = ECKey.generate_key("P-256", parameters={"kid": "two"})


@pytest.fixture
def store():
    store = MemoryStore()
    store.put_user(User("ada", Role.USER, store.now()))
    return store


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [RSA.as_dict(), EC.as_dict()]}))
    return str(path)


@pytest.fixture
def tokens(store, keys):
    return OidcTokens(store, issuer=ISSUER, audience=AUDIENCE, keys=keys)


def token(key=RSA, algorithm="RS256", **changes):
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 600}
    claims = {k: v for k, v in {**claims, **changes}.items() if v is not None}
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=[algorithm])


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256")])
def test_a_valid_token_is_its_user(tokens, key, algorithm):
    caller = tokens.caller(token(key, algorithm))

    assert (caller.user_id, caller.role) == ("ada", Role.USER)


def test_a_key_of_this_server_is_not_a_token(tokens):
    assert tokens.caller("qrt_000000000000_x") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"aud": None},
        {"iss": None},
        {"sub": None},
        {"sub": "eve"},
        {"sub": "../ada"},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(tokens, changes):
    with pytest.raises(NotAuthenticatedError):
        tokens.caller(token(**changes))


def test_a_token_that_another_key_signed_lets_nobody_in(tokens):
    forged = RSAKey.generate_key(2048, parameters={"kid": "one"})

    with pytest.raises(NotAuthenticatedError):
        tokens.caller(token(forged))


def test_a_token_signed_with_the_public_key_as_a_secret_lets_nobody_in(tokens):
    head, body, _ = token().split(".")
    head = urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    signature = hmac.digest(RSA.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    forged = f"{head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    with pytest.raises(NotAuthenticatedError):
        tokens.caller(forged)


def test_a_token_without_a_signature_lets_nobody_in(tokens):
    head, body, _ = token().split(".")

    with pytest.raises(NotAuthenticatedError):
        tokens.caller(f"{head}.{body}.AA")


def test_a_disabled_user_is_not_let_in(tokens, store):
    store.put_user(User("ada", Role.USER, store.now(), disabled=True))

    with pytest.raises(NotAuthenticatedError, match="disabled"):
        tokens.caller(token())


def test_somebody_unknown_becomes_a_user_where_that_is_wanted(store, keys):
    tokens = OidcTokens(store, issuer=ISSUER, audience=AUDIENCE, keys=keys, create_users=True)

    assert tokens.caller(token(sub="new@example.org")).role is Role.USER
    assert store.user("new@example.org").role is Role.USER


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        '{"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}',
    ],
)
def test_a_key_set_that_cannot_be_used_is_refused(store, tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_text(content)

    with pytest.raises(InvalidInputError, match="key set"):
        OidcTokens(store, issuer=ISSUER, audience=AUDIENCE, keys=str(path))
