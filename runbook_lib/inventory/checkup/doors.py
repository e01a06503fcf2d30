"""The doors of settings, opened side by side, each within a few seconds; and this machine's clock beside AWS's."""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import NOTED_SKEW, Card
from runbook_lib.aws.keys import PROCESS_SECONDS
from runbook_lib.aws.troubles import skew_words
from runbook_lib.base.errors import RunbookError
from runbook_lib.inventory.checkup import Finding, Verdict
from runbook_lib.settings import Settings

DOOR_SECONDS = PROCESS_SECONDS + 2.0
"""At most so long is waited for a door, and for each that it is reached by way of; what a program does not give is said first."""
AREA, CLOCK = "door", "clock"
Entered = Mapping[str, Card | RunbookError | None]
"""Account → who acts there, or why nobody does; None where there was no answer in time."""


def enter(access: Access, settings: Settings, accounts: Mapping[str, str], seconds: float = DOOR_SECONDS) -> Entered:
    """Open the doors into these accounts side by side. `accounts`: account → the door's name.

    Each in a thread that nobody waits for any longer than that: what hangs is left behind.
    """
    found: dict[str, Card | RunbookError | None] = dict.fromkeys(accounts)
    broken: list[Exception] = []
    threads = {account: _thread(partial(_enter, access, account, found, broken)) for account in accounts}
    for account, thread in threads.items():
        thread.join(seconds * _steps(settings, accounts[account]))
    if broken:
        raise broken[0]
    return dict(found)


def _enter(access: Access, account: str, found: dict[str, Card | RunbookError | None], broken: list[Exception]) -> None:
    try:
        found[account] = access.card(account)
    except RunbookError as error:
        found[account] = error
    except Exception as error:  # noqa: BLE001 a mistake of ours is raised where the doors are waited for
        broken.append(error)


def _thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _steps(settings: Settings, name: str) -> int:
    """How many doors lead to this one, itself included."""
    door, steps = getattr(settings.access, name), 1
    while door is not None and door.via != "ambient" and steps < len(type(settings.access).model_fields):
        door, steps = getattr(settings.access, door.via), steps + 1
    return steps


def findings(entered: Entered, names: Mapping[str, str]) -> Iterator[Finding]:
    """A line for each door, and one for the clock."""
    for account, found in entered.items():
        if isinstance(found, Card):
            yield Finding(AREA, Verdict.PASS, found.words)
        elif found is None:
            yield Finding(
                AREA,
                Verdict.FAIL,
                f"access.{names[account]}: no answer within {DOOR_SECONDS:.0f} seconds a door",
                "See whether this machine's network and proxy let STS be reached, then run again.",
            )
        else:
            yield Finding(AREA, Verdict.FAIL, str(found), found.advice)
    yield _clock([each for each in entered.values() if isinstance(each, Card)])


def _clock(cards: list[Card]) -> Finding:
    skews = [each.skew for each in cards if each.skew is not None]
    if not skews:
        return Finding(CLOCK, Verdict.UNKNOWN, "no answer of AWS's to compare this machine's clock with", "Open a door first.")
    worst = max(skews, key=abs)
    if abs(worst) >= NOTED_SKEW:
        return Finding(
            CLOCK,
            Verdict.FAIL,
            f"this machine's clock is {skew_words(worst)} AWS's",
            "Let it follow a time server: AWS refuses signatures from five minutes on.",
        )
    return Finding(CLOCK, Verdict.PASS, f"within {NOTED_SKEW} seconds of AWS's")
