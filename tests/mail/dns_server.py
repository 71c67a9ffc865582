"""A DNS server of a few records, on a UDP socket of this machine."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from engine.addresses import Address

Zone = Mapping[str, list[str]]
"""`NAME TYPE` → values as a zone file has them; the value `silence`: it is never answered."""


def answer_to(zone: Zone, wire: bytes) -> bytes | None:
    """The answer to one question; None: silence."""
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    values = zone.get(f"{name.lower()} {kind}", [])
    if values == ["silence"]:
        return None
    if values == ["failure"]:
        response.set_rcode(dns.rcode.SERVFAIL)
    elif values:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
    elif not any(known.split()[0] == name.lower() for known in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response.to_wire()


@contextmanager
def a_dns(zone: Zone) -> Iterator[Address]:
    """A server for a while; the zone may change meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                wire, asker = line.recvfrom(4096)
                if not wire:
                    return
                try:
                    answer = answer_to(zone, wire)
                except (ValueError, dns.exception.DNSException):
                    answer = b""  # a record that is none: the test fails, the others go on
                if answer is not None:
                    line.sendto(answer, asker)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Address(*line.getsockname())
        finally:
            line.sendto(b"", line.getsockname())
            thread.join(5)
