"""What the owner of a detector keeps in it: filters, lists of addresses and entities. An administrator's reach members [docs]."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.lists import paged
from runbook_lib.rehearsal.operations.guardduty.state import Detector, own_detector, state_of
from runbook_lib.rehearsal.registry import Call, operation

SETS = {
    "IPSet": ("IpSetId", "IpSetIds"),
    "ThreatIntelSet": ("ThreatIntelSetId", "ThreatIntelSetIds"),
    "TrustedEntitySet": ("TrustedEntitySetId", "TrustedEntitySetIds"),
    "ThreatEntitySet": ("ThreatEntitySetId", "ThreatEntitySetIds"),
}
"""Kind of list → the member with its id, and that of a listing [model]."""
SHOWN = ("Name", "Format", "Location")


@operation("guardduty", "CreateFilter")
def create_filter(call: Call, DetectorId: str, Name: str, **parameters: Any) -> dict[str, Any]:
    """A filter; with action ARCHIVE it is a suppression rule. Texts assumed."""
    detector = _own(call, DetectorId)
    if Name in detector.filters:
        raise texts.refusal(texts.GENERIC)
    parameters.pop("ClientToken", None)
    detector.filters[Name] = {"Name": Name, "Action": "NOOP", "Rank": 1, "Description": "", "Tags": {}, **parameters}
    return {"Name": Name}


@operation("guardduty", "GetFilter")
def get_filter(call: Call, DetectorId: str, FilterName: str) -> dict[str, Any]:
    return _filter(own_detector(call, DetectorId), FilterName)


@operation("guardduty", "UpdateFilter")
def update_filter(call: Call, DetectorId: str, FilterName: str, **parameters: Any) -> dict[str, Any]:
    _filter(_own(call, DetectorId), FilterName).update(parameters)
    return {"Name": FilterName}


@operation("guardduty", "DeleteFilter")
def delete_filter(call: Call, DetectorId: str, FilterName: str) -> None:
    detector = _own(call, DetectorId)
    del detector.filters[_filter(detector, FilterName)["Name"]]


@operation("guardduty", "ListFilters")
def list_filters(call: Call, DetectorId: str, MaxResults: int | None = None, NextToken: str | None = None) -> dict[str, Any]:
    """Names alone [model]."""
    names, token = paged(sorted(own_detector(call, DetectorId).filters), NextToken, MaxResults)
    return {"FilterNames": names, "NextToken": token}


def _filter(detector: Detector, name: str) -> dict[str, Any]:
    if name not in detector.filters:
        raise texts.refusal(texts.GENERIC)
    return detector.filters[name]


def _own(call: Call, detector: str) -> Detector:
    """The caller's own detector, to be changed: filters and lists of members are their administrator's [docs]; text assumed."""
    if state_of(call.world).associated(call.account, call.region):
        raise texts.refusal(texts.KEPT_BY_ADMINISTRATOR)
    return own_detector(call, detector)


def _of_kind(kind: str, key: str, listing: str) -> dict[str, Callable[..., Any]]:
    """The operations of one kind of list, which are alike but for the names of ids."""

    def create(call: Call, DetectorId: str, Activate: bool, Tags: Mapping[str, str] | None = None, **given: Any) -> dict[str, Any]:
        detector = _own(call, DetectorId)
        name = hashlib.sha256(f"{detector.id}/{kind}/{given['Name']}".encode()).hexdigest()[:32]
        said = {each: given[each] for each in SHOWN}
        detector.sets[kind, name] = {**said, "Status": _status(Activate), "Tags": dict(Tags or {})}
        return {key: name}

    def get(call: Call, DetectorId: str, **given: Any) -> dict[str, Any]:
        return _found(own_detector(call, DetectorId), given[key])

    def update(call: Call, DetectorId: str, Activate: bool | None = None, **given: Any) -> None:
        found = _found(_own(call, DetectorId), given[key])
        found.update({each: given[each] for each in SHOWN if each in given})
        if Activate is not None:
            found["Status"] = _status(Activate)

    def delete(call: Call, DetectorId: str, **given: Any) -> None:
        detector = _own(call, DetectorId)
        _found(detector, given[key])
        del detector.sets[kind, given[key]]

    def listed(call: Call, DetectorId: str, MaxResults: int | None = None, NextToken: str | None = None) -> dict[str, Any]:
        ids = sorted(name for of, name in own_detector(call, DetectorId).sets if of == kind)
        found, token = paged(ids, NextToken, MaxResults)
        return {listing: found, "NextToken": token}

    def _found(detector: Detector, name: str) -> dict[str, Any]:
        if (kind, name) not in detector.sets:
            raise texts.refusal(texts.GENERIC)
        return detector.sets[kind, name]

    return {f"Create{kind}": create, f"Get{kind}": get, f"Update{kind}": update, f"Delete{kind}": delete, f"List{kind}s": listed}


def _status(activate: bool) -> str:
    return "ACTIVE" if activate else "INACTIVE"


for _kind, (_key, _listing) in SETS.items():
    for _name, _answer in _of_kind(_kind, _key, _listing).items():
        operation("guardduty", _name)(_answer)
