"""A proxy that loses patience: it cuts every connection that is silent for too long, as proxies do."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

BUFFER = 65_536


class Proxy:
    """Hands bytes on between a client and a server, each connection for so many seconds."""

    def __init__(self, target: str, seconds: float) -> None:
        split = urlsplit(target)
        self._target = (split.hostname, split.port)
        self._seconds = seconds
        self._server = socket.create_server(("127.0.0.1", 0))
        self._over = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.connections = 0
        self.cuts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            client, _ = self._server.accept()
            if self._over:
                client.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        end = time.monotonic() + self._seconds
        with client, socket.create_connection(self._target) as server:
            peers = {client: server, server: client}
            while (left := end - time.monotonic()) > 0:
                for ready in select.select(list(peers), [], [], left)[0]:
                    data = ready.recv(BUFFER)
                    if not data:
                        return
                    peers[ready].sendall(data)
            self.cuts += 1

    def close(self) -> None:
        self._over = True
        socket.create_connection(self._server.getsockname()).close()
        for thread in self._threads:
            thread.join()
        self._server.close()


@contextlib.contextmanager
def cutting(target: str, seconds: float) -> Iterator[Proxy]:
    proxy = Proxy(target, seconds)
    try:
        yield proxy
    finally:
        proxy.close()
