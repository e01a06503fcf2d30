"""What a rehearsal says about the live run of the same plans: how many calls, and about how long under AWS's limits."""

from collections.abc import Sequence

from runbook_lib.base.text import counted
from runbook_lib.plan import Plan
from runbook_lib.plan.estimate import NOTHING, Reads, estimate, reading

OF_MEMBERS = "account:ListRegions"
"""One call for each account; the planning notebooks of one run share the answers."""


def forecast(plans: Sequence[Plan], read: Sequence[tuple[str, Reads]], concurrency: int) -> list[str]:
    """Lines about a live run of these plans. `read` has for each notebook of the rehearsal its phase, and what it read."""
    calls = [(plan.phase, estimate(plan, concurrency, "live")) for plan in plans]
    reads = [(phase, reading(made, concurrency)) for phase, made in read]
    all_calls, all_reads = (sum((guess for _, guess in guesses), NOTHING) for guesses in (calls, reads))
    times = f"{all_calls.duration}; reading: {all_reads.duration}; decisions come on top:"
    lines = [
        f"A live run of the same plans makes {all_calls.calls:,} changing calls, and reads about {all_reads.calls:,} times.",
        f"At half of AWS's request rates, changing calls: {times}",
    ]
    for phase in dict.fromkeys(phase for phase, _ in [*calls, *reads]):
        changing, asking = (sum((guess for of, guess in guesses if of == phase), NOTHING) for guesses in (calls, reads))
        changed = [f"{counted(changing.calls, 'call')}, {changing.duration}"] if phase in dict(calls) else []
        asked = [f"{asking.calls:,} reads, {asking.duration}"] if asking.calls else []
        lines.append(f"  {phase}: {'; '.join(changed + asked)}")
    # A rehearsal is one run; live, plans and their approved calls are usually runs of their own.
    if again := max((made[OF_MEMBERS] for _, made in read if OF_MEMBERS in made), key=sum, default=None):
        more = reading({OF_MEMBERS: again}, concurrency)
        lines.append(f"Each further run reads again which Regions members opted in to: {more.calls:,} reads, {more.duration}.")
    return lines
