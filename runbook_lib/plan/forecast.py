"""What a rehearsal says about the live run of the same plans: how many calls, and about how long under AWS's limits."""

from collections.abc import Sequence

from runbook_lib.plan import Plan
from runbook_lib.plan.estimate import estimate, span


def forecast(plans: Sequence[Plan], calls: int, concurrency: int) -> list[str]:
    """Lines about a live run of these plans. `calls` are all calls of the rehearsal, reading ones and repetitions included."""
    guesses = [estimate(plan, concurrency, "live") for plan in plans]
    changing = sum(guess.calls for guess in guesses)
    shortest, longest = (span(sum(getattr(guess, name) for guess in guesses)) for name in ("shortest", "longest"))
    lines = [
        f"A live run of the same plans makes {changing:,} changing calls, and reads about {max(calls - changing, 0):,} times.",
        f"At half of AWS's request rates the changing calls take {shortest} to {longest}, reading and decisions apart:",
    ]
    named = zip(plans, guesses, strict=True)
    return lines + [f"  {plan.phase}: {guess.calls:,} calls, {guess.duration}" for plan, guess in named]
