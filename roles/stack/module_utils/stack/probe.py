"""What tells whether a release answers: its pages, and how long nothing answered."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .containers import Container
from .errors import RolloutError
from .settings import Settings

# Seconds that a container which has long been started is given for one answer.
PATIENCE = 5.0


class NotReadyError(RolloutError):
    """A container does not get ready; the text says why, without a subject."""


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Attributes:
        status: Its status code.
        slot: Who answered, in nginx's words; empty if nginx did itself, or was not asked.
        text: Its beginning.
    """

    status: int
    slot: str
    text: str


def get(address: str, port: int, path: str, host: str) -> Answer:
    """Ask over a new connection.

    Args:
        address: Where to ask.
        port: The port there.
        path: The page.
        host: The name to ask by.

    Raises:
        OSError: No answer.
        http.client.HTTPException: An answer that is none.
    """
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host, "Connection": "close"})
        answer = connection.getresponse()
        text = answer.read(300).decode(errors="replace")
        return Answer(answer.status, answer.headers.get("X-Slot", ""), text)
    finally:
        connection.close()


def until(seconds: float, pause: float, look: Callable[[], str]) -> str:
    """Look again and again until nothing is wrong any more.

    Args:
        seconds: How long at most.
        pause: Seconds between two looks.
        look: Returns what is wrong; nothing if all is well.

    Returns:
        What is still wrong after the time; nothing if all is well.
    """
    deadline = time.monotonic() + seconds
    while wrong := look():
        if time.monotonic() >= deadline:
            return wrong
        time.sleep(pause)
    return ""


class Health:
    """Asks the pages of a release: of one container, or through the published port."""

    def __init__(self, settings: Settings, start_timeout: float) -> None:
        """Note what to ask.

        Args:
            settings: Those of the release.
            start_timeout: Seconds that a container which was just started is given.
        """
        self.settings = settings
        self.start_timeout = start_timeout

    def wait_ready(self, container: Container, seconds: float = 0) -> None:
        """Wait until a container can answer all pages.

        Args:
            container: The container.
            seconds: How long at most; as long as one that was just started is given, if it is 0.

        Raises:
            NotReadyError: It won't, or takes too long.
        """

        def look() -> str:
            now = container.refresh()
            if not now or container.crashed(now):
                raise NotReadyError("crashes again and again")
            path = self.settings.ready_path
            return self._ask(now, path, lambda status: status == 200)

        seconds = seconds or self.start_timeout
        if wrong := until(seconds, 0.2, look):
            raise NotReadyError(f"is not ready after {seconds:.0f} s: {wrong}")

    def is_ready(self, container: Container) -> bool:
        """Tell whether a container serves.

        One that has just been started, after a reboot for example, gets its time. One that has had it would
        only keep its own repair waiting.
        """
        if not container.running:
            return False
        try:
            self.wait_ready(container, max(self.start_timeout - container.age, PATIENCE))
        except NotReadyError:
            return False
        return True

    def smoke(self, container: Container) -> str:
        """Ask a container for the page that tells a good release; return what is wrong, if anything."""
        return self._ask(container, self._page, self._is_good)

    def smoke_port(self, slot: str = "", *, good: bool = True) -> str:
        """Ask through the published port; return what is wrong, if anything.

        Args:
            slot: Who has to answer; anybody may if it is empty.
            good: Whether the answer has to be a good one.
        """
        port, path = self.settings.http_port, self._page
        try:
            answer = get("127.0.0.1", port, path, f"{self.settings.host}:{port}")
        except (OSError, http.client.HTTPException) as error:
            return f"port {port} does not answer ({error})"
        if good and not self._is_good(answer.status):
            return f"{path} through port {port} answers {answer.status}: {answer.text}"
        if slot and answer.slot != slot:
            return f"{path} through port {port} is not answered by slot {slot}"
        return ""

    def see(self, slot: str, seconds: float = 15, *, good: bool = True) -> None:
        """Wait until a slot answers through the published port.

        Raises:
            RolloutError: It doesn't.
        """
        if wrong := until(seconds, 0.1, lambda: self.smoke_port(slot, good=good)):
            raise RolloutError(f"the new release is not seen from outside: {wrong}")

    @property
    def _page(self) -> str:
        return self.settings.smoke_path or "/"

    def _is_good(self, status: int) -> bool:
        # Without a page of its own, nobody knows what an app answers to /: only that it should be able to.
        return status == 200 if self.settings.smoke_path else status < 500

    def _ask(self, container: Container, path: str, is_good: Callable[[int], bool]) -> str:
        """Ask a container itself, by the name that clients use."""
        try:
            answer = get(container.address, self.settings.api_port, path, self.settings.host)
        except (OSError, http.client.HTTPException) as error:
            return f"{path} does not answer ({error})"
        return "" if is_good(answer.status) else f"{path} answers {answer.status} {answer.text}"


class Probe(threading.Thread):
    """Asks through the published port all the time, to tell how long nothing answered."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        """Note what tells whether there was an answer."""
        super().__init__(daemon=True)
        self.ask = ask
        self.ended = threading.Event()
        self.failed: list[float] = []

    def run(self) -> None:
        """Ask until somebody wants to know the seconds."""
        while not self.ended.is_set():
            start = time.monotonic()
            if not self.ask():
                self.failed += [start, time.monotonic()]
            self.ended.wait(0.02)

    def seconds(self) -> float:
        """Stop asking, and return the time from the first failed question to the last."""
        self.ended.set()
        self.join()
        return max(self.failed) - min(self.failed) if self.failed else 0.0
