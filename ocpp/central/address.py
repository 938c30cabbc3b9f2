"""Where a station may be called: its own word for it, checked against where it called from."""

import ipaddress
from urllib.parse import urlsplit

import msgspec

from ocpp.envelope import ANONYMOUS_FORMS


class Location(msgspec.Struct, frozen=True):
    """The URL of a station's SOAP server, or why there is none."""

    url: str | None = None
    problem: str | None = None


def locate(sender: str | None, peer: str, override: str | None = None) -> Location:
    """The address to call a station at.

    `sender` is the message's wsa:From, the only place where OCPP-S lets a station say where it
    listens (S16 §3.7); `peer` is the IP address the message came from; `override` is what the
    operator wrote down for this station, which always wins.

    An address in a message is anybody's invention. Were it believed, one forged message would make
    this machine connect to any host of the forger's choice, beyond whatever firewall. So it counts
    only where it names the very machine that sent it, and the URL is put together anew from the
    peer's own address: no spelling of the host can lead elsewhere.
    """
    if override is not None:
        return Location(url=override)
    if sender is None or sender in ANONYMOUS_FORMS:
        return Location(problem="its wsa:From holds no address: set its callback address")
    try:
        parts = urlsplit(sender)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return Location(problem="its wsa:From is no URL: correct its callback address")
    if parts.scheme != "http" or not host:
        return Location(problem="its wsa:From is no http:// URL: correct its callback address")
    if not _same(host, peer):
        return Location(
            problem=f"it asks to be called at {host[:60]} but calls from {peer}: announce {peer}"
            " in its callback address, or configure its address here"
        )
    query = f"?{parts.query}" if parts.query else ""
    return Location(url=f"http://{_literal(peer)}:{port}{parts.path or '/'}{query}")


def _same(host: str, peer: str) -> bool:
    """Whether a host, written as an IP address, is the peer. A name is not looked up: its owner
    could answer anything."""
    try:
        return _plain(host) == _plain(peer)
    except ValueError:
        return False


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _literal(peer: str) -> str:
    address = _plain(peer)
    return f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)
