# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every role, every operation, one's own things and other people's."""

from __future__ import annotations

from typing import Any

import pytest

from qruntime.core.jobs import JobStatus

SESSION = {"backend_name": "aer_simulator"}


def operations(api: Any) -> list[tuple[str, str]]:
    described = api.client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, item in described.items() for method in item]


OPEN = {("GET", "/health"), ("GET", "/ready")}


def test_everything_but_health_and_readiness_needs_a_key(api):
    for method, path in operations(api):
        answer = api.client.request(method, path, json={})

        assert (answer.status_code != 401) is ((method, path) in OPEN), (method, path)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        "qrt_",
        "qrt__",
        "qrt_000000000000_x",
        "qrt_é",
        "a.b.c",
        "Bearer",
        "qrt_" + "a" * 10**4,
    ],
)
def test_what_is_no_key_opens_nothing(api, key):
    answer = api.client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {key}".encode()})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"


def test_a_key_with_one_character_changed_opens_nothing(api):
    key = api.keys["ada"]
    changed = key[:-1] + ("A" if key[-1] != "A" else "B")

    answer = api.client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {changed}"})

    assert answer.status_code == 401


@pytest.fixture
def things(api):
    """Ada's private and public programs, job, ended job, session and key."""
    ada = api.as_("ada")
    private = ada.upload("private-program")
    public = ada.upload("public-program", public=True)
    job = ada.submit(private)
    ended = ada.submit(private)
    api.store.move(ended, JobStatus.RUNNING)
    api.store.move(ended, JobStatus.COMPLETED, attempt=1, result="1")
    session = ada("POST", "/sessions", json=SESSION).json()["session_id"]
    key = next(key.key_id for key in api.store.keys("ada"))
    return {
        "private": private,
        "public": public,
        "job": job,
        "ended": ended,
        "session": session,
        "key": key,
    }


OF_ONE_PROGRAM = [
    ("GET", "/programs/{p}", None),
    ("GET", "/programs/{p}/versions", None),
    ("GET", "/programs/{p}/versions/1", None),
]
CHANGES_OF_A_PROGRAM = [
    ("PATCH", "/programs/{p}", {"public": True}),
    ("POST", "/programs/{p}/rollback", {"version": "1"}),
    ("PUT", "/programs/{p}/tags/x", {"version": "1"}),
    ("DELETE", "/programs/{p}/tags/x", None),
    ("DELETE", "/programs/{p}", None),
]
OF_A_JOB = [
    ("GET", "/jobs/{job}", None),
    ("GET", "/jobs/{job}/inputs", None),
    ("GET", "/jobs/{ended}/result", None),
    ("GET", "/jobs/{job}/logs", None),
    ("GET", "/jobs/{job}/events", None),
    ("GET", "/jobs/{ended}/stream", None),
]
CHANGES_OF_A_JOB = [
    ("PUT", "/jobs/{job}/tags", {"tags": ["x"]}),
    ("POST", "/jobs/{job}/cancel", None),
    ("DELETE", "/jobs/{ended}", None),
]
OF_A_SESSION = [("GET", "/sessions/{session}", None)]
CHANGES_OF_A_SESSION = [
    ("POST", "/sessions/{session}/close", None),
    ("POST", "/sessions/{session}/cancel", None),
]
OF_ADMINISTRATORS = [
    ("GET", "/users", None),
    ("POST", "/users", {"user_id": "new"}),
    ("PATCH", "/users/bob", {"weight": 2}),
    ("GET", "/audit", None),
    ("POST", "/keys", {"user_id": "bob"}),
]


def called(api: Any, user: str, operation: tuple[str, str, Any], **names: str) -> Any:
    method, path, body = operation
    return api.as_(user)(method, path.format(**names), json=body)


@pytest.mark.parametrize("user", ["bob", "rae"])
@pytest.mark.parametrize(
    "operation",
    OF_ONE_PROGRAM
    + CHANGES_OF_A_PROGRAM
    + OF_A_JOB
    + CHANGES_OF_A_JOB
    + OF_A_SESSION
    + CHANGES_OF_A_SESSION,
    ids=lambda item: f"{item[0]} {item[1]}",
)
def test_other_peoples_things_are_as_if_they_were_not_there(api, things, user, operation):
    answer = called(api, user, operation, p=things["private"], **things)

    assert answer.status_code in ({404} if user == "bob" else {403, 404}), answer.text
    assert "owner" not in answer.text


@pytest.mark.parametrize("operation", OF_ONE_PROGRAM, ids=lambda item: f"{item[0]} {item[1]}")
def test_a_public_program_may_be_seen_by_everybody(api, things, operation):
    assert called(api, "rae", operation, p=things["public"]).status_code == 200


@pytest.mark.parametrize("operation", CHANGES_OF_A_PROGRAM, ids=lambda item: f"{item[0]} {item[1]}")
def test_a_public_program_may_be_changed_by_its_owner_alone(api, things, operation):
    assert called(api, "bob", operation, p=things["public"]).status_code == 403
    assert api.store.program(things["public"]).tags == {}


