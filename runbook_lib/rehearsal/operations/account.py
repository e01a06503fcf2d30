"""account: which Regions an account may use, and opting in (aws-behaviour 3.2)."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import account_of, is_delegated, is_management
from runbook_lib.rehearsal.regions import enabled_by_default
from runbook_lib.rehearsal.registry import Call, PassOn, operation, page
from runbook_lib.rehearsal.world import Settling, SimulatedAccount

PRINCIPAL = "account.amazonaws.com"
STANDALONE = "The management account can only be managed using the standalone context from the management account"


@dataclass
class AccountState:
    """Opt-ins under way: (account, Region) → how far."""

    enabling: dict[tuple[str, str], Settling] = field(default_factory=dict)


@operation("account", "ListRegions")
def list_regions(
    call: Call,
    AccountId: str | None = None,
    MaxResults: int | None = None,
    NextToken: str | None = None,
    RegionOptStatusContains: list[str] | None = None,
) -> dict[str, Any]:
    """At most 50 a page."""
    account = _account(call, AccountId)
    if MaxResults is not None and not 1 <= MaxResults <= 50:
        raise _invalid("MaxResults must be between 1 and 50")
    if NextToken is not None and not NextToken.isdigit():
        raise _invalid("Invalid NextToken")
    found = [{"RegionName": each, "RegionOptStatus": _status(call, account, each)} for each in sorted(call.world.regions)]
    if RegionOptStatusContains:
        found = [each for each in found if each["RegionOptStatus"] in RegionOptStatusContains]
    regions, token = page(found, NextToken, MaxResults, 50)
    return {"Regions": regions, "NextToken": token}


@operation("account", "GetAccountInformation")
def get_account_information(call: Call, AccountId: str | None = None) -> dict[str, Any]:
    """Id, name and when it was made: of the own account, or of another for who may ask in trusted access [model]."""
    account = _account(call, AccountId)
    return {"AccountId": account.id, "AccountName": account.name, "AccountCreatedDate": account.joined}


@operation("account", "GetRegionOptStatus")
def get_region_opt_status(call: Call, RegionName: str, AccountId: str | None = None) -> dict[str, Any]:
    account = _account(call, AccountId)
    if RegionName not in call.world.regions:
        raise _invalid(f"Region {RegionName} does not exist")
    return {"RegionName": RegionName, "RegionOptStatus": _status(call, account, RegionName)}


@operation("account", "EnableRegion")
def enable_region(call: Call, RegionName: str, AccountId: str | None = None) -> None:
    """Takes polls to settle; an enabled Region stays as it is."""
    account = _account(call, AccountId)
    if RegionName not in call.world.regions or RegionName in enabled_by_default(call.partition):
        raise ApiError("ValidationException", f"Region {RegionName} cannot be opted in to", reason="invalidRegionOptTarget")
    if account.regions.get(RegionName) != "ENABLED":
        settling = call.world.settling("ENABLING", "ENABLED", then=partial(account.regions.update, {RegionName: "ENABLED"}))
        call.world.of(AccountState).enabling[account.id, RegionName] = settling
        account.regions[RegionName] = "ENABLING"


@operation("account", "GetAlternateContact")
@operation("account", "PutAlternateContact")
@operation("account", "DeleteAlternateContact")
def alternate_contact(call: Call, AccountId: str | None = None, **_: Any) -> dict[str, Any]:
    """Nothing else here depends on whom AWS writes to: moto keeps them, once it is clear that the caller may."""
    if AccountId is not None:
        _account(call, AccountId)
    raise PassOn


def _status(call: Call, account: SimulatedAccount, region: str) -> str:
    if region in enabled_by_default(call.partition):
        return "ENABLED_BY_DEFAULT"
    under_way = call.world.of(AccountState).enabling.get((account.id, region))
    if under_way is not None:
        account.regions[region] = under_way.read()
    return account.regions.get(region, "DISABLED")


def _account(call: Call, wanted: str | None) -> SimulatedAccount:
    """The account asked about: the caller's own, or another one for who may ask in trusted access."""
    if wanted is not None and not (wanted.isdigit() and len(wanted) == 12):
        raise _invalid("AccountId must have 12 digits")
    if wanted is None:
        found = account_of(call.world, call.account)
    else:
        if wanted == call.world.organization.management and is_management(call):
            raise _denied(call, STANDALONE)
        if PRINCIPAL not in call.world.organization.trusted:
            raise _denied(call, "Trusted access for account.amazonaws.com is not enabled in the organization")
        if not is_management(call) and not is_delegated(call.world, call.account, PRINCIPAL):
            raise _denied(call, "Your organization must delegate account management to this account")
        found = account_of(call.world, wanted)
    if found is None:
        raise _denied(call, "The account is not in the organization")
    return found


def _denied(call: Call, why: str) -> ApiError:
    return ApiError(
        "AccessDeniedException", f"User: {call.principal} is not authorized to perform: account:{call.operation} ({why})"
    )


def _invalid(text: str) -> ApiError:
    return ApiError("ValidationException", text, reason="fieldValidationFailed")
