"""Cards: how idTags compare, and the station's own list of them."""

import msgspec


class Card(msgspec.Struct, frozen=True):
    """A card that somebody has named at this station. Without a central system the list says who
    may charge; with one it only gives names."""

    token: str
    name: str = ""


Cards = tuple[Card, ...]


def same(one: str | None, other: str | None) -> bool:
    """idTags compare case-insensitively (R16-011); one that is not there is like no other."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def named(cards: Cards, token: str) -> Card | None:
    return next((card for card in cards if same(card.token, token)), None)


def saved(cards: Cards, card: Card) -> Cards:
    """With this card, in place of an older entry for the same one; by name, then token."""
    others = tuple(c for c in cards if not same(c.token, card.token))
    return tuple(sorted((*others, card), key=lambda c: (c.name.casefold(), c.token)))


def dropped(cards: Cards, token: str) -> Cards:
    return tuple(c for c in cards if not same(c.token, token))
