"""What a file's exclusions leave out, before they are settings."""

from runbook_lib.services.registry import specs
from runbook_lib.settings.checks import Tree, at


def excluded_services(exclusion: Tree) -> tuple[str, ...]:
    """The services that an exclusion leaves out as a whole, by boto3 client name; none where it names aspects."""
    return () if "aspects" in exclusion else concerned(exclusion)


def concerned(exclusion: Tree) -> tuple[str, ...]:
    """The services that an exclusion is about, or about aspects of; all where it names none."""
    return tuple(exclusion["services"] or ()) if "services" in exclusion else tuple(spec.name for spec in specs())


def account_exclusions(tree: Tree, service: str) -> list[str]:
    """The accounts and OUs excluded from a service, as the file names them."""
    found = []
    for position, exclusion in enumerate(at(tree, "exclusions") or []):
        if isinstance(exclusion, dict) and service in excluded_services(exclusion):
            keys = [key for key in ("account", "organizational_unit") if key in exclusion]
            found += [exclusion[key] or f"exclusions[{position}]" for key in keys]
    return found
