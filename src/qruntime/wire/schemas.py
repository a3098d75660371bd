# SPDX-License-Identifier: Apache-2.0
"""The documents of the HTTP API, shared by server and client.

Each is made from a noun of ``core`` with ``of`` and, where the client needs it, gives it back with
``to_core``. Fields are added here and never renamed: older clients and servers read these too.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from qruntime.core.jobs import (
    MAX_ATTEMPTS,
    MAX_PRIORITY,
    EventKind,
    Job,
    JobEvent,
    JobFailure,
    JobOptions,
    JobStatus,
    JobUsage,
)
from qruntime.core.programs import (
    Program,
    ProgramMetadata,
    ProgramSource,
    ProgramSpec,
    ProgramVersion,
)
from qruntime.core.sessions import Session, SessionMode
from qruntime.core.users import ApiKey, AuditEntry, Role, Scope, User
from qruntime.errors import InvalidProgramError, NotSerializableError

Seconds = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]
Tag = Annotated[str, Field(min_length=1, max_length=86)]
LogLevel = Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$")]

MAX_TAGS = 8


class _Body(BaseModel):
    """What a client sends: a field that is not known is an error."""

    model_config = ConfigDict(extra="forbid")


class _Document(BaseModel):
    """What a server sends: a client takes no notice of fields that it does not know."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")


class SourceBody(_Body):
    """The files of a program."""

    files: dict[str, str] = Field(
        description="Base64 of each file's content, by its path in the program.",
        examples=[{"program.py": "ZGVmIG1haW4oYmFja2VuZCwgdXNlcl9tZXNzZW5nZXIpOiByZXR1cm4gMQ=="}],
    )
    entry_point: str = Field(description="The file that has main().", examples=["program.py"])

    @classmethod
    def of(cls, source: ProgramSource) -> Self:
        """Return the document of a source."""
        encoded = {path: base64.b64encode(data).decode() for path, data in source.files.items()}
        return cls(files=encoded, entry_point=source.entry_point)

    def to_core(self) -> ProgramSource:
        """Return the source.

        Raises:
            InvalidProgramError: a file is not Base64.
        """
        files = {}
        for path, text in self.files.items():
            try:
                files[path] = base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise InvalidProgramError(f"file {path!r} is not valid Base64: {error}") from error
        return ProgramSource(files, self.entry_point)


class ProgramUpload(_Body):
    """A new program."""

    source: SourceBody
    metadata: dict[str, Any] = Field(
        description="name, description, max_execution_time in seconds, spec (JSON Schemas).",
        examples=[{"name": "hello-world", "description": "Says hello.", "max_execution_time": 300}],
    )
    public: bool = Field(False, description="Whether everybody may run it.")


class ProgramChange(_Body):
    """What is to be another; a field that is left out stays. Source or metadata make a version."""

    source: SourceBody | None = None
    metadata: dict[str, Any] | None = None
    public: bool | None = None


class VersionReference(_Body):
    """Names a version: ``latest``, a tag, a number, a digest or at least 8 characters of one."""

    version: str = Field(examples=["latest", "3", "stable"])


class VersionDocument(_Document):
    """A version of a program."""

    program_id: str
    version: str = Field(description="SHA-256 of source and metadata.")
    number: int
    metadata: dict[str, Any]
    created: datetime
    source: SourceBody | None = Field(None, description="Only where it was asked for.")

    @classmethod
    def of(cls, version: ProgramVersion) -> Self:
        """Return the document of a version."""
        source = None if version.source is None else SourceBody.of(version.source)
        return cls(
            program_id=version.program_id,
            version=version.version,
            number=version.number,
            metadata=_metadata(version.metadata),
            created=version.created,
            source=source,
        )

    def to_core(self) -> ProgramVersion:
        """Return the version."""
        spec = ProgramSpec(**self.metadata.get("spec", {}))
        return ProgramVersion(
            self.program_id,
            self.version,
            self.number,
            ProgramMetadata(**{**self.metadata, "spec": spec}),
            self.created,
            None if self.source is None else self.source.to_core(),
        )


