"""Analyzers: made, read, changed and deleted by the account that owns them, one Region at a time."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations import service_roles
from runbook_lib.rehearsal.operations.accessanalyzer import texts
from runbook_lib.rehearsal.operations.accessanalyzer.configuration import checked, defaults
from runbook_lib.rehearsal.operations.accessanalyzer.state import (
    PRINCIPAL,
    QUOTAS,
    SERVICE_ROLE,
    Analyzer,
    arn_of,
    own,
    paged,
    require_organization,
    state_of,
    status_of,
)
from runbook_lib.rehearsal.permissions import require_service_linked_role
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World, current, settled

CREATION = "access analyzer creation"
"""Variant: whether an organization's analyzer gets its roles in the members, "succeeds" or "fails" (FAILED, with the reason)."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
LONGEST_NAME = 255


@operation("accessanalyzer", "CreateAnalyzer")
def create_analyzer(
    call: Call,
    analyzerName: str,
    type: str,  # noqa: A002 the model's name
    archiveRules: Sequence[Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
    clientToken: str | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make an analyzer: CREATING, then ACTIVE after polls. The same name again is a conflict, one too many a quota [model]."""
    if len(analyzerName) > LONGEST_NAME or not NAME.fullmatch(analyzerName):
        raise texts.bad_field("analyzerName", f"Member must satisfy regular expression pattern: {NAME.pattern}")
    of_organization = type.startswith("ORGANIZATION")
    wanted = {**defaults(type), **checked(configuration, type, call.account)}
    if of_organization:
        require_organization(call)
    here = state_of(call.world).of(call.account, call.region)
    if (same := here.get(analyzerName)) is not None:
        if clientToken and clientToken == same.token:
            return {"arn": arn_of(call.world, same)}
        raise texts.conflict(texts.NAME_TAKEN.format(name=analyzerName), analyzerName)
    _require_quota(call, type)
    require_service_linked_role(call, PRINCIPAL, texts.denied(texts.NO_SERVICE_ROLE))
    fails = of_organization and call.world.variants.get(CREATION, "succeeds") == "fails"
    status = call.world.settling("CREATING", "FAILED" if fails else "ACTIVE", "accessanalyzer", call.account)
    made = Analyzer(call.account, call.region, analyzerName, type, status, call.world.now(), token=clientToken)
    made.reason = "SERVICE_LINKED_ROLE_CREATION_FAILED" if fails else ""
    made.configuration, made.tags = wanted, dict(tags or {})
    here[analyzerName] = made
    _give_roles(call.world, made, with_members=of_organization and not fails)
    return {"arn": arn_of(call.world, made)}


def _require_quota(call: Call, kind: str) -> None:
    """Those that services manage do not count (assumed)."""
    found = [each for each in state_of(call.world).in_region(call.region) if each.kind == kind and not each.managed_by]
    if not kind.startswith("ORGANIZATION"):
        found = [each for each in found if each.account == call.account]
    if len(found) >= QUOTAS[kind]:
        raise texts.quota(kind, QUOTAS[kind])


def _give_roles(world: World, made: Analyzer, *, with_members: bool) -> None:
    service_roles.give(world, made.account, SERVICE_ROLE)
    for each in world.organization.accounts.values() if with_members else ():
        if each.state == "ACTIVE":
            service_roles.give(world, each.id, SERVICE_ROLE)


@operation("accessanalyzer", "ListAnalyzers")
def list_analyzers(
    call: Call,
    nextToken: str | None = None,
    maxResults: int | None = None,
    type: str | None = None,  # noqa: A002 the model's name
) -> dict[str, Any]:
    """The own account's analyzers in this Region, without their configuration [model]; statuses settle by being read."""
    here = [each for each in state_of(call.world).of(call.account, call.region).values() if type in (None, each.kind)]
    found, token = paged(here, nextToken, maxResults)
    return {"analyzers": [_summary(call.world, each) for each in found], "nextToken": token}


@operation("accessanalyzer", "GetAnalyzer")
def get_analyzer(call: Call, analyzerName: str) -> dict[str, Any]:
    """One analyzer, with its configuration where it has one [model]."""
    found = own(call, analyzerName)
    return {"analyzer": {**_summary(call.world, found), "configuration": found.configuration or None}}


def _summary(world: World, found: Analyzer) -> dict[str, Any]:
    status, reason = status_of(world, found, poll=True)
    return {
        "arn": arn_of(world, found),
        "name": found.name,
        "type": found.kind,
        "createdAt": found.created,
        "tags": found.tags,
        "status": status,
        "statusReason": {"code": reason} if reason else None,
        "managedBy": found.managed_by or None,
    }


@operation("accessanalyzer", "UpdateAnalyzer")
def update_analyzer(call: Call, analyzerName: str, configuration: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Change what an unused or internal access analyzer looks at; an external one has nothing to change [model]."""
    found = own(call, analyzerName)
    if found.external:
        raise texts.invalid(texts.NO_UPDATE, "notSupported")
    _require_own_work(found)
    if current(found.status) == "CREATING":
        raise texts.conflict(texts.BEING_CREATED.format(name=analyzerName), analyzerName)
    found.configuration = {**found.configuration, **checked(configuration, found.kind, call.account)}
    return {"configuration": found.configuration}


@operation("accessanalyzer", "DeleteAnalyzer")
def delete_analyzer(call: Call, analyzerName: str, clientToken: str | None = None) -> None:
    """Delete an analyzer with all of its findings, for good [model]."""
    _require_own_work(own(call, analyzerName))
    del state_of(call.world).of(call.account, call.region)[analyzerName]


def _require_own_work(found: Analyzer) -> None:
    if found.managed_by:
        raise texts.denied(texts.SERVICE_LINKED.format(name=found.name, service=found.managed_by))


@operation("accessanalyzer", "ListTagsForResource")
def list_tags_for_resource(call: Call, resourceArn: str) -> dict[str, Any]:
    """Tags of an analyzer by its ARN."""
    return {"tags": by_arn(call, resourceArn).tags}


def by_arn(call: Call, arn: str) -> Analyzer:
    """An own analyzer by its ARN; one of another account or Region is not found."""
    found = state_of(call.world).of(call.account, call.region).get(arn.rpartition("/")[2])
    if found is None or arn_of(call.world, found) != arn:
        raise texts.not_found(arn)
    return found


def made_by_service(world: World, account: str, region: str, name: str, type: str, service: str) -> None:  # noqa: A002
    """World event "analyzer made by a service": one that a service, such as Security Hub, manages [model]."""
    made = Analyzer(account, region, name, type, settled("ACTIVE"), world.now(), managed_by=service)
    made.configuration = defaults(type)
    state_of(world).of(account, region)[name] = made
    _give_roles(world, made, with_members=False)


def account_joined(world: World, account: str) -> None:
    """An organization's analyzer covers accounts from when they join [docs], and they get its role then (assumed)."""
    found = [each for here in state_of(world).analyzers.values() for each in here.values() if each.of_organization]
    if any(status_of(world, each, poll=False)[0] == "ACTIVE" for each in found):
        service_roles.give(world, account, SERVICE_ROLE)
