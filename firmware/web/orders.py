"""What a person may order from the page: forms, checked and turned into ordinary orders."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from werkzeug import Response
from werkzeug.exceptions import BadRequest, NotFound, ServiceUnavailable

from firmware.core.cards import Card, Cards
from firmware.facts import OrderOutcome
from firmware.orders import ChangeSetting, DropCard, LearnCard, Limit, Order, SaveCard, Start, Stop
from firmware.shell.desk import NoAnswer
from firmware.web.facade import Station
from firmware.web.wsgi import answer

Id = Annotated[int, Meta(ge=1)]
Token = Annotated[str, Meta(min_length=1, max_length=20)]
Name = Annotated[str, Meta(max_length=50)]


class Form(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the page sends to have something done."""

    def order(self, station: Station) -> Order:
        """Raises BadRequest with what to do about it."""
        raise NotImplementedError


class StartForm(Form, frozen=True, kw_only=True):
    evse: Id
    card: Name = ""
    """Its number, its name on the list, or nothing where charging is free."""

    def order(self, station: Station) -> Order:
        listed = {card.name.casefold(): card.token for card in station.cards if card.name}
        token = listed.get(self.card.casefold(), self.card) or station.free_token
        if not token:
            raise BadRequest("give the number of a card, or the name of one on the list")
        return Start(self.evse, checked(token))


class StopForm(Form, frozen=True, kw_only=True):
    evse: Id

    def order(self, station: Station) -> Order:
        return Stop(self.evse)


class LimitForm(Form, frozen=True, kw_only=True):
    evse: Id
    amps: Annotated[float, Meta(ge=0, le=1000)] | None
    """None = as much as there is."""

    def order(self, station: Station) -> Order:
        return Limit(self.evse, self.amps)


class SettingForm(Form, frozen=True, kw_only=True):
    key: Annotated[str, Meta(min_length=1, max_length=50)]
    value: Annotated[str, Meta(max_length=500)]

    def order(self, station: Station) -> Order:
        return ChangeSetting(self.key, self.value)


class SaveForm(Form, frozen=True, kw_only=True):
    card: Token
    """A number, or `#` and the key of one on the list."""
    name: Name

    def order(self, station: Station) -> Order:
        return SaveCard(resolved(station.cards, self.card), self.name.strip())


class DropForm(Form, frozen=True, kw_only=True):
    card: Token

    def order(self, station: Station) -> Order:
        return DropCard(resolved(station.cards, self.card))


class LearnForm(Form, frozen=True, kw_only=True):
    name: Name

    def order(self, station: Station) -> Order:
        return LearnCard(self.name.strip())


FORMS: dict[str, type[Form]] = {
    "start": StartForm,
    "stop": StopForm,
    "limit": LimitForm,
    "setting": SettingForm,
    "save-card": SaveForm,
    "drop-card": DropForm,
    "learn-card": LearnForm,
}

REFUSED = {
    "start": "the station does not take this order",
    "stop": "there is no session to stop",
    "limit": "no such EVSE, or more than its fuse allows",
    "setting": "the key cannot be changed, or not to this value",
    "learn-card": "no card was shown in time",
}


def act(station: Station, name: str, body: bytes) -> Response:
    """Have an order carried out; the answer says how it went. Raises HTTPException."""
    if name not in FORMS:
        raise NotFound(f"no such order: {name}; there are {', '.join(FORMS)}")
    try:
        form = msgspec.json.decode(body, type=FORMS[name])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRequest(f"{name}: {error}") from error
    outcome = ask(station, form.order(station))
    if outcome.status in ("Accepted", "RebootRequired"):
        return answer({"status": outcome.status})
    problem = REFUSED.get(name, "the station refused")
    return answer({"error": problem, "status": outcome.status}, 409)


def ask(station: Station, order: Order) -> OrderOutcome:
    """Raises ServiceUnavailable."""
    try:
        return station.ask(order)
    except NoAnswer as error:
        raise ServiceUnavailable(f"the station does not answer: {error}; try again") from error


def key_of(card: Card) -> str:
    """Names a card on the list without telling its number."""
    return hashlib.sha256(card.token.casefold().encode()).hexdigest()[:12]


def resolved(cards: Cards, text: str) -> str:
    """The number of the card that a form is about. Raises BadRequest."""
    if not text.startswith("#"):
        return checked(text)
    found = next((card.token for card in cards if key_of(card) == text[1:]), None)
    if found is None:
        raise BadRequest("this card is not on the list any more; load the page again")
    return found


def checked(token: str) -> str:
    """A card's number as OCPP takes it: an idTag of up to 20 characters. Raises BadRequest."""
    token = token.strip()
    if not 0 < len(token) <= 20 or not token.isprintable():  # noqa: PLR2004 (CiString20)
        raise BadRequest("a card's number has 1 to 20 printable characters")
    return token
