"""A server of raw sockets that does exactly what a test says, and remembers every byte it was sent."""

import json
import select
import socket
import struct
import threading
from contextlib import suppress

WITHIN = 10
IMAGE = bytes(range(256))
SUCCESS = {
    "created": 1,
    "size": "1024x1024",
    "data": [{"b64_json": "AAECAw=="}],
    "usage": {"input_tokens": 10, "output_tokens": 196},
}


def reply(status, body, *headers):
    """One answer, whole."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(data)}", *headers, "", ""]
    return "\r\n".join(head).encode() + data


DONE = reply(200, SUCCESS, "content-type: application/json", "x-request-id: req_7")


class Peer:
    """The server's end of one connection."""

    def __init__(self, server, connection):
        self.server = server
        self.socket = connection

    def request(self):
        """Waits for one whole request."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        while len(body) < _length(head):
            body += self._more()
        self.server.requests.append((head, body))
        return head

    def _more(self):
        data = self.socket.recv(65_536)
        self.server.received += data
        if not data:
            raise ConnectionError("the client hung up")
        return data

    def answer(self, data):
        """Waits for one request and answers it."""
        self.request()
        self.socket.sendall(data)

    def trickle(self, data, pause=0.05):
        """A byte at a time until the client has had enough."""
        for position in range(len(data)):
            self.socket.sendall(data[position : position + 1])
            if select.select([self.socket], [], [], pause)[0]:
                return

    def until_gone(self):
        """Waits for the client to hang up."""
        with suppress(ConnectionError):
            while True:
                self._more()

    def reset(self):
        """Hangs up the rude way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def _length(head):
    lines = head.lower().split(b"\r\n")
    return next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)


class ScriptedServer:
    """Its n-th connection gets the n-th script; one more than there are scripts fails the test."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.connections = 0
        self.requests = []
        self.received = b""
        self._threads = []
        self._failures = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._bell, self._clapper = socket.socketpair()
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._start(self._accept)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while self._bell not in select.select([self._listener, self._bell], [], [])[0]:
            connection, _ = self._listener.accept()
            self.connections += 1
            script = self.scripts.pop(0) if self.scripts else _unexpected
            self._start(self._play, script, Peer(self, connection))

    def _play(self, script, peer):
        try:
            script(peer)
        except OSError:
            """The client left in the middle of it."""
        except BaseException as error:
            self._failures.append(error)
            raise
        finally:
            peer.socket.close()

    def close(self):
        """Waits until every script is played."""
        self._clapper.close()
        for thread in self._threads:
            thread.join(WITHIN)
            assert not thread.is_alive(), "a script waits for something that did not come"
        self._bell.close()
        self._listener.close()
        assert not self._failures


def _unexpected(_peer):
    raise AssertionError("a connection too many")
