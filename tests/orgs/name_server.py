"""A name server on this machine, for code that asks the DNS."""

import socket
from threading import Thread

from dns import flags, message, rcode, resolver, rrset


class NameServer:
    """Answers TXT queries over UDP.

    records: texts by name. says: the code of every answer; None for no answer at all. asked: the names asked so far.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.says: rcode.Rcode | None = rcode.NOERROR
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve)

    def __enter__(self) -> "NameServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.sendto(b"", self._socket.getsockname())  # an empty datagram ends it
        self._thread.join()
        self._socket.close()

    def resolver(self) -> resolver.Resolver:
        """A resolver that asks this server and no other."""
        ours = resolver.Resolver(configure=False)
        ours.nameservers = ["127.0.0.1"]
        ours.port = self._socket.getsockname()[1]
        return ours

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(4096)
            if not wire:
                return
            query = message.from_wire(wire)
            name = query.question[0].name
            self.asked.append(name.to_text(omit_final_dot=True))
            if self.says is None:
                continue
            answer = message.make_response(query)
            answer.flags |= flags.RA
            answer.set_rcode(self.says)
            if texts := self.records.get(self.asked[-1]):
                answer.answer.append(rrset.from_text_list(name, 60, "IN", "TXT", texts))
            elif self.says == rcode.NOERROR and not any(each.endswith(self.asked[-1]) for each in self.records):
                answer.set_rcode(rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), client)
