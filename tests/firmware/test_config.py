"""The site file: every table and key of the bench-control page, defaults, presets, and mistakes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from firmware import config
from firmware.config import Site, SiteError, address, load, settings
from firmware.core.settings import COMPUTED, TABLE, Settings, to_text

WHOLE = """\
[station]
id = "cp001"
vendor = "Vendor"
model = "Model"
serial = "0001"
charge_box_serial = "box-1"
firmware_version = "0.1"
iccid = "8949"
imsi = "2620"
meter_serial = "m-1"
meter_type = "three phases"
connection_timeout_s = 45
reader_selects = "first-free"
fuse_limit_a = 16.5
voltage_v = 240
on_stop = "finish"
on_reset = "exit"

[board]
driver = "fake"
meter_resets_on_plug_in = true
time_scale = 30.0

[[evse]]
id = 1
connectors = 1
current_type = "AC"
phases = 1
lock = false
meter_public_key = "30450221"

[[evse]]
id = 2

[web]
listen = "127.0.0.1:8600"

[security]
csms_ca_bundle = "certs/csms.pem"
manufacturer_ca_bundle = "certs/mf.pem"
client_certificate_dir = "certs/client"
client_key_dir = "certs/client"
private_key_password = "secret"

[[csms]]
slot = 2
version = "1.6-soap"
url = "http://127.0.0.1:9000/ocpp"
security_profile = 1
password = "secret"
verify_hostname = false

[[csms]]
version = "2.0.1"
url = "ws://127.0.0.1:9000"

[soap]
listen = "0.0.0.0:8700"
callback_url = "http://10.0.0.7:8700/"

[ocpp.configuration]
HeartbeatInterval = "300"
localpreauthorize = "true"

[[ocpp.variable]]
component = "TxCtrlr"
component_instance = "a"
variable = "StopTxOnInvalidId"
variable_instance = "b"
attribute = "Actual"
value = "true"
mutability = "ReadWrite"
evse = 1
connector = 1
"""
LEAST = """\
[station]
id = "cp001"

[[csms]]
version = "1.6-soap"
url = "http://127.0.0.1:9000/ocpp"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.toml"


def loaded(path: Path, text: str) -> Site:
    path.write_text(text)
    return load(path)


def refused(path: Path, text: str) -> str:
    """What is wrong with it, without the file's name."""
    path.write_text(text)
    with pytest.raises(SiteError) as error:
        load(path)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(str(path))
    return said.removeprefix(str(path))


def tables(kind: Any) -> list[Any]:
    """This struct and those within."""
    info: Any = inspect.type_info(kind)
    inner = []
    for field in info.fields:
        type_ = getattr(field.type, "item_type", field.type)
        if isinstance(type_, inspect.StructType):
            inner += tables(type_.cls)
    return [kind, *inner]


# --- all that may stand there --------------------------------------------------------------------


def test_every_table_and_key_is_understood(path: Path) -> None:
    site = loaded(path, WHOLE)
    assert (site.station.fuse_limit_a, site.station.on_reset, site.cut) == (16.5, "exit", False)
    assert [(e.id, e.phases, e.lock) for e in site.evse] == [(1, 1, False), (2, 3, True)]
    assert (site.board.time_scale, site.board.meter_resets_on_plug_in) == (30.0, True)
    assert (site.csms[0].slot, site.csms[0].verify_hostname) == (2, False)
    assert site.soap.callback_url == "http://10.0.0.7:8700/"
    assert site.ocpp.variable[0].evse == 1
    assert site.security.client_key_dir == "certs/client"


def test_little_is_needed(path: Path) -> None:
    site = loaded(path, LEAST)
    assert [e.id for e in site.evse] == [1]
    assert (site.board.driver, site.web.listen) == ("fake", "127.0.0.1:0")
    assert (site.station.connection_timeout_s, site.station.fuse_limit_a) == (30, 32.0)
    assert site.cut, "a fake board stops like a power cut"


