"""What the prerequisites need to know and the Organization value does not already say. Reads only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runbook_lib.aws.endpoints import sts_region
from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.recording import READS as RECORDING
from runbook_lib.services.recording import Recording, read_recording
from runbook_lib.services.registry import by_name, specs
from runbook_lib.services.view import View
from runbook_lib.settings import Settings

READS = frozenset(
    {
        "iam:GetRole",
        "organizations:ListPolicies",
        *RECORDING,
        *(f"{spec.name}:{spec.probe.operation}" for spec in specs()),
        *(
            f"{spec.name}:{spec.designation.list_operation}"
            for spec in specs()
            if spec.designation and spec.designation.list_operation
        ),
        *(f"{spec.name}:{spec.central.operation}" for spec in specs() if spec.central),
    }
)


@dataclass(frozen=True)
class State:
    """Facts by (service, Region), (account, role) or (account, Region); each known, or the reason why not."""

    administrators: Mapping[tuple[str, str], Observation[frozenset[str]]]
    usable: Mapping[tuple[str, str], Observation[bool]]
    """Whether the delegated account may read the service in the Region at all."""
    central: Mapping[tuple[str, str], Observation[str]]
    """(service, Region) → configuration type and status, where a service can be configured centrally and is administered by us."""
    policies: Mapping[str, Observation[int]]
    """Service → how many Organizations policies of its type exist; only services that have such policies."""
    roles: Mapping[tuple[str, str], Observation[bool]]
    recorders: Mapping[str, Observation[bool]]
    """Region → whether AWS Config records in the delegated account."""
    recording: Recording = field(default_factory=Recording)
    """Where AWS Config records in the other accounts."""


def managed(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """The services that settings manage, in the runbook's order, with those of their Regions in which there is such a service."""
    asked = ((by_name()[name], section.regions) for name, section in settings.sections().items())
    there = {spec.name: tuple(region for region in sorted(regions) if spec.exists_in(region)) for spec, regions in asked}
    return {name: regions for name, regions in there.items() if regions}


def first_region(settings: Settings) -> str:
    """The Region from which Organizations and IAM are asked: whether a service is in it does not matter."""
    named = (region for section in settings.sections().values() for region in section.regions)
    return min(named, default=sts_region(settings))


def observe(view: View, reader: Reader) -> State:
    """Read everything, side by side; a failed read is an Unknown in its own place."""
    services = managed(view.settings)
    places = [(service, region) for service, regions in services.items() for region in regions]
    designating = [place for place in places if (listed := by_name()[place[0]].designation) and listed.list_operation]
    accounts = (view.management, view.delegated)
    roles = [(account, role) for account in accounts for service in services for role in by_name()[service].roles]
    governed = [service for service in services if by_name()[service].policy_type]
    evaluated = sorted({region for service, region in places if by_name()[service].evaluates_by_config})
    home = first_region(view.settings)
    management, delegated = accounts
    groups: list[list[Callable[[], Any]]] = [
        [partial(_administrators, reader, management, *place) for place in designating],
        [partial(_usable, reader, delegated, *place) for place in places],
        [partial(_policies, reader, management, home, by_name()[service].policy_type) for service in governed],
        [partial(_role, reader, account, home, role) for account, role in roles],
        [partial(read_recording, view, reader, evaluated)],
    ]
    answers = iter(reader.parallel([job for group in groups for job in group]))
    administrators, usable, policies, linked, recorded = ([next(answers) for _ in group] for group in groups)
    recording = recorded[0]
    found = dict(zip(designating, administrators, strict=True))
    ours = Known(frozenset({delegated}))
    here = [(service, region) for service, region in places if by_name()[service].central and found.get((service, region)) == ours]
    central = reader.parallel(partial(_central, reader, delegated, *place) for place in here)
    return State(
        administrators=found,
        usable=dict(zip(places, usable, strict=True)),
        central=dict(zip(here, central, strict=True)),
        policies=dict(zip(governed, policies, strict=True)),
        roles=dict(zip(roles, linked, strict=True)),
        recorders={region: recording.own[region][delegated] for region in evaluated},
        recording=recording,
    )


def _administrators(reader: Reader, account: str, service: str, region: str) -> Observation[frozenset[str]]:
    listed = by_name()[service].designation
    assert listed is not None
    try:
        pages = list(reader.pages(service, listed.list_operation, account, region))
    except CallFailed as error:
        return unread(error)
    return Known(frozenset(str(each[listed.account_field]) for page in pages for each in page.get(listed.list_key, ())))


def _usable(reader: Reader, account: str, service: str, region: str) -> Observation[bool]:
    probe = by_name()[service].probe
    try:
        reader.read(service, probe.operation, account, region, **probe.asked_by(account))
    except CallFailed as error:
        # The service was reached and allowed, and is merely off.
        if probe.answers_that_it_is_off(error.code, error.message):
            return Known(value=True)
        return unread(error)
    return Known(value=True)


def _central(reader: Reader, account: str, service: str, region: str) -> Observation[str]:
    central = by_name()[service].central
    assert central is not None
    try:
        answer = reader.read(service, central.operation, account, region)
    except CallFailed as error:
        return unread(error)
    found = answer.get(central.key) or {}
    return Known(f"{found.get(central.kind_field, central.local)} {found.get(central.status_field, central.enabled)}")


def _policies(reader: Reader, account: str, region: str, policy_type: str) -> Observation[int]:
    try:
        pages = list(reader.pages("organizations", "ListPolicies", account, region, Filter=policy_type))
    except CallFailed as error:
        return unread(error)
    return Known(sum(len(page.get("Policies", ())) for page in pages))


def _role(reader: Reader, account: str, region: str, role: str) -> Observation[bool]:
    try:
        reader.read("iam", "GetRole", account, region, RoleName=role)
    except CallFailed as error:
        return Known(value=False) if error.code == "NoSuchEntity" else unread(error)
    return Known(value=True)
