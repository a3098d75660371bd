# SPDX-License-Identifier: Apache-2.0
"""Where workers start: in a thread of this process, or in a process of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod

from qruntime.errors import InvalidStateError
from qruntime.worker.task import Frame, Send, Task


class Attempt(ABC):
    """A task that is being worked on. ``stop_seconds`` is how long to wait after ``stop``."""

    stop_seconds: float

    @abstractmethod
    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it has come. All frames have been sent by then."""

    @abstractmethod
    def stop(self) -> None:
        """Make the work end soon. Frames that it still sends are the caller's to drop."""

    def answer(self, frame: Frame) -> None:  # noqa: ARG002  for those that can
        """Send the worker a frame; one that has ended does not get it.

        Raises:
            InvalidStateError: nothing can be sent to such workers.
        """
        raise InvalidStateError("nothing can be sent to the workers of this launcher")


class Launcher(ABC):
    """Starts workers. ``in_process`` says that a task may hold functions and backend objects."""

    in_process: bool

    @abstractmethod
    def launch(self, task: Task, send: Send) -> Attempt:
        """Start on a task; its frames go to ``send``, from one thread at a time.

        Raises:
            InvalidInputError: this launcher cannot run such a task.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what is kept ready; attempts that still run are not touched."""