def test_only_the_first_central_system_has_to_be_usable(path: Path) -> None:
    """Priorities beyond the first are not used yet."""
    more = '[[csms]]\nversion = "1.6"\nurl = "ws://later"\n'
    assert len(loaded(path, LEAST + more).csms) == 2


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", tables(Site))
def test_an_unknown_key_is_an_error_in_every_table(kind: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `colour`|required field"):
        msgspec.convert({"colour": "red"}, kind)
    assert kind.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("vendor", "vender", "station.vender: unknown key, did you mean 'vendor'?"),
        ("lock", "locked", "evse.locked: unknown key, did you mean 'lock'?"),
        ("[security]", "[securty]", "securty: unknown key, did you mean 'security'?"),
        ("serial =", "zzz =", "station.zzz: unknown key, did you mean "),
        ("mutability", "mutable", "ocpp.variable.mutable: unknown key, did you mean 'muta"),
        ("= 45", '= "45"', "station.connection_timeout_s: expected `int`, got `str`"),
        ("= 45", "= -1", "station.connection_timeout_s: expected `int` >= 0"),
        ("= 16.5", "= 5.9", "station.fuse_limit_a: expected `float` >= 6.0"),
        ("= 30.0", "= 0.0", "board.time_scale: expected `float` > 0.0"),
        ("lock = false", "lock = 0", "evse.lock: expected `bool`, got `int`"),
        ("\nphases = 1", "\nphases = 4", "evse.phases: expected `int` <= 3"),
        ("id = 2", "id = 1", "evse.id: expected 1, 2, 3, ... in order"),
        ('"first-free"', '"last"', "station.reader_selects: invalid enum value 'last'"),
        ('"0001"', f'"{"1" * 26}"', "station.serial: expected `str` of length <= 25"),
        ('"300"', "300", "ocpp.configuration.HeartbeatInterval: expected `str`, got `int`"),
        ('"300"', '"x"', "ocpp.configuration.HeartbeatInterval: HeartbeatInterval = 'x': e"),
        (
            "127.0.0.1:8600",
            "8600",
            "web.listen: expected host:port, as 127.0.0.1:0, got '8600",
        ),
        ("0.0.0.0:8700", "h:65536", "soap.listen: expected host:port, as 127.0.0.1:0"),
        ('"1.6-soap"', '"1.5-soap"', "csms.version: '1.5-soap' is not built yet; expected 1."),
    ],
)
def test_a_mistake_is_named_with_its_line(path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE
    line = WHOLE[: WHOLE.index(old.strip())].count("\n") + 1
    assert refused(path, WHOLE.replace(old, new, 1)).startswith(f":{line}: {said}")


def test_what_is_missing_is_named(path: Path) -> None:
    assert refused(path, LEAST[LEAST.index("[[csms") :]) == ": station is missing"
    text = LEAST.replace('version = "1.6-soap"\n', "")
    assert refused(path, text) == ":4: csms: version is missing"


@pytest.mark.parametrize(
    "url",
    [
        *("ws://host/ocpp", "host:9000", "", "http://", "http:///ocpp", "http://[::1/ocpp"),
        *("http://host:99999/", "http://host:port/", "http://me:secret@host/"),
    ],
)
def test_an_address_that_cannot_be_called(path: Path, url: str) -> None:
    text = LEAST.replace("http://127.0.0.1:9000/ocpp", url)
    assert refused(path, text).startswith(":6: csms.url: expected http://host:port/path, got ")


@pytest.mark.parametrize(
    "url", ["http://host", "https://host/a/b?c=d", "http://[::1]:9000/", "http://10.0.0.1:80"]
)
def test_an_address_that_can(path: Path, url: str) -> None:
    assert loaded(path, LEAST.replace("http://127.0.0.1:9000/ocpp", url)).csms[0].url == url


@pytest.mark.parametrize("identity", ["", "a b", "a/b", "a:b", "a?b", "a#b", "x" * 49])
def test_an_identity_that_no_address_can_hold(path: Path, identity: str) -> None:
    assert refused(path, LEAST.replace("cp001", identity)).startswith(":2: station.id: expected ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[station\n", ": not TOML: "),
        (b'[station]\nid = "a"\nid = "b"\n', ": not TOML: "),
        (b"\xff\xfe", ": cannot be read: "),
    ],
)
def test_what_is_no_site_file(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(SiteError, match=said):
        load(path)


def test_no_file_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(SiteError, match="cannot be read"):
            load(path)


def test_a_secret_is_not_repeated(path: Path) -> None:
    text = WHOLE.replace("security_profile = 1", "security_profile = 9")
    assert "secret" not in refused(path, text)


# --- presets -------------------------------------------------------------------------------------


def presets(path: Path, **texts: str) -> tuple[Settings, tuple[str, ...]]:
    lines = "".join(f'{key} = "{text}"\n' for key, text in texts.items())
    return settings(loaded(path, f"{LEAST}\n[ocpp.configuration]\n{lines}"))


def test_a_preset_is_a_factory_value_in_ocpp_notation(path: Path) -> None:
    preset, unknown = presets(
        path,
        HeartbeatInterval="20",
        LocalPreAuthorize="TRUE",
        MeterValuesSampledData="SoC, Voltage.L1",
        reserveconnectorzerosupported="false",  # read-only ones too
    )
    assert (preset.heartbeat_interval, preset.local_pre_authorize) == (20, True)
    assert preset.sampled_measurands == ("SoC", "Voltage.L1")
    assert not preset.reserve_zero
    assert unknown == ()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.key)
