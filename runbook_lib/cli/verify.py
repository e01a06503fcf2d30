"""`runbook evidence verify`: runs, redacted copies and exported events, held against what was sealed."""

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

import click

from runbook_lib.audit.cloudtrail import read_trails
from runbook_lib.audit.verify import Cadence, Verified, verify
from runbook_lib.audit.verify_chain import Anchor
from runbook_lib.audit.verify_copy import verify_copy
from runbook_lib.base.text import counted, visible
from runbook_lib.cli.runs import runs_folder
from runbook_lib.evidence.people.trust import Trust, given_keys, pins_as_they_lie, read_policy
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError
from runbook_lib.evidence.seal.archive import KEYS

_ANCHOR = re.compile(r"(?:((?:rehearsal|live)/[A-Za-z0-9-]+):)?([0-9]{1,18}):([0-9a-f]{64})")


def verify_command(
    runs_named: tuple[str, ...],
    everything: bool,
    live: bool,
    anchors: tuple[str, ...],
    store: Path | None,
    trust: Path | None,
    keys: tuple[Path, ...],
    trails: tuple[Path, ...],
    cadence: str | None,
    begin: dt.datetime | None,
    end: dt.datetime | None,
    runs: str,
) -> int:
    """Hold runs, or redacted copies named by their folder, against their seals."""
    if everything and runs_named:
        raise click.UsageError("name runs, or give --all")
    folder = runs_folder(runs)
    trusted = _trust(trust, keys, folder)
    copies = [Path(each) for each in runs_named if _elsewhere(Path(each), folder)]
    copied = sum([_verify_copy(each, trusted, folder) for each in copies])
    if copies and len(copies) == len(runs_named):
        return 1 if copied else 0
    _refuse_missing(folder)
    seen = verify(
        folder,
        trusted,
        [Path(each).name for each in runs_named if Path(each) not in copies],
        [_anchor(each) for each in anchors],
        "live" if live else "",
        store,
        _cadence(cadence, begin, end),
    )
    _say([*seen.faults, *seen.notes])
    differing = _hold_against_cloudtrail(folder, seen.runs, trails)
    for chain, (number, digest) in sorted(seen.heads.items()):
        click.echo(f"Chain {chain}: number {number}, head digest {digest}")
    click.echo(_outcome(seen, folder, "live" if live else ""))
    return 1 if seen.faults or copied or differing or not seen.held else 2 if _withheld(seen) else 0


def _refuse_missing(folder: Path) -> None:
    """A folder that is not there holds nothing that could be wrong, and is no success for whoever mistyped its name."""
    if not folder.is_dir():
        raise click.ClickException(
            f"{folder}: there is no such folder, so there is nothing to verify; name the folder of runs: --runs"
        )


def _outcome(seen: Verified, folder: Path, mode: str) -> str:
    """The last line: how many runs were held against their seals, and what came of it."""
    under_way = len(seen.runs) - len(seen.held)
    if not seen.held and not seen.faults:
        runs = f"{counted(under_way, 'run')} under way, none sealed" if under_way else f"no {mode + ' ' if mode else ''}run"
        return f"Nothing to verify: {runs} in {folder}"
    more = f", {under_way} more without a seal" if under_way else ""
    lacking = f", {counted(_withheld(seen), 'file')} withheld" if _withheld(seen) else ""
    return f"{counted(len(seen.held), 'run')}: {counted(len(seen.faults), 'fault') if seen.faults else 'verified'}{more}{lacking}"


def _withheld(seen: Verified) -> int:
    return sum(each.kind is Kind.WITHHELD for each in seen.notes)


def _trust(policy: Path | None, keys: tuple[Path, ...], folder: Path) -> Trust:
    if policy and keys:
        raise click.UsageError("give --trust or --key: a trust policy names the runners' keys itself")
    if keys:
        return given_keys(keys)
    return read_policy(policy) if policy else pins_as_they_lie(folder / KEYS)


def _elsewhere(path: Path, folder: Path) -> bool:
    """Whether a path is a folder that lies not among the runs: a copy."""
    return path.is_dir() and path.resolve().parent != folder.resolve()


def _verify_copy(path: Path, trust: Trust, folder: Path) -> int:
    """Say what is to be said of a redacted copy; the number of its faults."""
    seen = verify_copy(path.resolve(), trust, folder)
    _say(seen.faults)
    if seen.seal is not None:
        about = f"a REDACTED COPY of {seen.seal.run}, whose seal has digest {seen.seal.original}; made {seen.seal.when}"
        click.echo(f"{path}: {visible(about)}")
    click.echo(f"{path}: {counted(len(seen.faults), 'fault') if seen.faults else 'verified'}")
    return len(seen.faults)


def _say(faults: Iterable[Fault]) -> None:
    for fault in faults:
        click.echo(str(fault))


def _cadence(every: str | None, begin: dt.datetime | None, end: dt.datetime | None) -> Cadence | None:
    if every is None:
        if begin or end:
            raise click.UsageError("--from and --to belong to --cadence")
        return None
    if (match := re.fullmatch(r"([1-9][0-9]{0,4})([hd])", every)) is None:
        raise click.BadParameter(f"{every}: hours or days are expected, for example 24h or 7d", param_hint="--cadence")
    hours = int(match.group(1)) * (24 if match.group(2) == "d" else 1)
    first = begin.replace(tzinfo=dt.UTC) if begin else None
    return Cadence(dt.timedelta(hours=hours), end.replace(tzinfo=dt.UTC) if end else dt.datetime.now(dt.UTC), first)


def _anchor(text: str) -> Anchor:
    if (match := _ANCHOR.fullmatch(text)) is None:
        what = "NUMBER:DIGEST is expected: the number and the head digest of a chain"
        raise click.BadParameter(f"{text}: {what}", param_hint="--anchor")
    return Anchor(int(match.group(2)), match.group(3), match.group(1) or "")


def _hold_against_cloudtrail(folder: Path, runs: Iterable[str], trails: tuple[Path, ...]) -> int:
    """Say how the journals of runs and the exported events differ; the number of differences."""
    from runbook_lib.audit.against_cloudtrail import against  # noqa: PLC0415 AWS's clients with it, for few

    events = read_trails(trails)
    found = 0
    for name in runs if trails else ():
        try:
            seen = against(RunFolder.open(folder / name), events)
        except RunFolderError as error:
            click.echo(f"{name}: not compared with CloudTrail: {error}")
            found += 1
            continue
        _say(seen.faults)
        click.echo(f"{name}: {seen.joined} of {seen.calls} journaled calls are in CloudTrail, {len(seen.faults)} differences")
        found += len(seen.faults)
    return found
