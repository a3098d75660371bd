# SPDX-License-Identifier: Apache-2.0
"""The API over a store in memory, and people with keys."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qruntime.api.app import create_app
from qruntime.api.parts import ApiLimits, Parts
from qruntime.backends.registry import installed
from qruntime.core.users import Role, Scope
from qruntime.service.access import Caller
from qruntime.service.backends import Backends
from qruntime.service.users import create_key, create_user, first_admin
from qruntime.store.memory import MemoryStore

HELLO = b"def main(backend, user_messenger, n=1):\n    return n\n"
BACKENDS = Backends(installed())


def upload_body(name: str, source: bytes = HELLO, **fields: Any) -> dict[str, Any]:
    files = {"program.py": base64.b64encode(source).decode()}
    return {
        "source": {"files": files, "entry_point": "program.py"},
        "metadata": {"name": name},
        **fields,
    }


@dataclass
class Api:
    """A server: ``api.as_("ada").get(path)`` calls it as a user."""

    store: MemoryStore
    client: TestClient
    keys: dict[str, str]
    admin: Caller = field(default_factory=lambda: Caller("admin", Role.ADMIN, frozenset(Scope)))

    def as_(self, user_id: str) -> Calls:
        return Calls(self.client, {"Authorization": f"Bearer {self.keys[user_id]}"})


class Calls:
    def __init__(self, client: TestClient, headers: dict[str, str]) -> None:
        self._client = client
        self.headers = headers

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        return self._client.request(method, f"/api/v1{path}", headers=headers, **more)

    def upload(self, name: str = "hello", **fields: Any) -> str:
        answer = self("POST", "/programs", json=upload_body(name, **fields))
        assert answer.status_code == 201, answer.text
        return answer.json()["program_id"]

    def submit(self, program_id: str = "hello", **fields: Any) -> str:
        answer = self("POST", "/jobs", json={"program_id": program_id, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["job_id"]


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """One app: each test gives it parts of its own."""
    with TestClient(create_app(Parts(MemoryStore(), BACKENDS))) as client:
        yield client


@pytest.fixture
def make_api(client: TestClient) -> Callable[..., Api]:
    def make(**limits: int) -> Api:
        store = MemoryStore()
        admin_key = first_admin(store)
        assert admin_key is not None
        keys = {"admin": admin_key}
        client.app.state.parts = Parts(store, BACKENDS, limits=ApiLimits(**limits))
        made = Api(store, client, keys)
        for user_id, role in (("ada", Role.USER), ("bob", Role.USER), ("rae", Role.READER)):
            create_user(store, made.admin, user_id, role=role)
            keys[user_id] = create_key(store, made.admin, user_id)[1]
        return made

    return make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()
