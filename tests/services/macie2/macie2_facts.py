"""What accounts have of Macie in a simulated world: each fact as a set of (account, Region)."""

from runbook_lib.rehearsal.operations.macie2.state import state_of
from runbook_lib.rehearsal.world import World


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    led = {region: each.account for region, each in state.administrators.items() if each.leaving is None}
    return {
        "administrator": {(account, region) for region, account in led.items()},
        "new accounts": {
            (account, region) for region, account in led.items()
            if state.organization(region).auto_enable or state.organization(region).discovery != "NONE"
        },
        "on": {place for place, session in state.sessions.items() if session.status == "ENABLED"},
        "discovered": {place for place, session in state.sessions.items() if session.discovery.on},
        "watched": {
            (account, region) for region in led for account in state.members_of(region) if state.associated(account, region)
        },
    }  # fmt: skip
