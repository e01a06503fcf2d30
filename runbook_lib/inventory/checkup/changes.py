"""Whether the calls that settings may lead to would be allowed, as IAM's simulation expects: an opinion, where a read is a proof.

The simulation sees identity policies, permissions boundaries and service control policies with their conditions. It sees no
resource control policy, no session policy and no policy of a VPC endpoint [docs: SimulatePrincipalPolicy].
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.callers import Card
from runbook_lib.aws.denials import Denial
from runbook_lib.aws.endpoints import sts_region
from runbook_lib.aws.errors import CallFailed, denied
from runbook_lib.aws.reader import Reader
from runbook_lib.inventory.checkup import Finding, Verdict, in_regions
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.permissions import CHANGING, DELEGATED, MANAGEMENT, READING, Names, Statement, statements
from runbook_lib.services.registry import action_name, by_name, signed_by, specs
from runbook_lib.settings import Settings

AREA, READS_AREA = "changes", "reads"
SIMULATE = "iam:SimulatePrincipalPolicy"
READS = frozenset({SIMULATE, "iam:GetRole"})
REGION = "aws:RequestedRegion"
ORGANIZATION, IDENTITY = "service control policy", "identity-based policy"
CHANGES = frozenset(action_name(*call.split(":")) for service in SERVICES for call in service.mutations)
"""The calls that change something, as IAM names them; the other actions are what these need besides."""
SHOWN = 6
"""At most so many actions are named in a line."""


@dataclass(frozen=True)
class Question:
    """Actions that are asked for in one Region, with what a policy may look at."""

    region: str
    actions: tuple[str, ...]
    resource: str = "*"
    context: tuple[tuple[str, str], ...] = ()


Answers = Mapping[tuple[str, str], "Denial | str"]
"""Action, Region → the policy that denies it; else "" where it is expected to be allowed, or what of a request decides it."""


def findings(
    settings: Settings, reader: Reader, cards: Mapping[str, object], proved: Mapping[str, Set[str]] | None = None
) -> Iterator[Finding]:
    """What to expect of each door that is open. Never fails: what cannot be asked is unknown.

    `proved`: account → the reads that it has answered; where it is given, the other reads are asked about too.
    """
    told, region = settings.organization, sts_region(settings)
    known: dict[str, Answers] = {}
    for name, account in ((MANAGEMENT, told.management_account), (DELEGATED, told.delegated_account)):
        card, door = cards.get(account), getattr(settings.access, name)
        if not isinstance(card, Card):
            continue
        where = f"{name} {account}"
        try:
            source = door.role_arn or _source(card, region, reader)
            asked = questions(settings, name, without=proved.get(account, frozenset()) if proved is not None else None)
            answers = _asked(asked, source, account, region, reader)
        except CallFailed as failure:
            yield _unasked(where, failure)
            continue
        reads = {key: answer for key, answer in answers.items() if key[0] in _reads(settings, name)}
        known[name] = {key: answer for key, answer in answers.items() if key not in reads}
        yield from _told(where, known[name])
        yield from _expected(READS_AREA, where, reads)
    dead = _dead(known[DELEGATED]) & _designating(known[MANAGEMENT]) if len(known) > 1 else set()
    if dead:
        yield Finding(
            AREA,
            Verdict.FAIL,
            f"management {told.management_account}: may designate in {in_regions(sorted(dead))}, where the administrator may "
            "change nothing: service control policies do not bind the management account",
            "Leave the Region out of the services' regions until the delegated account may act there.",
        )


def _designating(answers: Answers) -> set[str]:
    """The Regions in which a designation is expected to be allowed."""
    calls = {action_name(spec.name, spec.designation.enable_operation) for spec in specs() if spec.designation}
    return {region for (action, region), answer in answers.items() if action in calls and answer == ""}


def _dead(answers: Answers) -> set[str]:
    """The Regions in which a policy that is not the role's own denies every change."""
    regions = {region for action, region in answers if action in CHANGES}
    open_ = {region for (action, region), answer in answers.items() if action in CHANGES and not _by_others(answer)}
    return regions - open_


def _by_others(answer: "Denial | str") -> bool:
    return isinstance(answer, Denial) and answer.policy == ORGANIZATION


def _reads(settings: Settings, account: str) -> frozenset[str]:
    """What the roles that only read may do in an account, and is asked of no resource by name."""
    reading = READING[account][0]
    plain = (each for each in statements(Names.of(settings)) if reading in each.roles and each.resources == ("*",))
    return frozenset(action for each in plain for action in each.actions)


def questions(settings: Settings, account: str, without: Set[str] | None = None) -> list[Question]:
    """Every change that plans of these settings may make from an account, Region by Region; what has conditions apart.

    `without`: the reads too, but for these; None: no reads.
    """
    reads = _reads(settings, account) - without if without is not None else frozenset()
    found: dict[str, list[str]] = defaultdict(list)
    apart: list[Question] = []
    home, sections = sts_region(settings), settings.sections()
    for each in statements(Names.of(settings)):
        changes = set(each.roles) & set(CHANGING[account]) and set(each.roles) <= {*CHANGING[MANAGEMENT], *CHANGING[DELEGATED]}
        if not changes and not reads.intersection(each.actions):
            continue
        if each.condition or each.resources != ("*",):
            apart += _narrow(each, home, _account(settings, account))
            continue
        for action in each.actions if changes else sorted(reads.intersection(each.actions)):
            prefix = action.partition(":")[0]
            section = sections.get(signed_by().get(prefix, prefix))
            for region in section.regions if section else [home]:
                if section is None or by_name()[signed_by().get(prefix, prefix)].exists_in(region):
                    found[region].append(action)
    return [*(Question(region, tuple(sorted(actions))) for region, actions in sorted(found.items())), *apart]


