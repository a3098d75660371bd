# SPDX-License-Identifier: Apache-2.0
"""Tokens of an identity provider (OpenID Connect), checked here: the provider is not asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from qruntime.core.users import Role, Scope, User
from qruntime.errors import InvalidInputError, NotAuthenticatedError, UserNotFoundError
from qruntime.service.access import Caller, caller_of
from qruntime.store.base import Store

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_LEEWAY_SECONDS = 30
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class OidcTokens:
    """Says who shows a token.

    ``keys`` is a file with the provider's key set (JWKS). ``user_claim`` is the claim that is the
    user's id. With ``create_users`` somebody unknown who has a valid token becomes a user.

    Raises:
        InvalidInputError: the key set cannot be read, or holds a secret key.
    """

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        audience: str,
        keys: str,
        user_claim: str = "sub",
        create_users: bool = False,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._audience = audience
        self._keys = _read_keys(keys)
        self._user_claim = user_claim
        self._create_users = create_users
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )

    def caller(self, token: str) -> Caller | None:
        """Return who shows a token; None if it is not a token but a key.

        Raises:
            NotAuthenticatedError: it is not valid here, or its user is unknown or disabled.
        """
        if not _TOKEN.fullmatch(token):
            return None
        try:
            found = jwt.decode(token, self._keys, algorithms=_ALGORITHMS)
            self._claims.validate(found.claims)
        except (JoseError, ValueError) as error:
            reason = type(error).__name__
            raise NotAuthenticatedError(f"the token is not valid here: {reason}") from error
        user = self._user(found.claims)
        if user.disabled:
            raise NotAuthenticatedError(f"the user '{user.user_id}' is disabled")
        return caller_of(user.user_id, user.role, frozenset(Scope))

    def _user(self, claims: Mapping[str, Any]) -> User:
        user_id = claims.get(self._user_claim)
        if not isinstance(user_id, str) or not _USER.fullmatch(user_id):
            raise NotAuthenticatedError(
                f"the token's claim '{self._user_claim}' is not the id of a user"
            )
        try:
            return self._store.user(user_id)
        except UserNotFoundError as error:
            if not self._create_users:
                raise NotAuthenticatedError(f"there is no user '{user_id}' here") from error
            user = User(user_id, Role.USER, self._store.now())
            self._store.put_user(user)
            return user


def _read_keys(path: str) -> KeySet:
    try:
        held = json.loads(Path(path).read_text())
        keys = KeySet.import_key_set(held)
    except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
        raise InvalidInputError(f"the key set '{path}' cannot be read: {error}") from error
    if any(key.key_type == "oct" for key in keys.keys):
        raise InvalidInputError(f"the key set '{path}' holds a secret key: public keys are needed")
    return keys