class ProgramDocument(_Document):
    """A program and its current version."""

    program_id: str
    owner: str
    public: bool
    tags: dict[str, str] = Field(description="Tag to version.")
    created: datetime
    updated: datetime
    current: VersionDocument

    @classmethod
    def of(cls, program: Program) -> Self:
        """Return the document of a program."""
        return cls(
            program_id=program.program_id,
            owner=program.owner,
            public=program.public,
            tags=dict(program.tags),
            created=program.created,
            updated=program.updated,
            current=VersionDocument.of(program.current),
        )

    def to_core(self) -> Program:
        """Return the program."""
        return Program(
            self.program_id,
            self.current.to_core(),
            self.created,
            self.updated,
            self.owner,
            self.public,
            self.tags,
        )


class JobOptionsBody(_Body):
    """How a job is to run."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    backend_name: str = Field("aer_simulator", examples=["aer_simulator", "fake_manila"])
    log_level: LogLevel = "WARNING"
    tags: list[Tag] = Field(default_factory=list, max_length=MAX_TAGS)
    max_execution_time: Seconds | None = Field(None, description="In seconds.")
    session_id: str | None = None
    image: str | None = None
    backend_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of the backend for this job, encoded as inputs are.",
        examples=[{"shots": 4096, "seed_simulator": 7}],
    )
    transpile_cache: bool = Field(True, description="Serve the program's transpile from a cache.")
    priority: int = Field(0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    start_deadline: Seconds | None = Field(None, description="Seconds to wait at most.")
    max_attempts: int = Field(1, ge=1, le=MAX_ATTEMPTS)

    def to_core(self) -> JobOptions:
        """Return the options; those of the backend are still encoded."""
        return JobOptions(**{**self.model_dump(), "tags": tuple(self.tags)})


class JobSubmission(_Body):
    """A job to queue."""

    program_id: str = Field(examples=["hello-world"])
    version: str = Field("latest", description="latest, a tag, a number or a digest.")
    inputs: dict[str, Any] | str = Field(
        default_factory=dict,
        description="The inputs by name, in the encoding of RuntimeEncoder; or that as text.",
        examples=[{"iterations": 3}],
    )
    options: JobOptionsBody = Field(default_factory=JobOptionsBody)  # type: ignore[arg-type]  # pydantic's plugin is not in use

    def inputs_text(self) -> str:
        """Return the encoded inputs as text."""
        return self.inputs if isinstance(self.inputs, str) else json.dumps(self.inputs)


class FailureDocument(_Document):
    """Why a job ended without a result."""

    code: str
    message: str
    traceback: str = ""


class UsageDocument(_Document):
    """What a job has used so far."""

    runs: int = 0
    circuits: int = 0
    shots: int = 0


class JobDocument(_Document):
    """A job as it is now. Its inputs and result are documents of their own."""

    job_id: str
    program_id: str
    version: str
    owner: str
    status: JobStatus
    options: JobOptionsBody
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    failure: FailureDocument | None = None
    usage: UsageDocument = Field(default_factory=UsageDocument)
    attempt: int = 0
    isolation: str = ""
    position: int | None = Field(None, description="Place in the queue, from 1; only while queued.")
    starts_in: float | None = Field(None, description="An estimate in seconds; only while queued.")

    @classmethod
    def of(cls, job: Job) -> Self:
        """Return the document of a job."""
        return cls.model_validate(job)

    def to_core(self) -> Job:
        """Return the job, with neither inputs nor result."""
        return Job(
            self.job_id,
            self.program_id,
            self.options.to_core(),
            "",
            self.created,
            self.status,
            self.started,
            self.ended,
            failure=None if self.failure is None else JobFailure(**self.failure.model_dump()),
            usage=JobUsage(**self.usage.model_dump()),
            owner=self.owner,
            version=self.version,
            attempt=self.attempt,
            isolation=self.isolation,
        )


class EventDocument(_Document):
    """One thing that happened to a job; ``cursor`` counts from 1 without gaps."""

    cursor: int
    kind: EventKind
    data: str
    created: datetime
    level: str = ""
    attempt: int = 0

    @classmethod
    def of(cls, event: JobEvent) -> Self:
        """Return the document of an event."""
        return cls.model_validate(event)

    def to_core(self) -> JobEvent:
        """Return the event."""
        return JobEvent(**self.model_dump())


class TagsBody(_Body):
    """A job's tags, all of them."""

    tags: list[Tag] = Field(max_length=MAX_TAGS)


