"""A station is called where it is, never where a message says somebody else is."""

import pytest

from ocpp.central.address import locate
from ocpp.envelope import ANONYMOUS


@pytest.mark.parametrize(
    ("sender", "peer", "url"),
    [
        ("http://192.0.2.10:8080/", "192.0.2.10", "http://192.0.2.10:8080/"),
        ("http://192.0.2.10", "192.0.2.10", "http://192.0.2.10:80/"),
        ("http://192.0.2.10:8080/a/b?c=d#e", "192.0.2.10", "http://192.0.2.10:8080/a/b?c=d"),
        ("HTTP://user:secret@192.0.2.10:81/", "192.0.2.10", "http://192.0.2.10:81/"),
        ("http://[2001:DB8::1]:8080/", "2001:db8:0::1", "http://[2001:db8::1]:8080/"),
        ("http://192.0.2.10:8080/", "::ffff:192.0.2.10", "http://192.0.2.10:8080/"),
        ("http://192.0.2.10:8080/\r\nHost: x", "192.0.2.10", "http://192.0.2.10:8080/Host: x"),
    ],
)
def test_the_peers_own_address_is_taken(sender: str, peer: str, url: str) -> None:
    assert locate(sender, peer).url == url


@pytest.mark.parametrize(
    "sender",
    [
        None,
        "",
        ANONYMOUS,
        "cp1",
        "http://",
        "http://192.0.2.10:99999/",
        "http://[192.0.2.10/",
        "https://192.0.2.10/",
        "file://192.0.2.10/etc/passwd",
        "http://192.0.2.11:8080/",
        "http://127.0.0.1:8080/",
        "http://192.0.2.10@192.0.2.11/",
        "http://localhost:8080/",
        "http://station.example:8080/",
        "http://192.0.2.10.example/",
        "http://0300.0.02.012/",
        "http://3221225994/",
    ],
)
def test_any_other_is_not_and_why_is_said(sender: str | None) -> None:
    place = locate(sender, "192.0.2.10")
    assert place.url is None
    assert place.problem
    assert "address" in place.problem


def test_what_the_operator_wrote_wins() -> None:
    place = locate("http://192.0.2.11:8080/", "192.0.2.10", "http://station.example/")
    assert place.url == "http://station.example/"
    assert locate(None, "192.0.2.10", "http://station.example/") == place
