# SPDX-License-Identifier: Apache-2.0
"""Who is calling, and what he may do."""

from __future__ import annotations

from dataclasses import dataclass

from qruntime.core.jobs import LOCAL_USER, Job
from qruntime.core.programs import Program
from qruntime.core.users import Role, Scope
from qruntime.errors import JobNotFoundError, NotAuthorizedError, ProgramNotFoundError

_OF_ROLE = {
    Role.ADMIN: frozenset(Scope),
    Role.USER: frozenset({Scope.READ, Scope.RUN, Scope.PROGRAMS}),
    Role.READER: frozenset({Scope.READ}),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A user as one of his keys lets him in; ``scopes`` are what both of them allow."""

    user_id: str
    role: Role
    scopes: frozenset[Scope]

    @property
    def admin(self) -> bool:
        """Whether everything of everybody is his to see and change."""
        return self.role is Role.ADMIN and Scope.ADMIN in self.scopes


LOCAL = Caller(LOCAL_USER, Role.ADMIN, frozenset(Scope))
"""The user of a runtime in his own process."""


def caller_of(user_id: str, role: Role, scopes: frozenset[Scope]) -> Caller:
    """Return a caller whose key has these scopes; what his role does not allow is left out."""
    return Caller(user_id, role, scopes & _OF_ROLE[role])


def need(caller: Caller, scope: Scope) -> None:
    """Check that a caller may do this kind of thing at all.

    Raises:
        NotAuthorizedError: he may not; the message names the scope.
    """
    if scope not in caller.scopes:
        raise NotAuthorizedError(
            f"this needs the scope '{scope}', which your key or your role '{caller.role}' lacks"
        )


def need_admin(caller: Caller) -> None:
    """Check that a caller administers the server.

    Raises:
        NotAuthorizedError: he does not.
    """
    if not caller.admin:
        raise NotAuthorizedError("this is for administrators")


def see_job(caller: Caller, job: Job) -> Job:
    """Return a job that a caller may see. Another user's is as if it were not there.

    Raises:
        JobNotFoundError: it is not his.
    """
    if not caller.admin and job.owner != caller.user_id:
        raise JobNotFoundError(f"no job '{job.job_id}'")
    return job


def see_program(caller: Caller, program: Program) -> Program:
    """Return a program that a caller may run: his own, or a public one.

    Raises:
        ProgramNotFoundError: it is neither.
    """
    if not (caller.admin or program.public or program.owner == caller.user_id):
        raise ProgramNotFoundError(f"no program '{program.program_id}'")
    return program


def own_program(caller: Caller, program: Program) -> Program:
    """Return a program that a caller may change.

    Raises:
        ProgramNotFoundError: he may not even see it.
        NotAuthorizedError: it is public, and another user's.
    """
    see_program(caller, program)
    if not caller.admin and program.owner != caller.user_id:
        raise NotAuthorizedError(
            f"program '{program.program_id}' belongs to another user: you may run it, not change it"
        )
    return program
