"""The site file (TOML), typed: what is wired, which central system, factory settings."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, inspect

from firmware.core.settings import COMPUTED, Settings, preset
from hal.board import DRIVERS
from hal.ports import EvseSpec
from ocpp.http import Engine
from ocpp.peer import Peer

BUILT = ("1.6-soap",)
"""The protocol versions that this release speaks."""

_INDEX = re.compile(r"\[(\d+)\]")

LOOPBACK = ("127.0.0.1", "::1", "localhost")

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Text20 = Annotated[str, Meta(max_length=20, pattern=PRINTABLE)]
Text25 = Annotated[str, Meta(max_length=25, pattern=PRINTABLE)]
Text50 = Annotated[str, Meta(max_length=50, pattern=PRINTABLE)]
Required20 = Annotated[str, Meta(min_length=1, max_length=20, pattern=PRINTABLE)]
Identity = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"^[^:/?#\s]+$")]
Positive = Annotated[float, Meta(gt=0)]


class SiteError(Exception):
    """The site file cannot be used. One line: file, line and key, and what was expected."""


class Unusable(Exception):
    """A value that is well formed, and yet cannot be used here: a taken port, a missing file."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all tables: an unknown key is an error."""


class StationTable(Table, frozen=True):
    id: Identity
    vendor: Required20 = "Pilotwire"
    model: Required20 = "Bench"
    serial: Text25 = ""
    charge_box_serial: Text25 = ""
    firmware_version: Text50 = ""
    iccid: Text20 = ""
    imsi: Text20 = ""
    meter_serial: Text25 = ""
    meter_type: Text25 = ""
    connection_timeout_s: Annotated[int, Meta(ge=0)] = 30
    free_id_tag: Text20 = ""
    """Charging without a card: whoever plugs in charges under this idTag."""
    reader_selects: Literal["first-free"] = "first-free"
    fuse_limit_a: Annotated[float, Meta(ge=6, le=80)] = 32.0
    voltage_v: Annotated[float, Meta(ge=90, le=500)] = 230.0
    on_stop: Literal["cut", "finish"] | None = None
    """None = cut with the fake board, finish with every other."""
    on_reset: Literal["restart", "exit"] = "restart"


class BoardTable(Table, frozen=True):
    driver: str = "fake"
    meter_resets_on_plug_in: bool = False
    time_scale: Positive = 1.0

    @property
    def options(self) -> dict[str, object]:
        """What the driver wants to know."""
        return {
            "meter_resets_on_plug_in": self.meter_resets_on_plug_in,
            "time_scale": self.time_scale,
        }


class EvseTable(Table, frozen=True):
    id: Annotated[int, Meta(ge=1)]
    connectors: Annotated[int, Meta(ge=1, le=1)] = 1
    current_type: Literal["AC"] = "AC"
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    lock: bool = True
    meter_public_key: str = ""


class WebTable(Table, frozen=True):
    listen: str = "127.0.0.1:0"
    password: str = ""
    """Asked for wherever the page is opened; without one it is for this machine only."""


class SecurityTable(Table, frozen=True):
    csms_ca_bundle: str = ""
    manufacturer_ca_bundle: str = ""
    client_certificate_dir: str = ""
    client_key_dir: str = ""
    private_key_password: str = ""


class CsmsTable(Table, frozen=True):
    url: str
    version: Literal["1.5-soap", "1.6-soap", "1.6", "2.0.1"]
    slot: int = 1
    security_profile: Annotated[int, Meta(ge=0, le=3)] = 0
    password: str = ""
    verify_hostname: bool = True


class SoapTable(Table, frozen=True):
    listen: str = "127.0.0.1:0"
    callback_url: str = ""
    engine: Engine = "typed"


class VariableTable(Table, frozen=True):
    component: str
    variable: str
    value: str
    attribute: str = "Actual"
    mutability: str = ""
    component_instance: str = ""
    variable_instance: str = ""
    evse: int | None = None
    connector: int | None = None


class OcppTable(Table, frozen=True):
    configuration: dict[str, str] = {}
    variable: tuple[VariableTable, ...] = ()


class Site(Table, frozen=True):
    """The whole file. The names are those of the bench-control page."""

    station: StationTable
    csms: tuple[CsmsTable, ...] = ()
    """None = standalone: the station's own list of cards decides."""
    board: BoardTable = BoardTable()
    evse: Annotated[tuple[EvseTable, ...], Meta(min_length=1)] = (EvseTable(1),)
    web: WebTable = WebTable()
    security: SecurityTable = SecurityTable()
    soap: SoapTable = SoapTable()
    ocpp: OcppTable = OcppTable()

    @property
    def cut(self) -> bool:
        """SIGTERM is a power cut."""
        return (self.station.on_stop or "cut") == "cut"

    @property
    def specs(self) -> tuple[EvseSpec, ...]:
        """What is wired."""
        fuse, volts = self.station.fuse_limit_a, self.station.voltage_v
        return tuple(EvseSpec(e.id, e.phases, e.lock, fuse, volts) for e in self.evse)


