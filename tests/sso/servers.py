"""Web servers on this machine that answer as they are told, byte by byte, and a resolver that names them."""

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOCAL = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


class Server:
    """Answers every connection with the chunks of `says`, `pause` seconds after each; heard: what was sent to it.

    The chunks can be changed meanwhile, or be made of the request.
    """

    def __init__(
        self,
        says: Iterable[bytes] | Callable[[bytes], Iterable[bytes]],
        pause: float,
        host: str,
        tls: ssl.SSLContext | None,
        patience: float,
    ) -> None:
        self.heard: list[bytes] = []
        self.says, self._pause, self._tls, self._patience = says, pause, tls, patience
        self._stopped = Event()
        self._socket = socket.create_server((host, 0))
        self.port = self._socket.getsockname()[1]
        self._thread = Thread(target=self._serve)

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
                with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as client:
                    self._answer(client)
            except OSError:  # it went away, or does not trust us
                continue

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(self._patience)
        request = b""
        while b"\r\n\r\n" not in request and (more := client.recv(65536)):
            request += more
        head, _, body = request.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]) and (more := client.recv(65536)):
                    body += more
                    request += more
        if request:
            self.heard.append(request)
            for chunk in self.says(request) if callable(self.says) else self.says:
                client.sendall(chunk)
                if self._stopped.wait(self._pause):
                    return

    def stop(self) -> None:
        self._stopped.set()
        with socket.socket(self._socket.family) as wake:
            wake.connect(self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@contextmanager
def serving(
    *says: bytes,
    pause: float = 0,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    times: int = 1,
    patience: float = 5,
) -> Iterator[Server]:
    server = Server(says * times, pause, host, tls, patience)
    server._thread.start()
    try:
        yield server
    finally:
        server.stop()


def answer(body: bytes, *, status: bytes = b"200 OK", content_type: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (status, content_type, len(body), body)


def certified(name: str, folder: Path) -> ssl.SSLContext:
    """What a server needs to be the one of this name; `folder / "ca.pem"` is what a client has to trust."""
    now = datetime.datetime.now(datetime.UTC)
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a CA of the tests")])

    def certificate(subject: x509.Name, of: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(issuer, subject, of, x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    ca = certificate(issuer, authority.public_key()).add_extension(x509.BasicConstraints(True, None), critical=True)
    own = certificate(x509.Name([]), key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.sign(authority, hashes.SHA256()).public_bytes(pem))
    (folder / "own.pem").write_bytes(
        own.sign(authority, hashes.SHA256()).public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return context


class Names:
    """The answers of the DNS: for each name a list of addresses, once for every time it is asked; the last stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)

    def _getaddrinfo(self, host: str, port: int, *rest: int, **more: int) -> list[tuple]:
        if (answers := self.answers.get(host)) is None:
            return self._real(host, port, *rest, **more)
        self.asked.append(host)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [info for address in addresses for info in self._real(address, port, *rest, **more)]
