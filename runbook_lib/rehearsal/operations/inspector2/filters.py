"""Filters of findings; with action SUPPRESS they are suppression rules. An administrator's reach its members [docs]."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.inspector2.state import paged, state_of
from runbook_lib.rehearsal.registry import Call, operation

Filters = dict[str, dict[str, Any]]


@operation("inspector2", "CreateFilter")
def create_filter(call: Call, name: str, action: str, filterCriteria: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """A member has none of its own: only an administrator, or an account that stands alone [docs]. Texts assumed."""
    found = _own(call)
    if any(each["name"] == name for each in found.values()):
        raise texts.invalid(texts.FILTER_EXISTS.format(name=name))
    arn = f"arn:{call.partition}:inspector2:{call.region}:{call.account}:owner/{call.account}/filter/{len(found):016x}"
    now = call.world.now()
    said = {"arn": arn, "ownerId": call.account, "name": name, "action": action, "criteria": filterCriteria}
    found[arn] = {**said, "createdAt": now, "updatedAt": now, **parameters}
    return {"arn": arn}


@operation("inspector2", "UpdateFilter")
def update_filter(call: Call, filterArn: str, filterCriteria: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    criteria = {} if filterCriteria is None else {"criteria": filterCriteria}
    _named(_own(call), filterArn).update({**parameters, **criteria, "updatedAt": call.world.now()})
    return {"arn": filterArn}


@operation("inspector2", "DeleteFilter")
def delete_filter(call: Call, arn: str) -> dict[str, Any]:
    found = _own(call)
    del found[_named(found, arn)["arn"]]
    return {"arn": arn}


@operation("inspector2", "ListFilters")
def list_filters(
    call: Call, arns: Sequence[str] = (), action: str = "", nextToken: str | None = None, maxResults: int | None = None
) -> dict[str, Any]:
    """Those of the own account."""
    mine = state_of(call.world).filters.get((call.account, call.region), {})
    asked = [each for arn, each in sorted(mine.items()) if (not arns or arn in arns) and action in ("", each["action"])]
    found, token = paged(asked, nextToken, maxResults, 100)
    return {"filters": found, "nextToken": token}


def _own(call: Call) -> Filters:
    """The caller's own, to be changed."""
    state = state_of(call.world)
    if state.associated(call.account, call.region):
        raise texts.denied(texts.FILTERS_OF_ADMINISTRATOR)
    return state.filters.setdefault((call.account, call.region), {})


def _named(found: Filters, arn: str) -> dict[str, Any]:
    if arn not in found:
        raise texts.not_found(texts.NO_FILTER.format(arn=arn))
    return found[arn]