def test_a_public_program_may_be_run_by_another_user_whose_job_it_then_is(api, things):
    job = api.as_("bob").submit(things["public"])

    assert api.store.job(job).owner == "bob"
    assert api.as_("ada")("GET", f"/jobs/{job}").status_code == 404


@pytest.mark.parametrize(
    "operation",
    OF_ONE_PROGRAM
    + OF_A_JOB
    + OF_A_SESSION
    + CHANGES_OF_A_JOB
    + CHANGES_OF_A_SESSION
    + CHANGES_OF_A_PROGRAM,
    ids=lambda item: f"{item[0]} {item[1]}",
)
@pytest.mark.parametrize("user", ["ada", "admin"])
def test_an_owner_and_an_administrator_may_do_everything(api, things, user, operation):
    answer = called(api, user, operation, p=things["private"], **things)

    assert answer.status_code in (200, 204), answer.text


@pytest.mark.parametrize("operation", OF_ADMINISTRATORS, ids=lambda item: f"{item[0]} {item[1]}")
def test_only_an_administrator_administers(api, operation):
    assert called(api, "ada", operation).status_code == 403
    assert called(api, "rae", operation).status_code == 403
    assert called(api, "admin", operation).status_code in (200, 201)


def test_a_reader_changes_nothing(api):
    api.as_("ada").upload("shared", public=True)
    rae = api.as_("rae")

    assert (
        rae(
            "POST", "/programs", json={"source": {"files": {}, "entry_point": ""}, "metadata": {}}
        ).status_code
        == 403
    )
    assert rae("POST", "/jobs", json={"program_id": "shared"}).status_code == 403
    assert rae("POST", "/sessions", json=SESSION).status_code == 403
    assert api.store.unfinished() == []


def test_lists_hold_what_the_caller_may_see(api, things):
    def listed(user: str, path: str, name: str) -> set[str]:
        return {item[name] for item in api.as_(user)("GET", path).json()}

    assert listed("bob", "/programs", "program_id") == {things["public"]}
    assert listed("ada", "/programs", "program_id") == {things["private"], things["public"]}
    assert listed("bob", "/jobs", "job_id") == set()
    assert listed("bob", "/jobs?owner=ada", "job_id") == set()
    assert listed("admin", "/jobs?owner=ada", "job_id") == {things["job"], things["ended"]}
    assert listed("bob", "/sessions", "session_id") == set()
    assert listed("bob", "/keys", "user_id") == {"bob"}


def test_reading_changes_nothing(api, things):
    audit = api.client.app.state.parts.audit
    audit.flush()
    before = (
        api.store.jobs.__self__._jobs.copy(),
        api.store._programs.copy(),
        len(api.store._audit),
    )
    for operation in OF_ONE_PROGRAM + OF_A_JOB + OF_A_SESSION:
        called(api, "ada", operation, p=things["private"], **things)
    audit.flush()

    assert (api.store._jobs, api.store._programs, len(api.store._audit)) == before


def test_a_revoked_key_opens_nothing(api, things):
    assert api.as_("ada")("DELETE", f"/keys/{things['key']}").status_code == 200

    answer = api.as_("ada")("GET", "/me")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


def test_a_user_cannot_revoke_another_users_key(api, things):
    assert api.as_("bob")("DELETE", f"/keys/{things['key']}").status_code == 422
    assert api.as_("ada")("GET", "/me").status_code == 200


def test_the_keys_of_a_disabled_user_open_nothing(api):
    api.as_("admin")("PATCH", "/users/ada", json={"disabled": True})

    assert api.as_("ada")("GET", "/me").status_code == 401


def test_a_key_with_one_scope_does_no_more(api):
    made = api.as_("ada")("POST", "/keys", json={"scopes": ["read"]}).json()
    api.keys["ada"] = made["key"]

    assert api.as_("ada")("GET", "/jobs").status_code == 200
    assert api.as_("ada")("POST", "/jobs", json={"program_id": "x"}).status_code == 403


def test_nobody_can_make_a_key_that_does_more_than_his_own(api):
    weak = api.as_("ada")("POST", "/keys", json={"scopes": ["read"]}).json()["key"]
    api.keys["ada"] = weak

    answer = api.as_("ada")("POST", "/keys", json={"scopes": ["read", "run"]})

    assert answer.status_code == 403


def test_the_role_bounds_the_scopes_of_a_key(api):
    made = api.as_("ada")("POST", "/keys", json={"scopes": ["admin", "read"]}).json()

    assert made["scopes"] == ["read"]


def test_a_key_is_in_no_list_and_in_no_record(api):
    key = api.as_("ada")("POST", "/keys", json={"name": "laptop"}).json()["key"]
    secret = key.rpartition("_")[2]

    everything = api.as_("admin")("GET", "/keys").text + repr(api.store._keys)
    assert secret not in everything


def test_an_administrator_cannot_shut_himself_out(api):
    answer = api.as_("admin")("PATCH", "/users/admin", json={"disabled": True})

    assert answer.status_code == 409