def load(path: Path) -> Site:
    """Read and check the site file. Raises SiteError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SiteError(f"{path}: cannot be read: {error}") from error
    try:
        plain = tomllib.loads(text)
        site = msgspec.convert(plain, Site)
    except tomllib.TOMLDecodeError as error:
        raise SiteError(f"{path}: not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise explained(path, text, plain, str(error)) from error
    for key, problem in problems(site):
        raise mistake(path, text, key, problem)
    return site


def located(path: Path, error: Unusable) -> SiteError:
    """With file and line; an option of the command line stands in no file."""
    if error.key.startswith("--"):
        return SiteError(str(error))
    return mistake(path, path.read_text(encoding="utf-8"), error.key, error.problem)


def settings(site: Site) -> tuple[Settings, tuple[str, ...]]:
    """Factory settings, and the preset keys that this station does not know.

    A preset of what the station computes itself is ignored. Raises SiteError for a bad value."""
    rotation = tuple(f"{n}.Unknown" for n in (0, *(e.id for e in site.evse)))
    factory = Settings(
        connection_timeout=site.station.connection_timeout_s, phase_rotation=rotation
    )
    texts = {k: v for k, v in site.ocpp.configuration.items() if k.lower() not in COMPUTED}
    return preset(factory, texts)


def address(listen: str) -> tuple[str, int]:
    """`host:port` apart. Raises ValueError."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) >= 2**16:
        raise ValueError("expected host:port, as 127.0.0.1:0")
    return host.strip("[]"), int(port)


def problems(site: Site) -> Iterator[tuple[str, str]]:
    """What the types cannot say, as key and explanation."""
    if site.board.driver not in DRIVERS:
        yield "board.driver", f"expected one of {', '.join(sorted(DRIVERS))}"
    for n, evse in enumerate(site.evse):
        if evse.id != n + 1:
            yield f"evse[{n}].id", "expected 1, 2, 3, ... in order"
    for key, listen in (("web.listen", site.web.listen), ("soap.listen", site.soap.listen)):
        try:
            host = address(listen)[0]
        except ValueError as error:
            yield key, f"{error}, got {listen!r}"
        else:
            if key == "web.listen" and host not in LOOPBACK and not site.web.password:
                yield key, "expected a loopback address, or web.password beside it"
    yield from _csms_problems(site)
    try:
        settings(site)
    except ValueError as error:
        yield "ocpp.configuration." + str(error).split(" ", maxsplit=1)[0], str(error)


def _csms_problems(site: Site) -> Iterator[tuple[str, str]]:
    for csms in site.csms[:1]:
        if csms.version not in BUILT:
            built = ", ".join(BUILT)
            yield "csms.version", f"{csms.version!r} is not built yet; expected {built}"
        else:
            try:
                Peer(csms.url)
            except ValueError:
                yield "csms.url", f"expected http://host:port/path, got {csms.url!r}"


def explained(path: Path, text: str, plain: Any, error: str) -> SiteError:
    """msgspec's words as file, line, key and expectation."""
    what, _, where = error.partition(" - at ")
    key = where.strip("`").removeprefix("$").removeprefix(".")
    if key.endswith(".configuration[...]"):
        values = plain["ocpp"]["configuration"]
        odd = next(name for name, value in values.items() if not isinstance(value, str))
        key = key.replace("[...]", f".{odd}")
    unknown = re.match(r"Object contains unknown field `(.*)`", what)
    missing = re.match(r"Object missing required field `(.*)`", what)
    if missing is not None:
        return mistake(path, text, key, f"{missing[1]} is missing")
    if unknown is None:
        return mistake(path, text, key, f"{what[0].lower()}{what[1:]}")
    near = difflib.get_close_matches(unknown[1], _keys(_INDEX.sub("", key)), 1, 0.0)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return mistake(path, text, f"{key}.{unknown[1]}".lstrip("."), f"unknown key{hint}")


def mistake(path: Path, text: str, key: str, problem: str) -> SiteError:
    name = _INDEX.sub("", key)
    return SiteError(f"{path}{_line(text, key)}: {name}{name and ': '}{problem}")


def _keys(table: str) -> list[str]:
    """The keys of a table of the site file, by its dotted name."""
    kind: Any = Site
    for name in filter(None, table.split(".")):
        info: Any = next(f.type for f in _struct(kind).fields if f.encode_name == name)
        while not isinstance(info, inspect.StructType):
            info = info.item_type
        kind = info.cls
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _struct(kind: Any) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


def _line(text: str, key: str) -> str:
    """`:n` where a key stands in the file (`evse[1].id`: that of the second such table), or nothing
    if it is not found."""
    index = _INDEX.search(key)
    wanted = 1 if index is None else int(index[1]) + 1
    *tables, name = _INDEX.sub("", key).split(".")
    table, seen = "", Counter([""])
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([\w.\-]+)\s*\]\]?", line):
            table = header[1]
            seen[table] += 1
            found = table == ".".join([*tables, name])
        else:
            here = re.match(rf"\s*\"?{re.escape(name)}\"?\s*=", line)
            found = here is not None and table == ".".join(tables)
        if found and seen[table] == wanted:
            return f":{number}"
    return ""
