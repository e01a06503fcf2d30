"""Every read that plans are made from, made once: which are answered, which a policy denies and whose, which endpoints are not met.

A read that is answered proves its permission; nothing harmless proves a writing one.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.aws.denials import denial
from runbook_lib.aws.errors import DENIED, UNREACHABLE, CallFailed
from runbook_lib.base.errors import RunbookError
from runbook_lib.inventory.checkup import Finding, Verdict, in_regions
from runbook_lib.runbook import Runbook, managed
from runbook_lib.services.implementations import service_named
from runbook_lib.services.registry import action_name
from runbook_lib.services.remarks import Contradicted, Remark

PERMISSIONS, NETWORK, SETTINGS = "permissions", "network", "settings"


@dataclass
class Heard:
    """What became of reads: account → action → Region → the last failure, or None for an answer."""

    asked: dict[str, dict[str, dict[str, CallFailed | None]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, answer: Any, service: str, operation: str, account: str, region: str, _: Any = None) -> None:
        """Take up the answer to a read, or its failure: any answer proves a permission, a denial outlasts other failures."""
        with self._lock:
            regions = self.asked[account][action_name(service, operation)]
            if not isinstance(answer, CallFailed):
                regions[region] = None
            elif region not in regions or _weaker(regions[region], answer):
                regions[region] = answer


def _weaker(before: CallFailed | None, after: CallFailed) -> bool:
    """Whether what was heard before says less of a permission than what is heard now."""
    return before is not None and before.code not in DENIED and after.code in DENIED


def made(runbook: Runbook, heard: Heard) -> Iterator[Finding]:
    """Read everything that plans would be made from; what AWS contradicts of settings. `heard` fills meanwhile."""
    runbook.access.on_answer = heard.keep
    services = [service_named(phase.service) for phase in managed(runbook.settings) if phase.plans]
    try:
        _, remarks = runbook.observer.preflight(services)
        runbook.observer.look(services)
    except Contradicted as contradicted:
        yield from (_remark(each) for each in contradicted.remarks)
    except RunbookError as error:
        yield Finding(SETTINGS, Verdict.UNKNOWN, f"could not be compared with AWS: {error}", error.advice)
    else:
        yield Finding(SETTINGS, Verdict.PASS, "AWS contradicts nothing in them")
        yield from (Finding(SETTINGS, Verdict.PASS, f"{each.severity}: {each}") for each in remarks)


def _remark(remark: Remark) -> Finding:
    return Finding(SETTINGS, Verdict.FAIL, f"{remark}", "Correct it in the settings.")


def findings(heard: Heard, names: Mapping[str, str]) -> Iterator[Finding]:
    """A line for the reads that an account answered, and one for each action that it refused; one for the network, or more.

    `names`: account → what to call its door.
    """
    asked = {account: {action: dict(regions) for action, regions in actions.items()} for account, actions in heard.asked.items()}
    for account, actions in sorted(asked.items(), key=lambda each: list(names).index(each[0]) if each[0] in names else len(names)):
        yield from _of_account(f"{names.get(account, 'members')} {account}", actions)
    yield from _network(asked)


def _of_account(where: str, actions: Mapping[str, Mapping[str, CallFailed | None]]) -> Iterator[Finding]:
    proved = sorted(action for action, regions in actions.items() if None in regions.values())
    regions = {region for action in proved for region, failure in actions[action].items() if failure is None}
    if proved:
        yield Finding(PERMISSIONS, Verdict.PASS, f"{where}: {_count(proved, 'read')} proved in {_count(regions, 'Region')}")
    for action, answers in sorted(actions.items()):
        refused: dict[tuple[str, str], list[str]] = defaultdict(list)
        for region, failure in sorted(answers.items()):
            if failure is not None and failure.code in DENIED:
                refused[_why(action, failure)].append(region)
        for (why, step), denied_in in refused.items():
            verdict = Verdict.FAIL if step.startswith("Have ") else Verdict.UNKNOWN
            yield Finding(PERMISSIONS, verdict, f"{where}: {action} in {in_regions(denied_in)}: {why}", step)


def _why(action: str, failure: CallFailed) -> tuple[str, str]:
    """Why a read is refused, and what to do: IAM names the kind of policy, a service that it is not ours to ask does not."""
    found = denial(failure.message)
    if found is None:
        return f"refused ({failure.code}: {failure.message})", f"Find out whether a policy or the service refuses {action}."
    return found.words, found.next_step


def _network(asked: Mapping[str, Mapping[str, Mapping[str, CallFailed | None]]]) -> Iterator[Finding]:
    """Any answer, a refusal included, shows that an endpoint is met."""
    met: set[tuple[str, str]] = set()
    unmet: dict[tuple[str, str], CallFailed] = {}
    for actions in asked.values():
        for answers in actions.values():
            for region, failure in answers.items():
                if failure is None or failure.status:
                    met.add((failure.service if failure else "", region))
                elif failure.code in UNREACHABLE:
                    unmet[failure.service, region] = failure
    if met:
        regions = {region for _, region in met}
        yield Finding(NETWORK, Verdict.PASS, f"AWS answers in {_count(regions, 'Region')}: {in_regions(sorted(regions))}")
    for (service, region), failure in sorted(unmet.items()):
        yield Finding(
            NETWORK,
            Verdict.FAIL,
            f"{service} in {region} was not reached: {failure.code}: {failure.message}",
            "Let this machine's firewall, proxy and DNS lead to that endpoint.",
        )
    if not met and not unmet:
        yield Finding(NETWORK, Verdict.UNKNOWN, "no endpoint but STS was asked", "Open a door first.")


def _count(found: list[str] | set[str], noun: str) -> str:
    return f"{len(found)} {noun}{'' if len(found) == 1 else 's'}"
