"""Whether AWS offers the standards that settings name: a misspelt one is told before any plan, with the nearest name."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from runbook_lib.aws.reader import Reader
from runbook_lib.base.documents import Path, nearest
from runbook_lib.base.observation import Known, NotYet, Observation
from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.services.obstacles import region_bar
from runbook_lib.services.remarks import Remark, Severity
from runbook_lib.services.securityhub.observe import observed, offered
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import item_of
from runbook_lib.services.view import view_of
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import SecurityHubSection, Standard

KEYS = ("accept_default_standards", "delegated_account_standards", "existing_account_standards")
Offers = Mapping[str, Observation[Mapping[str, bool]]]


def preflight(organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
    """Ask Region after Region until every standard is found: usually one call. What no Region lists is contradicted.

    Where a Region could not be asked (a hub may have to be on first), what is missing is not checked yet; plans look again.
    """
    part = settings.security_hub
    if part is None:
        return ()
    missing = dict(_named(part))
    offers: dict[str, Observation[Mapping[str, bool]]] = {}
    for region in _regions(organization, settings, part):
        if not missing:
            break
        listed: Observation[Mapping[str, bool]] = observed(partial(offered, reader, organization.delegated_account, region))
        offers[region] = listed
        if isinstance(listed, Known):
            missing = {path: standard for path, standard in missing.items() if item_of(standard) not in listed.value}
    return [_remark(path, standard, offers) for path, standard in missing.items()]


def _named(part: SecurityHubSection) -> Iterator[tuple[Path, Standard]]:
    for key in KEYS:
        for position, standard in enumerate(getattr(part, key) or ()):
            yield ("security_hub", key, position), standard


def _regions(organization: Organization, settings: Settings, part: SecurityHubSection) -> list[str]:
    """The home Region first: it is the likeliest to have a hub."""
    view = view_of(organization, settings, NAME)
    home = part.aggregation.home_region if part.aggregation else ""
    return sorted((r for r in view.population.regions if region_bar(view, r) is None), key=lambda region: region != home)


def _remark(path: Path, standard: Standard, offers: Offers) -> Remark:
    items = sorted({item for listed in offers.values() if isinstance(listed, Known) for item in listed.value})
    at, value, hint = _hint(path, standard, items)
    unread = {region: listed for region, listed in offers.items() if not isinstance(listed, Known)}
    if offers and not unread:
        known = f" AWS offers: {', '.join(items)}." if items else ""
        return Remark(Severity.CONTRADICTED, at, value, f"AWS offers no such standard in {', '.join(offers)}.{hint}{known}")
    why = "; ".join(f"{region}: {_why(listed)}" for region, listed in unread.items()) or "no Region can be asked"
    when = "Every plan of 10_security_hub looks again and blocks what is not offered."
    return Remark(Severity.UNCHECKED, at, value, f"AWS's list of standards could not be read ({why}).{hint} {when}")


def _why(listed: Observation[Mapping[str, bool]]) -> str:
    if isinstance(listed, NotYet):
        return f"only after: {listed.step}"
    assert not isinstance(listed, Known)
    return listed.reason


def _hint(path: Path, standard: Standard, items: list[str]) -> tuple[Path, str, str]:
    """The key that is wrong, its value, and the nearest right one: another version of the name, or another name."""
    versions = [version for name, _, version in (item.rpartition("/") for item in items) if name == standard.name]
    if versions:
        return (*path, "version"), standard.version, f" It offers {standard.name} in {', '.join(versions)}."
    return (*path, "name"), standard.name, nearest(standard.name, sorted({item.rpartition("/")[0] for item in items}))
