"""The screen's line to the bedside: a thread that listens to the console, asks, and comes back after a loss."""

import logging
import queue
import select
import threading
from concurrent.futures import Future
from pathlib import Path

from device.console_client import ConsoleClient, ConsoleError
from device.console_words import Request
from device.screen.hub import Hub

log = logging.getLogger(__name__)

LISTEN_S: float = 0.05
AGAIN_S: float = 1.0


class Link:
    """Keeps a `Hub` up to date. Whoever reads or changes the hub holds `lock`."""

    def __init__(self, socket: Path) -> None:
        self.hub = Hub()
        self.lock = threading.Lock()
        self._socket = socket
        self._asked: queue.SimpleQueue[tuple[Request, Future[str | None]]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="screen-link", daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; what was asked and is not answered is refused."""
        self._stop.set()
        self._thread.join(2.0)

    def ask(self, request: Request) -> "Future[str | None]":
        """Ask the bedside; the answer is the refusal in one sentence, or None. Safe in any thread."""
        answer: Future[str | None] = Future()
        if not self.hub.connected:
            answer.set_exception(ConsoleError("The bedside program does not answer."))
            return answer
        self._asked.put((request, answer))
        return answer

    def _run(self) -> None:
        said: str | None = None
        while not self._stop.is_set():
            try:
                with ConsoleClient(self._socket) as client:
                    said = None
                    with self.lock:
                        self.hub.greeted()
                    self._listen(client)
            except ConsoleError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("%s", said)
            with self.lock:
                if self.hub.connected:
                    self.hub.lost()
            self._refuse_all()
            self._stop.wait(AGAIN_S)

    def _listen(self, client: ConsoleClient) -> None:
        while not self._stop.is_set():
            self._ask_all(client)
            select.select([client], [], [], LISTEN_S)
            heard = client.poll()
            with self.lock:
                for event in heard:
                    self.hub.hear(event)

    def _ask_all(self, client: ConsoleClient) -> None:
        while not self._asked.empty():
            request, answer = self._asked.get()
            try:
                answer.set_result(client.ask(request))
            except ConsoleError as error:
                answer.set_exception(error)
                raise

    def _refuse_all(self) -> None:
        while not self._asked.empty():
            self._asked.get()[1].set_exception(ConsoleError("The bedside program does not answer."))