def _account(settings: Settings, name: str) -> str:
    told = settings.organization
    return told.management_account if name == MANAGEMENT else told.delegated_account


def _narrow(statement: Statement, region: str, account: str) -> Iterator[Question]:
    """One question for each value of the condition, about the resource that goes with it."""
    for key, values in statement.condition.items():
        for value in values:
            fitting = [each for each in statement.resources if value in each] or list(statement.resources)
            resource = fitting[0].replace("::*:", f"::{account}:")
            resource = f"{resource[:-1]}AWSServiceRole" if resource.endswith("/*") else resource
            yield Question(region, statement.actions, resource, ((key, value),))


def _source(card: Card, region: str, reader: Reader) -> str:
    """The user or role whose policies are asked about: of a session only IAM knows the role's path."""
    _, _, rest = card.arn.partition(":assumed-role/")
    if not rest:
        return card.arn
    answer = reader.read("iam", "GetRole", card.account, region, RoleName=rest.split("/")[0])
    return str(answer["Role"]["Arn"])


def _asked(
    asked: Sequence[Question], source: str, account: str, region: str, reader: Reader
) -> dict[tuple[str, str], Denial | str]:
    """Ask one question after the other: nobody knows how many IAM answers in a second. Raises CallFailed."""
    found: dict[tuple[str, str], Denial | str] = {}
    for each in asked:
        context = [
            {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [value]}
            for key, value in ((REGION, each.region), *each.context)
        ]
        pages = reader.pages(
            "iam",
            "SimulatePrincipalPolicy",
            account,
            region,
            PolicySourceArn=source,
            ActionNames=list(each.actions),
            ResourceArns=[each.resource],
            ContextEntries=context,
        )
        about = ", ".join(value for _, value in each.context)
        for result in (one for page in pages for one in page["EvaluationResults"]):
            action = result["EvalActionName"] + (f" ({about})" if about else "")
            found[action, each.region] = _verdict(result)
    return found


def _verdict(result: Mapping[str, Any]) -> Denial | str:
    """An older partition answers once for each resource; there was one [model, before 2026]."""
    decision, action = result["EvalDecision"], result["EvalActionName"]
    if decision == "allowed":
        return ""
    if missing := result.get("MissingContextValues"):
        return f"it depends on {', '.join(sorted(missing))}"
    organization = (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations", True)
    boundary = (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary", True)
    kind = ORGANIZATION if not organization else "permissions boundary" if not boundary else IDENTITY
    return Denial(action, kind, decision == "explicitDeny")


def _unasked(where: str, failure: CallFailed) -> Finding:
    """Whoever may not ask knows no less than before: the change itself will show it."""
    why = "this door may not ask" if denied(failure) else f"could not be asked ({failure.code})"
    step = f"Allow {SIMULATE} on the door's own role to whoever checks, or see when changes are made."
    return Finding(AREA, Verdict.UNKNOWN, f"{where}: whether changes are allowed: {why}", step)


Keys = set[tuple[str, str]]


def _sorted(answers: Answers) -> tuple[Keys, dict[tuple[str, bool], Keys], dict[str, Keys]]:
    """What is expected to be allowed; refused, by policy; and undecided, by what decides it."""
    allowed = {key for key, answer in answers.items() if answer == ""}
    refused: dict[tuple[str, bool], Keys] = defaultdict(set)
    depends: dict[str, Keys] = defaultdict(set)
    for key, answer in answers.items():
        if isinstance(answer, Denial):
            refused[answer.policy, answer.explicit].add(key)
        elif answer:
            depends[answer].add(key)
    return allowed, refused, depends


def _told(where: str, answers: Answers) -> Iterator[Finding]:
    """A line for what is expected to be allowed, one for each policy that denies, one for what only a request decides."""
    allowed, refused, depends = _sorted(answers)
    if not any(action in CHANGES for action, _ in allowed) and not depends and set(refused) == {(IDENTITY, False)}:
        yield Finding(AREA, Verdict.PASS, f"{where}: none is allowed: plans can be made through this door, and nothing applied")
        return
    yield from _expected(AREA, where, answers)


def _expected(area: str, where: str, answers: Answers) -> Iterator[Finding]:
    allowed, refused, depends = _sorted(answers)
    if allowed:
        yield Finding(area, Verdict.PASS, f"{where}: {len(_actions(allowed))} expected to be allowed in {_where(allowed)}")
    for (policy, explicit), keys in sorted(refused.items()):
        denial = Denial(", ".join(_actions(keys)[:1]), policy, explicit)
        step = denial.next_step if len(_actions(keys)) == 1 else f"Have {denial.owner} let the {policy} allow them."
        yield Finding(area, Verdict.FAIL, f"{where}: {_named(keys)} in {_where(keys)}: {denial.words}, IAM's simulation says", step)
    for why, keys in sorted(depends.items()):
        step = "Read that policy's condition: the simulation is not told so much of a request."
        yield Finding(area, Verdict.UNKNOWN, f"{where}: {_named(keys)} in {_where(keys)}: {why}", step)


def _actions(keys: Iterable[tuple[str, str]]) -> list[str]:
    return sorted({action for action, _ in keys})


def _named(keys: Iterable[tuple[str, str]]) -> str:
    found = _actions(keys)
    more = len(found) - SHOWN
    return ", ".join(found[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _where(keys: Iterable[tuple[str, str]]) -> str:
    return in_regions(sorted({region for _, region in keys}))
