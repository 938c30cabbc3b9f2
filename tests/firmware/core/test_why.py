"""Why current flows or not: all that has a say is named, with who set it, nothing is missing."""

from firmware.core.connector import Permit
from firmware.core.settings import Settings
from firmware.core.why import Reason, why
from firmware.orders import ChangeAvailability, Limit, Reserve
from tests.firmware.core.world import EVSES, World
from tests.firmware.rig import Rig


def reasons(rig: Rig, evse: int = 1) -> tuple[Reason, ...]:
    return why(rig.state, rig.loop.stored, evse)


def forbidding(rig: Rig) -> list[tuple[str, str]]:
    return [(r.what, r.by) for r in reasons(rig) if r.effect == "forbids"]


def test_an_idle_evse_lacks_card_and_vehicle() -> None:
    rig = Rig()
    rig.sees(1, "A")
    assert reasons(rig) == (
        Reason("no session: no card has been accepted", "forbids", "card"),
        Reason("no vehicle is plugged in", "forbids", "vehicle"),
        Reason("fuse", "limits", "site file", 16.0),
    )


def test_a_charging_one_has_session_and_vehicle_and_the_least_limit() -> None:
    rig = Rig()
    rig.charges()
    rig.orders(Limit(1, 10.0))
    assert reasons(rig) == (
        Reason("fuse", "limits", "site file", 16.0),
        Reason("limit", "limits", "page", 10.0),
        Reason("session 1", "permits", "card", token="CARD"),
        Reason("asks for current", "permits", "vehicle"),
    )


def test_a_limit_below_what_can_be_offered_is_a_pause() -> None:
    rig = Rig()
    rig.charges()
    rig.orders(Limit(1, 0.0))
    assert forbidding(rig) == [("limit, below the 6 A a vehicle can be offered", "page")]


def test_every_step_of_a_card_is_told() -> None:
    rig = Rig()
    rig.sees(1, "A")
    rig.presents("CARD")
    first = reasons(rig)[0]
    assert first == Reason("a card is being asked about", "forbids", "central system", token="CARD")
    rig.replies()
    assert forbidding(rig)[0] == ("a card is accepted, no vehicle is there yet", "vehicle")
    rig.plugs()
    assert forbidding(rig) == [("plugged in, and does not ask for current", "vehicle")]
    rig.taps()
    assert forbidding(rig)[0] == ("the session is over: Local", "station")


def test_a_refused_card_is_the_central_systems_word() -> None:
    rig = Rig(settings=Settings(stop_on_invalid_id=False))
    rig.charges()
    rig.confirms(status="Invalid")
    assert ("the card was refused", "central system") in forbidding(rig)


def test_faults_are_named_with_who_saw_them() -> None:
    rig = Rig()
    rig.charges()
    rig.sees(1, "C", "GroundFailure", "InterlockLost")
    told = forbidding(rig)
    assert ("fault: GroundFailure", "interlock") in told
    assert ("fault: InterlockLost", "interlock") in told


def test_what_is_not_on_disk_is_the_journals_word() -> None:
    rig = Rig()
    rig.prompt = False
    rig.plugs()
    rig.taps()
    assert ("the session is not on disk yet", "journal") in forbidding(rig)
    rig.stores()
    assert ("the session is not on disk yet", "journal") not in forbidding(rig)


def test_reservation_and_service_are_the_central_systems() -> None:
    rig = Rig()
    rig.sees(1, "A")
    rig.orders(Reserve(7, 1, "OTHER", None, rig.clock.now().wall + 600))
    assert ("reservation 7: one card only", "central system") in forbidding(rig)
    rig.orders(ChangeAvailability(0, operative=False))
    assert ("the station is out of service", "central system") in forbidding(rig)


def test_an_evse_that_is_not_there_has_no_reasons() -> None:
    assert reasons(Rig(), 9) == ()


def test_current_is_permitted_just_where_nothing_of_the_station_forbids_it() -> None:
    """Whatever happens: the list and the permit tell the same story."""
    world = World(7)
    rig, waits, permitted = world.rig(), "plugged in, and does not ask for current", 0
    for _ in range(8000):
        rig.clock.mono += world.elapsed(rig)
        rig.happens(world.event(rig))
        if world.dice.random() < 0.6:
            rig.stores()
        world.open_rows += [(n, fact) for n, fact in enumerate(rig.log, len(world.open_rows) + 1)]
        world.questions += [q for q in rig.questions if q not in world.questions]
        rig.log.clear()
        rig.told.clear()
        for evse in EVSES:
            told = reasons(rig, evse)
            open_to = [r for r in told if r.effect == "forbids" and r.what != waits] == []
            least = min(r.amps for r in told if r.effect == "limits" and r.amps is not None)
            permit = rig.wanted(evse)
            assert open_to == (permit is not None), told
            if permit is not None:
                assert permit == Permit(permit.session, least)
                permitted += 1
    assert permitted > 200
