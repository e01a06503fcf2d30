"""What is around a service that is left: policies that would refuse its calls, and findings that are open when nobody looks.

Read beside what a way out reads of the service itself, and said to whoever decides. Only a certain refusal stands in the way.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import few_or_count
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.services.departure import Ground, Level
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.registry import action_name, by_name, sentence
from runbook_lib.services.response.names import HUB
from runbook_lib.services.view import View

POLICIES, OPEN = "service control policies", "open findings"
SCP = "SERVICE_CONTROL_POLICY"
READS = frozenset(
    {
        "organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:ListPoliciesForTarget",
        f"{HUB}:GetFindings",
    }
)  # fmt: skip
SEVERE = ("CRITICAL", "HIGH")
PAGE, MOST_PAGES = 100, 5
"""Findings of a page [model], and pages that are counted at most in a Region."""


@dataclass(frozen=True)
class Refusal:
    """What service control policies keep from accounts: one of them denies calls of a way out, or at one place none allows them."""

    said: str
    """Which policies, up to the verb."""
    actions: frozenset[str]
    """Those of the calls, as IAM names them."""
    targets: frozenset[str]
    """Root, units and accounts below which it is so."""
    unless: str = ""
    """What it depends on, which is not judged here; empty where it is so on every resource and without a condition."""

    def binds(self, ground: Ground[Any]) -> frozenset[str]:
        """The accounts that it binds: never the management account [docs]."""
        accounts = ground.view.organization.accounts
        return frozenset(
            each.id for each in accounts.values() if self.targets & {each.id, *each.organizational_units}
        ) - {ground.view.management}  # fmt: skip


@dataclass(frozen=True)
class Guardrail:
    """A service control policy of the organization's own, as far as it is about calls of a way out."""

    name: str
    targets: frozenset[str]
    said: Mapping[tuple[str, bool], frozenset[str]]
    """Effect, and whether on every resource and without a condition → the calls."""

    def of(self, effect: str, *, always: bool) -> frozenset[str]:
        return self.said.get((effect, always), frozenset())


def actions_of(levels: Iterable[Level[Any]]) -> frozenset[str]:
    """The calls of levels that a service control policy can refuse, as IAM names them."""
    return frozenset(action_name(*each.split(":")) for level in levels if level.stage != "management" for each in level.operations)


def read_refusals(actions: frozenset[str], inside: bool, view: View, reader: Reader) -> tuple[Refusal, ...]:
    """What the organization's own policies refuse of these calls. What AWS gives every organization denies nothing.

    `inside`: whether calls are made in members too, so that what is attached to each of them matters.
    """
    listed = _organizations("ListPolicies", "Policies", view, reader, Filter=SCP)
    own = [each for each in listed if not each.get("AwsManaged")]
    found = reader.parallel([partial(_guardrail, actions, each["Id"], each["Name"], view, reader) for each in own])
    return (*_denials(found), *_unallowed(actions, inside, found, view, reader))


def _organizations(operation: str, key: str, view: View, reader: Reader, **parameters: Any) -> list[dict[str, Any]]:
    pages = reader.pages("organizations", operation, view.management, min(view.organization.enabled_regions), **parameters)
    return [each for page in pages for each in page.get(key) or ()]


def _guardrail(actions: frozenset[str], policy: str, name: str, view: View, reader: Reader) -> Guardrail:
    region = min(view.organization.enabled_regions)
    content = reader.read("organizations", "DescribePolicy", view.management, region, PolicyId=policy)["Policy"]["Content"]
    said: dict[tuple[str, bool], frozenset[str]] = {}
    for each in _listed(json.loads(content).get("Statement")):
        kind = (str(each.get("Effect")), "Condition" not in each and "*" in _listed(each.get("Resource")))
        said[kind] = said.get(kind, frozenset()) | about(each, actions)
    targets = _organizations("ListTargetsForPolicy", "Targets", view, reader, PolicyId=policy)
    return Guardrail(name, frozenset(str(each["TargetId"]) for each in targets), said)


def _denials(found: Iterable[Guardrail]) -> Iterator[Refusal]:
    for each in found:
        for always, unless in ((True, ""), (False, ", under a condition or on some resources, which is not judged here")):
            if denied := each.of("Deny", always=always):
                yield Refusal(f"service control policy {each.name} denies", denied, each.targets, unless)


