"""Moments as people read them: rounded to the minute, in UTC, and in the reader's own time beside it."""

import datetime as dt


def moment_words(said: str | dt.datetime, zone: dt.tzinfo | None = None) -> str:
    """A moment such as "2026-11-28 19:50 UTC (20:50 CET)"; a text that is no moment stays as it is.

    `zone` is this machine's unless given. Where it is at UTC then, nothing is added; another day there is named.
    """
    try:
        moment = dt.datetime.fromisoformat(said) if isinstance(said, str) else said
        utc, local = moment.astimezone(dt.UTC), moment.astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return str(said)
    shown = f"{utc:%Y-%m-%d %H:%M} UTC"
    if not local.utcoffset():
        return shown
    day = f"{local:%Y-%m-%d} " if local.date() != utc.date() else ""
    return f"{shown} ({day}{local:%H:%M %Z})"
