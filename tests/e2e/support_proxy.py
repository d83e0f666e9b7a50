"""A TCP proxy before a server, which can be switched off or made to hang."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Forwards connections to `host:port` from an address of its own; begins switched off."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._flows = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._address: tuple[str, int] = probe.getsockname()

    @property
    def address(self) -> str:
        return f"{self._address[0]}:{self._address[1]}"

    def switch_on(self) -> None:
        """Take connections and let their bytes through."""
        self._flows.set()
        if self._listener is None:
            self._listener = socket.create_server(self._address)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def hang(self) -> None:
        """Go on taking connections and forward nothing."""
        self._flows.clear()

    def switch_off(self) -> None:
        """Refuse connections and break those that are open."""
        if self._listener is not None:
            _close(self._listener)
            self._listener = None
        for each in tuple(self._open):
            _close(each)
        self._flows.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._open |= {client, server}
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                sink.sendall(data)
        for each in (source, sink):
            self._open.discard(each)
            _close(each)


@contextmanager
def lend_proxy(target: str) -> Iterator[Proxy]:
    """A proxy that is switched off at the end."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.switch_off()


def _close(each: socket.socket) -> None:
    # Without a shutdown, a thread that waits in accept or recv would wait on.
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