class SessionBody(_Body):
    """A session to open."""

    backend_name: str = Field(examples=["aer_simulator"])
    mode: SessionMode = SessionMode.DEDICATED
    max_seconds: Seconds = Field(8 * 3600.0, description="From its first job's start.")
    idle_seconds: Seconds = Field(300.0, description="Without a job that runs.")


class SessionDocument(_Document):
    """A session as it is now."""

    session_id: str
    owner: str
    backend_name: str
    mode: SessionMode
    created: datetime
    max_seconds: float
    idle_seconds: float
    accepting: bool
    started: datetime | None = None
    closed: datetime | None = None

    @classmethod
    def of(cls, session: Session) -> Self:
        """Return the document of a session."""
        return cls.model_validate(session)

    def to_core(self) -> Session:
        """Return the session."""
        return Session(**self.model_dump())


class BackendDocument(_Document):
    """What is known of a backend, in the encoding of RuntimeEncoder."""

    name: str
    configuration: dict[str, Any]
    properties: dict[str, Any] | None
    status: dict[str, Any]
    options: dict[str, Any]


class UserBody(_Body):
    """A user to let in."""

    user_id: str = Field(examples=["ada"])
    role: Role = Role.USER
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0


class UserChange(_Body):
    """What is to be another; a field that is left out stays."""

    role: Role | None = None
    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    disabled: bool | None = None


class UserDocument(_Document):
    """A user."""

    user_id: str
    role: Role
    created: datetime
    weight: float
    disabled: bool

    @classmethod
    def of(cls, user: User) -> Self:
        """Return the document of a user."""
        return cls.model_validate(user)


class CallerDocument(_Document):
    """Who the caller is, and what his key lets him do."""

    user_id: str
    role: Role
    scopes: list[Scope]


class KeyBody(_Body):
    """A key to make. Without scopes it may do whatever its user may."""

    user_id: str | None = Field(None, description="The caller, if left out.")
    name: str = Field("", max_length=100, examples=["laptop"])
    scopes: list[Scope] | None = None
    lifetime_seconds: Seconds | None = None


class KeyDocument(_Document):
    """A key's record, without the key."""

    key_id: str
    user_id: str
    name: str
    prefix: str
    scopes: list[Scope]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Return the document of a key."""
        fields = asdict(key)
        return cls.model_validate({**fields, "scopes": sorted(key.scopes)})


class NewKeyDocument(KeyDocument):
    """A key that was made just now; ``key`` is shown this once."""

    key: str


class AuditDocument(_Document):
    """Something that was done or refused."""

    at: datetime
    user_id: str
    action: str
    target: str
    outcome: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Return the document of an entry."""
        return cls.model_validate(entry)


class Problem(BaseModel):
    """An error, as RFC 9457 has it. ``code`` is that of the error's class and stable."""

    type: str = Field(examples=["urn:qruntime:error:job_not_found"])
    title: str
    status: int
    detail: str
    code: str
    field: str | None = Field(default=None, description="The field of the request that is wrong.")
    subject: str | None = Field(default=None, description="The id of the thing that it is about.")
    request_id: str | None = None


def _metadata(metadata: ProgramMetadata) -> dict[str, Any]:
    made = asdict(metadata)
    try:
        json.dumps(made)
    except TypeError as error:
        raise NotSerializableError(f"the metadata cannot be written as JSON: {error}") from error
    return made
