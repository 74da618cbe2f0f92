"""A wire that can be cut, slowed and garbled, between a connector and a real server of its protocol."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

PASS, CUT, STALL, GARBLE = "pass", "cut", "stall", "garble"


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def garbled(data: bytes) -> bytes:
    """Bytes of the same length and another meaning."""
    return bytes(byte ^ 0xA5 for byte in data)


class TcpWire:
    """Forwards TCP; ``mode`` may be changed at any time."""

    def __init__(self, upstream: int) -> None:
        self.upstream, self.mode = upstream, PASS
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        self.open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self.mode = CUT
        for end in list(self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give up the port."""
        self.cut()
        self.server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            if self.mode == CUT:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                near.close()
                continue
            self.open |= {near, far}
            threading.Thread(target=self._pair, args=(near, far), daemon=True).start()

    def _pair(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(far, near, True), daemon=True)
        back.start()
        self._pump(near, far, False)
        back.join()
        self.open -= {near, far}
        near.close()
        far.close()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if self.mode == STALL:
                    continue
                target.sendall(garbled(data) if self.mode == GARBLE and answers else data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class UdpWire:
    """Forwards UDP between one client and a server."""

    def __init__(self, upstream: int) -> None:
        self.upstream, self.mode = upstream, PASS
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.port = int(self.near.getsockname()[1])
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        self.client: tuple[str, int] | None = None
        self.ended = False
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self) -> None:
        """Let nothing pass."""
        self.mode = CUT

    def close(self) -> None:
        """Give up both ports."""
        self.ended = True

    def _run(self) -> None:
        chooser = selectors.DefaultSelector()
        for end in (self.near, self.far):
            chooser.register(end, selectors.EVENT_READ)
        while not self.ended:
            for key, _ in chooser.select(0.1):
                with contextlib.suppress(OSError):
                    self._forward(key.fileobj)
        self.near.close()
        self.far.close()

    def _forward(self, end: object) -> None:
        if end is self.near:
            data, self.client = self.near.recvfrom(65_536)
            if self.mode not in (CUT, STALL):
                self.far.sendto(data, ("127.0.0.1", self.upstream))
        else:
            data, _ = self.far.recvfrom(65_536)
            if self.mode not in (CUT, STALL) and self.client:
                self.near.sendto(garbled(data) if self.mode == GARBLE else data, self.client)