def test_every_setting_can_be_preset_to_what_it_is(path: Path, row: Any) -> None:
    factory, _ = settings(loaded(path, LEAST))
    text = to_text(getattr(factory, row.name))
    assert presets(path, **{row.key: text}) == (factory, ())


def test_what_is_computed_is_ignored_and_what_is_unknown_reported(path: Path) -> None:
    given = dict.fromkeys(COMPUTED.values(), "99") | {"VendorKey": "1"}
    factory, _ = settings(loaded(path, LEAST))
    assert presets(path, **given) == (factory, ("VendorKey",))


def test_the_stations_timeout_holds_until_the_ocpp_setting_is_preset(path: Path) -> None:
    text = LEAST.replace("\n\n", "\nconnection_timeout_s = 45\n\n", 1)
    assert settings(loaded(path, text))[0].connection_timeout == 45
    text += '\n[ocpp.configuration]\nConnectionTimeOut = "7"\n'
    assert settings(loaded(path, text))[0].connection_timeout == 7


def test_the_phase_rotation_names_every_connector(path: Path) -> None:
    text = LEAST + "\n[[evse]]\nid = 1\n[[evse]]\nid = 2\n"
    rotation = settings(loaded(path, text))[0].phase_rotation
    assert rotation == ("0.Unknown", "1.Unknown", "2.Unknown")


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "apart"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8600", ("::1", 8600)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_apart(listen: str, apart: tuple[str, int]) -> None:
    assert address(listen) == apart


@pytest.mark.parametrize("listen", ["", ":80", "host", "host:", "host:-1", "host:65536", "h:http"])
def test_no_address(listen: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        address(listen)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.2", "example.org", "[::]"])
def test_the_page_stays_on_loopback(path: Path, host: str) -> None:
    text = f'{LEAST}\n[web]\nlisten = "{host}:80"\n'
    assert refused(path, text).startswith(":9: web.listen: expected a loopback address")


def test_the_page_goes_anywhere_with_a_password(path: Path) -> None:
    site = loaded(path, f'{LEAST}\n[web]\nlisten = "0.0.0.0:80"\npassword = "secret"\n')
    assert site.web.password == "secret"


def test_what_turns_out_unusable_later_is_placed_too(path: Path) -> None:
    path.write_text(WHOLE)
    taken = config.Unusable("soap.listen", "0.0.0.0:8700 cannot be used: Address already in use")
    assert str(config.located(path, taken)) == f"{path}:58: {taken}"
    option = config.Unusable("--control-port", "127.0.0.1:80 cannot be used")
    assert str(config.located(path, option)) == "--control-port: 127.0.0.1:80 cannot be used"
