# SPDX-License-Identifier: Apache-2.0
"""Programs over HTTP: versions, tags, roll-back, conditional changes."""

from __future__ import annotations

import base64

import pytest


@pytest.fixture
def ada(api):
    calls = api.as_("ada")
    calls.upload()
    return calls


def source(text: str) -> dict[str, object]:
    files = {"program.py": base64.b64encode(text.encode()).decode()}
    return {"files": files, "entry_point": "program.py"}


SECOND = "def main(backend, user_messenger, n=2):\n    return n\n"


def numbers(ada) -> list[int]:
    return [item["number"] for item in ada("GET", "/programs/hello/versions").json()]


def current(ada) -> int:
    return ada("GET", "/programs/hello").json()["current"]["number"]


def test_another_source_makes_a_version_that_becomes_the_current_one(ada):
    ada("PATCH", "/programs/hello", json={"source": source(SECOND)})

    assert (numbers(ada), current(ada)) == ([2, 1], 2)


def test_the_same_content_again_makes_no_version(ada):
    ada("PATCH", "/programs/hello", json={"source": source(SECOND)})
    ada("PATCH", "/programs/hello", json={"source": source(SECOND)})

    assert numbers(ada) == [2, 1]


def test_a_job_keeps_the_version_that_it_was_submitted_with(api, ada):
    before = ada.submit()
    ada("PATCH", "/programs/hello", json={"source": source(SECOND)})
    after = ada.submit()
    ada("DELETE", "/programs/hello")

    first, second = api.store.job(before), api.store.job(after)
    assert first.version != second.version
    assert api.store.version("hello", first.version).number == 1


def test_a_roll_back_makes_an_earlier_version_the_current_one(ada):
    ada("PATCH", "/programs/hello", json={"source": source(SECOND)})

    ada("POST", "/programs/hello/rollback", json={"version": "1"})

    assert (numbers(ada), current(ada)) == ([2, 1], 1)


@pytest.mark.parametrize("named", ["latest", "2", "stable", "digest", "prefix"])
def test_a_version_is_found_by_each_of_its_names(ada, named):
    made = ada("PATCH", "/programs/hello", json={"source": source(SECOND)}).json()
    digest = made["current"]["version"]
    ada("PUT", "/programs/hello/tags/stable", json={"version": "2"})
    name = {"digest": digest, "prefix": digest[:8]}.get(named, named)

    found = ada("GET", f"/programs/hello/versions/{name}").json()

    assert found["version"] == digest
    assert base64.b64decode(found["source"]["files"]["program.py"]).decode() == SECOND


@pytest.mark.parametrize("tag", ["latest", "12", "-x", "a b", "x" * 65])
def test_what_cannot_be_a_tag_is_refused(ada, tag):
    answer = ada("PUT", f"/programs/hello/tags/{tag}", json={"version": "1"})

    assert answer.status_code == 422


def test_a_tag_that_was_taken_away_names_nothing(ada):
    ada("PUT", "/programs/hello/tags/stable", json={"version": "1"})
    ada("DELETE", "/programs/hello/tags/stable")

    answer = ada("GET", "/programs/hello/versions/stable")

    assert answer.status_code == 404
    assert "known: latest, 1" in answer.json()["detail"]


def test_a_change_of_what_was_changed_meanwhile_is_refused(ada):
    before = ada("GET", "/programs/hello").headers["ETag"]
    ada("PATCH", "/programs/hello", json={"public": True})

    late = ada("PATCH", "/programs/hello", json={"public": False}, headers={"If-Match": before})

    assert late.status_code == 409
    assert ada("GET", "/programs/hello").json()["public"] is True


def test_a_change_of_what_was_not_changed_meanwhile_is_made(ada):
    etag = ada("GET", "/programs/hello").headers["ETag"]

    answer = ada("PATCH", "/programs/hello", json={"public": True}, headers={"If-Match": etag})

    assert answer.status_code == 200


def test_the_same_name_again_is_a_duplicate_for_its_owner(ada):
    answer = ada(
        "POST", "/programs", json={"source": source(SECOND), "metadata": {"name": "Hello"}}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_program")
    assert answer.json()["subject"] == "hello"


def test_another_users_private_name_is_not_given_away(api, ada):
    found = api.as_("bob").upload("hello")

    assert found.startswith("hello-")
    assert api.store.program(found).owner == "bob"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"source": {"files": {"program.py": "%%%"}, "entry_point": "program.py"}}, "Base64"),
        ({"source": source("def main(:")}, "program.py"),
        ({"source": source("x = 1")}, "main"),
        ({"source": {"files": {"../x.py": ""}, "entry_point": "../x.py"}}, ".."),
        ({"metadata": {"name": "x", "colour": 1}}, "colour"),
        ({"metadata": {"name": "x", "max_execution_time": -1}}, "max_execution_time"),
    ],
)
def test_a_broken_program_is_refused_with_the_reason(ada, body, said):
    answer = ada(
        "POST", "/programs", json={"source": source(SECOND), "metadata": {"name": "x"}} | body
    )

    assert answer.status_code == 422, answer.text
    assert said in answer.json()["detail"]


def test_programs_are_searched_and_come_in_pages(ada):
    for name in ("vqe-one", "vqe-two", "qaoa"):
        ada.upload(name)

    first = ada("GET", "/programs", params={"search": "VQE", "limit": 1}).json()
    second = ada(
        "GET", "/programs", params={"search": "VQE", "after": first[0]["program_id"]}
    ).json()

    assert [item["program_id"] for item in first + second] == ["vqe-one", "vqe-two"]
    assert first[0]["current"]["source"] is None
