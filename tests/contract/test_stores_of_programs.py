# SPDX-License-Identifier: Apache-2.0
"""What every store promises of programs, sessions, users, keys and the audit log."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from qruntime.core.jobs import Job, JobOptions, JobStatus
from qruntime.core.programs import (
    Program,
    ProgramMetadata,
    ProgramQuery,
    ProgramSource,
    ProgramSpec,
    ProgramVersion,
    version_of,
)
from qruntime.core.sessions import Session, SessionMode
from qruntime.core.users import ApiKey, AuditEntry, Role, Scope, User
from qruntime.errors import (
    DuplicateProgramError,
    InvalidInputError,
    ProgramNotFoundError,
    SessionNotFoundError,
    UserNotFoundError,
)

LONG = bytes(range(256)) * 1000


def a_version(store, program_id="p", *, code=b"def main(): ...", name="P", number=1, **said):
    source = ProgramSource({"program.py": code, "data/x.bin": b"\0\xff"}, "program.py")
    metadata = ProgramMetadata(name, **said)
    digest = version_of(source, metadata)
    return ProgramVersion(program_id, digest, number, metadata, store.now(), source)


def a_program(store, program_id="p", *, owner="local", public=False, tags=None, **version):
    current = a_version(store, program_id, **version)
    now = store.now()
    return Program(program_id, current, now, now, owner, public, tags or {})


def held(store, program_id="p", **given):
    program = a_program(store, program_id, **given)
    store.add_program(program)
    return program


def test_a_lock_comes_back_with_the_source_and_is_part_of_the_version(store):
    plain = a_program(store)
    locked = replace(plain.current.source, lock="# python 3.11\na==1 --hash=sha256:0\n")
    digest = version_of(locked, plain.metadata)
    store.add_program(replace(plain, current=replace(plain.current, source=locked, version=digest)))

    assert store.program("p", with_source=True).source == locked
    assert store.version("p", digest).source == locked
    assert digest != plain.current.version


def without_source(program):
    return replace(program, current=replace(program.current, source=None))


@pytest.mark.parametrize("code", [b"", LONG], ids=["short", "long"])
def test_a_program_comes_back_as_it_went_in(store, code):
    spec = ProgramSpec({"min_num_qubits": 5}, {"type": "object"}, {"a": [1, None]}, {})
    program = held(
        store,
        owner="ann",
        public=True,
        tags={"prod": "f" * 64},
        code=code,
        description="finds a\0 é 🎲",
        max_execution_time=60,
        spec=spec,
    )

    assert store.program("p", with_source=True) == program
    assert store.program("p") == without_source(program)
    assert store.programs(ProgramQuery()) == [without_source(program)]
    assert store.version("p", program.current.version) == program.current


def test_a_second_program_of_one_id_is_refused_and_says_what_to_do(store):
    first = held(store)

    with pytest.raises(DuplicateProgramError, match="update_program"):
        store.add_program(a_program(store, code=b"other"))

    assert store.program("p", with_source=True) == first


def test_what_is_not_there_is_named_and_what_is_there_is_not(store):
    held(store, "bell")

    for call in (
        lambda: store.program("vqe"),
        lambda: store.versions("vqe"),
        lambda: store.delete_program("vqe"),
        lambda: store.put_program(a_program(store, "vqe"), expected=a_program(store, "vqe")),
        lambda: store.programs(ProgramQuery(after="vqe")),
    ):
        with pytest.raises(ProgramNotFoundError, match=r"^no program 'vqe'$"):
            call()
    with pytest.raises(ProgramNotFoundError, match="no version 'f' of a program 'bell'"):
        store.version("bell", "f")


def test_a_changed_program_is_the_one_that_is_found(store):
    program = held(store)

    changed = replace(program, public=True, owner="bob", tags={"t": "d"}, updated=store.now())

    assert store.put_program(changed, expected=store.program("p"))
    assert store.program("p", with_source=True) == changed
    assert len(store.versions("p")) == 1


def test_a_program_that_somebody_changed_meanwhile_is_not_replaced(store):
    program = held(store)
    assert store.put_program(replace(program, public=True), expected=program)

    assert not store.put_program(replace(program, owner="eve"), expected=program)

    assert store.program("p").owner == "local"


def test_of_many_who_change_a_program_at_once_one_succeeds(store):
    program = held(store)
    barrier = threading.Barrier(6)
    done = []

    def change(number):
        version = a_version(store, code=str(number).encode())
        barrier.wait(60)
        done.append(store.put_program(replace(program, current=version), expected=program))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(done) == [False] * 5 + [True]
    assert [version.number for version in store.versions("p")] == [2, 1]


def test_new_versions_are_numbered_in_turn_and_earlier_ones_never_change(store):
    first = held(store)
    second = replace(first, current=a_version(store, code=b"2", number=77))
    assert store.put_program(second, expected=first)
    back = replace(first, current=replace(first.current, source=None, number=99))
    assert store.put_program(back, expected=store.program("p"))

    assert [version.number for version in store.versions("p")] == [2, 1]
    assert all(version.source is None for version in store.versions("p"))
    assert store.program("p", with_source=True) == first
    assert store.version("p", second.current.version).source == second.current.source


def test_a_new_version_without_a_source_is_refused(store):
    program = held(store)
    hollow = replace(a_version(store, code=b"2"), source=None)

    with pytest.raises(InvalidInputError, match="source"):
        store.put_program(replace(program, current=hollow), expected=program)

    assert store.program("p", with_source=True) == program


def test_pages_of_programs_follow_each_other_in_the_order_of_upload(store):
    for program_id in "cab":
        held(store, program_id)
    store.put_program(replace(store.program("c"), public=True), expected=store.program("c"))

    def page(**query):
        return "".join(program.program_id for program in store.programs(ProgramQuery(**query)))

    assert page() == "cab"
    assert page(limit=2) == "ca"
    assert page(after="a", limit=2) == "b"
    assert page(after="b") == ""
    assert page(visible_to="eve", after="c") == ""


def test_users_see_their_own_programs_and_public_ones(store):
    held(store, "hers", owner="ann")
    held(store, "his", owner="bob")
    held(store, "open", owner="bob", public=True)

    seen = store.programs(ProgramQuery(visible_to="ann"))

    assert [program.program_id for program in seen] == ["hers", "open"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("VQE", "a"),
        ("ÉNERGIE", "b"),
        ("100%", "c"),
        ("0_0", "d"),
        ("_", "d"),
        ("%", "c"),
        ("\0", ""),
    ],
)
def test_a_search_looks_in_id_name_and_description_in_any_case(store, words, found):
    held(store, "a", name="my vqe")
    held(store, "b", description="énergie")
    held(store, "c", description="100% sure")
    held(store, "d", name="0_0")

    ids = [program.program_id for program in store.programs(ProgramQuery(search=words))]

    assert "".join(ids) == found


def test_a_deleted_program_leaves_its_versions_to_the_jobs_that_have_them(store):
    program = held(store)
    version = program.current.version
    store.add_job(Job("j", "p", JobOptions("aer"), "{}", store.now(), version=version))

    store.delete_program("p")

    with pytest.raises(ProgramNotFoundError):
        store.program("p")
    assert store.programs(ProgramQuery()) == []
    store.forget_before(store.now() + timedelta(days=30))
    assert store.version("p", version) == program.current

    store.move("j", JobStatus.CANCELLED)
    store.delete_job("j")
    store.forget_before(store.now() + timedelta(days=30))
    with pytest.raises(ProgramNotFoundError):
        store.version("p", version)


def test_the_next_program_of_an_id_shows_nothing_of_the_one_before(store):
    held(store, owner="ann")
    store.delete_program("p")

    held(store, owner="bob", code=b"his")

    (version,) = store.versions("p")
    assert version.version == store.program("p").current.version
    assert store.program("p").owner == "bob"


def test_a_program_that_is_uploaded_again_has_its_version_again(store):
    program = held(store)
    store.delete_program("p")
    store.add_program(program)

    store.forget_before(store.now() + timedelta(days=30))

    assert store.program("p", with_source=True) == program
    assert [version.number for version in store.versions("p")] == [1]


# sessions


def a_session(store, session_id="s", **fields):
    return Session(session_id, "ann", "aer", SessionMode.BATCH, store.now(), 3600.5, 60.0, **fields)


def test_a_session_comes_back_as_it_went_in(store):
    session = a_session(store, accepting=False, started=store.now(), closed=store.now())
    store.add_session(session)

    store.add_session(replace(session, owner="eve"))

    assert store.session("s") == session
    assert isinstance(store.session("s").mode, SessionMode)
    with pytest.raises(SessionNotFoundError, match="no session 'x'"):
        store.session("x")


def test_sessions_are_listed_newest_first_by_owner_and_openness(store):
    for session_id in "abc":
        store.add_session(a_session(store, session_id))
    store.add_session(replace(a_session(store, "d"), owner="bob"))
    store.put_session(replace(store.session("b"), closed=store.now()), expected=store.session("b"))

    def listed(**query):
        return "".join(session.session_id for session in store.sessions(**query))

    assert listed() == "dcba"
    assert listed(owner="ann") == "cba"
    assert listed(open_only=True) == "dca"
    assert listed(owner="ann", open_only=True) == "ca"


def test_a_session_is_replaced_only_while_it_is_as_expected(store):
    session = a_session(store)
    with pytest.raises(SessionNotFoundError):
        store.put_session(session, expected=session)
    store.add_session(session)

    assert store.put_session(replace(session, accepting=False), expected=session)
    assert not store.put_session(replace(session, started=store.now()), expected=session)

    assert store.session("s") == replace(session, accepting=False)


# users, keys, audit


def test_users_are_replaced_and_listed_by_their_ids(store):
    ann = User("ann", Role.ADMIN, store.now(), weight=2.5)
    bob = User("bob", Role.READER, store.now(), disabled=True)
    for user in (bob, replace(ann, role=Role.USER), ann):
        store.put_user(user)

    assert store.users() == [ann, bob]
    assert store.user("bob") == bob
    with pytest.raises(UserNotFoundError, match="no user 'eve'"):
        store.user("eve")


def a_key(store, key_id="k", user_id="ann", prefix="qrt_abc"):
    scopes = frozenset({Scope.RUN, Scope.READ})
    return ApiKey(key_id, user_id, "laptop", prefix, "f" * 64, scopes, store.now())


def test_a_key_is_found_by_its_prefix_whole(store):
    store.put_user(User("ann", Role.USER, store.now()))
    key = replace(a_key(store), expires=store.now())
    store.put_key(key)

    assert store.key_by_prefix("qrt_abc") == key
    assert store.key_by_prefix("qrt_") is None
    assert store.key_by_prefix("qrt_abcd") is None


def test_keys_are_replaced_and_listed_oldest_first(store):
    for user_id in ("ann", "bob"):
        store.put_user(User(user_id, Role.USER, store.now()))
    for key_id, user_id in (("z", "ann"), ("a", "bob"), ("m", "ann")):
        store.put_key(a_key(store, key_id, user_id, prefix=key_id))
    revoked = replace(store.key_by_prefix("z"), revoked=store.now())
    store.put_key(revoked)
    store.put_user(replace(store.user("ann"), disabled=True))

    assert [key.key_id for key in store.keys(None)] == ["z", "a", "m"]
    assert [key.key_id for key in store.keys("ann")] == ["z", "m"]
    assert store.key_by_prefix("z") == revoked


def test_a_key_of_nobody_is_refused(store):
    with pytest.raises(UserNotFoundError, match="no user 'ann'"):
        store.put_key(a_key(store))

    assert store.keys(None) == []


def test_the_audit_log_is_newest_first(store):
    entries = [
        AuditEntry(store.now(), "ann", "job.submit", f"j{number}", "ok") for number in range(4)
    ]
    for entry in entries:
        store.add_audit(entry)

    assert store.audit() == entries[::-1]
    assert store.audit(limit=2) == entries[:1:-1]
