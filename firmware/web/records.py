"""What the pages Messages, Sessions, Settings and Cards read: as JSON, and as files to keep."""

import csv
import io
from collections.abc import Iterable

import msgspec
from werkzeug import Response
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType
from werkzeug.routing import Rule

from firmware.facts import OrderOutcome
from firmware.orders import GetSettings, SaveCard
from firmware.shell.messages import Message
from firmware.shell.telling import masked
from firmware.web.facade import Station
from firmware.web.orders import ask, checked, key_of
from firmware.web.wsgi import Request, answer

MOST_SHOWN = 200
LARGEST_LIST = 128 * 1024
MOST_CARDS = 1000
SUMMARY = ("number", "time", "direction", "action", "outcome", "ok", "ms")
SESSION_COLUMNS = (
    *("number", "evse", "transaction", "card", "name", "started", "stopped"),
    *("seconds", "wh", "reason", "delivery"),
)


def record_rules(station: Station) -> list[Rule]:
    """The routes, all of them about what the station holds."""
    records = _Records(station)
    routes = {
        "/api/messages": records.messages,
        "/api/messages/<int:number>": records.message,
        "/messages.jsonl": records.messages_file,
        "/api/sessions": records.sessions,
        "/api/sessions/<int:number>/curve": records.curve,
        "/sessions.csv": records.sessions_file,
        "/api/settings": records.settings,
        "/api/cards": records.cards,
        "/cards.csv": records.cards_file,
    }
    rules = [Rule(path, endpoint=endpoint, methods=["GET"]) for path, endpoint in routes.items()]
    return [*rules, Rule("/api/cards", endpoint=records.import_cards, methods=["POST"])]


class _Records:
    def __init__(self, station: Station) -> None:
        self._station = station

    # --- messages ---------------------------------------------------------------------------------

    def _selected(self, request: Request) -> list[Message]:
        wanted = {name: request.args.get(name, "") for name in ("direction", "action", "text")}
        return self._station.messages.select(**wanted)

    def messages(self, request: Request) -> Response:
        """The newest first, without their bodies."""
        selected = self._selected(request)
        newest = [
            {key: getattr(message, key) for key in SUMMARY}
            for message in reversed(selected[-MOST_SHOWN:])
        ]
        actions = sorted({action for _, action, _ in self._station.messages.counts})
        return answer({"messages": newest, "found": len(selected), "actions": actions})

    def message(self, _: Request, number: int) -> Response:
        for message in self._station.messages.select():
            if message.number == number:
                return answer(message)
        raise NotFound("this message is not kept any more")

    def messages_file(self, request: Request) -> Response:
        lines = b"".join(msgspec.json.encode(m) + b"\n" for m in self._selected(request))
        return _file(lines, "messages.jsonl", "application/jsonl")

    # --- sessions ---------------------------------------------------------------------------------

    def sessions(self, _: Request) -> Response:
        return answer(self._station.sessions())

    def curve(self, _: Request, number: int) -> Response:
        return answer(self._station.curve(number))

    def sessions_file(self, _: Request) -> Response:
        rows = ([row[key] for key in SESSION_COLUMNS] for row in self._station.sessions())
        return _csv("sessions.csv", SESSION_COLUMNS, rows)

    # --- settings and cards -----------------------------------------------------------------------

    def settings(self, _: Request) -> Response:
        return answer(ask(self._station, GetSettings()).settings)

    def cards(self, _: Request) -> Response:
        return answer(
            [
                {"key": key_of(card), "card": masked(card.token), "name": card.name}
                for card in self._station.cards
            ]
        )

    def cards_file(self, _: Request) -> Response:
        """In full, for another station to import."""
        rows = ([card.token, card.name] for card in self._station.cards)
        return _csv("cards.csv", ("card", "name"), rows)

    def import_cards(self, request: Request) -> Response:
        """Lines of number and name, as they were exported. All are checked before one is saved."""
        # As with JSON: a foreign page cannot send this type without asking first.
        if request.mimetype != "text/csv":
            raise UnsupportedMediaType("send the list as text/csv")
        request.max_content_length = LARGEST_LIST
        orders = list(_listed(request.get_data()))
        outcomes: list[OrderOutcome] = [ask(self._station, order) for order in orders]
        return answer({"saved": sum(outcome.status == "Accepted" for outcome in outcomes)})


def _listed(body: bytes) -> Iterable[SaveCard]:
    """Raises BadRequest, naming the line."""
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(f"this is no list in CSV: {error}") from error
    if len(rows) > MOST_CARDS:
        raise BadRequest(f"expected at most {MOST_CARDS} lines, got {len(rows)}")
    for number, row in enumerate(rows, 1):
        if not row or (number == 1 and row[0] == "card"):
            continue
        try:
            token = checked(_plain(row[0]))
        except BadRequest as error:
            raise BadRequest(f"line {number}: {error.description}") from error
        yield SaveCard(token, _plain(row[1]).strip()[:50] if len(row) > 1 else "")


def _csv(name: str, head: Iterable[object], rows: Iterable[Iterable[object]]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return _file(text.getvalue().encode(), name, "text/csv")


def _harmless(value: object) -> object:
    """A spreadsheet takes text that begins so for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _plain(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _file(body: bytes, name: str, kind: str) -> Response:
    response = Response(body, mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
