"""Protection plans of single members, read and changed by their administrator."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.datasources import detector_sources, requested_features
from runbook_lib.rehearsal.operations.guardduty.features import ORGANIZATION_FEATURES, check, covers, merge, shown
from runbook_lib.rehearsal.operations.guardduty.lists import check_batch
from runbook_lib.rehearsal.operations.guardduty.state import Detector, grant_roles, missing, own_detector, require_usable, state_of
from runbook_lib.rehearsal.registry import Call, operation


@operation("guardduty", "GetMemberDetectors")
def get_member_detectors(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Features of members (`members` on the wire [model]); an account whose association has not settled is unprocessed."""
    found, unprocessed = _detectors(call, DetectorId, AccountIds)
    governed = state_of(call.world).governed
    rows = [
        {
            "AccountId": detector.account,
            "DataSources": detector_sources(detector.features),
            "Features": shown(detector.features, "Status", ORGANIZATION_FEATURES, governed=detector.account in governed),
        }
        for detector in found
    ]
    return {"MemberDataSourceConfigurations": rows, "UnprocessedAccounts": unprocessed}


@operation("guardduty", "UpdateMemberDetectors")
def update_member_detectors(
    call: Call,
    DetectorId: str,
    AccountIds: Sequence[str],
    Features: Sequence[Mapping[str, Any]] | None = None,
    DataSources: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Change features of members. Too early after CreateMembers it fails per account.

    That what is already so is fine is a guess: variant "guardduty member features again", "ok" or "refused", for each account.
    """
    asked = requested_features(Features, DataSources, "Status")
    check(asked, "Status", ORGANIZATION_FEATURES, missing(call.world, call.region))
    found, unprocessed = _detectors(call, DetectorId, AccountIds)
    if call.world.variants.get("guardduty member features again", "ok") == "refused":
        again = [each for each in found if covers(each.features, asked, "Status")]
        found = [each for each in found if each not in again]
        unprocessed += [{"AccountId": each.account, "Result": texts.ALREADY_SO} for each in again]
    governed = state_of(call.world).governed
    # A policy overrides what the API asks for; that the API says nothing of it is assumed (aws-behaviour 8).
    for detector in (each for each in found if each.account not in governed):
        merge(detector.features, asked, "Status", call.world.now())
        detector.updated = call.world.now()
        grant_roles(call.world, detector)
    return {"UnprocessedAccounts": unprocessed}


def _detectors(call: Call, detector_id: str, accounts: Sequence[str]) -> tuple[list[Detector], list[dict[str, str]]]:
    """Detectors of settled members, and the other accounts' results [issue SRA#151]. Counts as a poll of each association."""
    own_detector(call, detector_id)
    check_batch("accountIds", accounts)
    require_usable(call, texts.GENERIC)
    state = state_of(call.world)
    found: list[Detector] = []
    unprocessed: list[dict[str, str]] = []
    for account in accounts:
        member = state.members_of(call.region).get(account)
        detector = state.detectors.get((account, call.region))
        if member and detector and member.relationship.read() in ("Enabled", "Disabled"):
            found.append(detector)
        else:
            unprocessed.append({"AccountId": account, "Result": texts.NOT_ASSOCIATED})
    return found, unprocessed
