# SPDX-License-Identifier: Apache-2.0
"""The audit log is written later, whole and in order, whatever the store does meanwhile."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from qruntime.api.audit import AuditLog
from qruntime.core.users import AuditEntry
from qruntime.errors import InvalidInputError, StoreError
from qruntime.store.memory import MemoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(number: int) -> AuditEntry:
    return AuditEntry(NOW, "ada", "POST /jobs", str(number), "201")


def targets(store: MemoryStore) -> list[str]:
    return [held.target for held in reversed(store.audit(limit=10_000))]


def test_many_entries_are_few_writes_in_order():
    store = MemoryStore()
    sizes = []
    add = store.add_audit
    store.add_audit = lambda *entries: sizes.append(len(entries)) or add(*entries)
    log = AuditLog(store)
    for number in range(2500):
        log.add(entry(number))
    log.flush()

    assert targets(store) == [str(number) for number in range(2500)]
    assert len(sizes) <= 4


def test_what_the_store_did_not_take_is_kept_and_written_once():
    store = MemoryStore()
    log = AuditLog(store)
    add, store.add_audit = store.add_audit, fails
    log.add(entry(1))
    with pytest.raises(StoreError):
        log.flush()
    store.add_audit = add
    log.add(entry(2))
    log.flush()
    log.flush()

    assert targets(store) == ["1", "2"]


def fails(*_: AuditEntry) -> None:
    raise StoreError("it is down")


def test_an_entry_that_cannot_be_stored_does_not_hold_up_the_others():
    store = MemoryStore()
    add = store.add_audit

    def picky(*entries: AuditEntry) -> None:
        if any(held.target == "2" for held in entries):
            raise InvalidInputError("not that one")
        add(*entries)

    store.add_audit = picky
    log = AuditLog(store)
    for number in (1, 2, 3):
        log.add(entry(number))
    log.flush()

    assert targets(store) == ["1", "3"]


def test_entries_are_written_without_being_asked_for(monkeypatch):
    monkeypatch.setattr("qruntime.api.audit._SECONDS", 0.0)
    store = MemoryStore()
    written = threading.Event()
    store.add_audit = lambda *_: written.set()
    AuditLog(store).add(entry(1))

    assert written.wait(30)