def _unallowed(actions: frozenset[str], inside: bool, found: Sequence[Guardrail], view: View, reader: Reader) -> Iterator[Refusal]:
    """Allow lists: where FullAWSAccess is detached, the organization's own policies have to allow a call, at every level [docs].

    Asked about are the places that matter, where it is not certain without.
    """
    places: dict[str, list[Guardrail]] = {}
    for each in found:
        for target in each.targets:
            places.setdefault(target, []).append(each)
    lacking = {
        target: actions.difference(*(each.of("Allow", always=True) for each in there)) for target, there in sorted(places.items())
        if inside or target == view.delegated or not target.isdecimal()
    }  # fmt: skip
    asked = [target for target, calls in lacking.items() if calls]
    attached = reader.parallel(
        [partial(_organizations, "ListPoliciesForTarget", "Policies", view, reader, TargetId=each, Filter=SCP) for each in asked]
    )
    for target, policies in zip(asked, attached, strict=True):
        if any(each.get("AwsManaged") for each in policies):
            continue
        perhaps = frozenset[str]().union(*(each.of("Allow", always=False) for each in places[target]))
        said = f"no service control policy of {target} ({sentence(tuple(sorted(each.name for each in places[target])))}) allows"
        for calls, unless in (
            (lacking[target] - perhaps, ""),
            (lacking[target] & perhaps, " but under a condition or on some resources, which is not judged here"),
        ):
            if calls:
                yield Refusal(said, calls, frozenset({target}), unless)


def about(statement: Mapping[str, Any], actions: frozenset[str]) -> frozenset[str]:
    """Of these actions, those that a statement is about; names of actions know no case [docs]."""
    named = [str(each).lower() for each in _listed(statement.get("Action"))]
    spared = [str(each).lower() for each in _listed(statement.get("NotAction"))]
    return frozenset(
        each for each in actions
        if any(fnmatchcase(each.lower(), one) for one in named)
        or ("NotAction" in statement and not any(fnmatchcase(each.lower(), one) for one in spared))
    )  # fmt: skip


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def refused(level: Level[Any], ground: Ground[Any]) -> Bar | None:
    """Why the delegated account would be refused, where that is certain: nothing is called that cannot succeed."""
    found = ground.further.get(POLICIES)
    if level.stage != "delegated" or not isinstance(found, Known):
        return None
    mine = actions_of([level])
    for each in found.value:
        if not each.unless and (calls := each.actions & mine) and ground.delegated in each.binds(ground):
            return Bar(
                f"{each.said} the delegated account {sentence(tuple(sorted(calls)))}",
                "Let the policies spare the delegated account for as long as this level takes; this runbook changes no policy.",
            )
    return None


def told_of_refusals(found: tuple[Refusal, ...], ground: Ground[Any]) -> Iterator[str]:
    """Everything that service control policies refuse of the way out, and to whom."""
    for each in found:
        if accounts := each.binds(ground):
            yield f"{each.said} {sentence(tuple(sorted(each.actions)))} in {few_or_count(accounts)}{each.unless}"


Counted = tuple[Mapping[str, int], bool]
"""Severity → open findings, and whether there are more than were counted."""


def read_open(product: str, view: View, reader: Reader) -> Mapping[str, Observation[Counted | None]]:
    """Region → the severe findings nobody has settled, as the delegated account sees them; None where Security Hub is off.

    `product`: the end of its ARN as a product; "" for those of all products.
    """
    regions = view.population.regions
    return dict(zip(regions, reader.parallel([partial(_open, product, each, view, reader) for each in regions]), strict=True))


def _open(product: str, region: str, view: View, reader: Reader) -> Observation[Counted | None]:
    def equal(*values: str) -> list[dict[str, str]]:
        return [{"Value": each, "Comparison": "EQUALS"} for each in values]

    filters = {
        "Region": equal(region), "RecordState": equal("ACTIVE"), "WorkflowStatus": equal("NEW", "NOTIFIED"),
        "SeverityLabel": equal(*SEVERE),
    }  # fmt: skip
    if product:
        filters["ProductArn"] = equal(f"arn:{view.organization.partition}:{HUB}:{region}::product/{product}")
    try:
        pages = reader.pages(HUB, "GetFindings", view.delegated, region, Filters=filters, MaxResults=PAGE)
        read = list(islice(pages, MOST_PAGES + 1))
    except CallFailed as error:
        return Known(None) if error.code == "InvalidAccessException" else unread(error)
    found = [each for page in read[:MOST_PAGES] for each in page.get("Findings") or ()]
    return Known((Counter(str(each["Severity"]["Label"]) for each in found), len(read) > MOST_PAGES))


def told_of_open(found: Mapping[str, Observation[Counted | None]], ground: Ground[Any]) -> Iterator[str]:
    """How many are open where; that none are, nobody needs to read."""
    for region, seen in sorted(found.items()):
        if isinstance(seen, Unknown):
            yield f"open findings in {region} could not be read: {seen.reason}"
        elif not isinstance(seen, Known) or seen.value is None:
            yield f"open findings in {region} were not counted: {by_name()[HUB].title} is off there in the delegated account"
        elif any(seen.value[0].values()):
            counts, more = seen.value
            said = sentence(tuple(f"{counts[each]} {each}" for each in SEVERE if counts.get(each)))
            least = "at least " if more else ""
            open_ = f"{least}{said} findings of {ground.spec.title} are open in {region}"
            yield f"{open_}: those of dissociated accounts are not seen from here"
