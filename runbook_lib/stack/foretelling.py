"""What a change set would have in it, by the template that is there and the one that would be given. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

Template = Mapping[str, Any]


def changes(there: Template, given: Template, changed: Collection[str], failed: Collection[str] = ()) -> Iterator[str]:
    """One line for each resource that would be added, modified or removed, as a change set's are written.

    `changed`: the parameters whose values are others, `failed`: resources that are not whole and so are tried again.
    """
    before, after = there.get("Resources", {}), given["Resources"]
    touched = {name for name, each in after.items() if before.get(name) != each or name in failed or set(_named(each)) & {*changed}}
    for name, each in after.items():
        if name in touched:
            yield f"{'Modify' if name in before else 'Add'} {each['Type']} {name}"
    for name, each in before.items():
        if name not in after:
            yield f"Remove {each['Type']} {name}"


def _named(value: Any) -> Iterator[str]:
    """Every parameter or resource that a value refers to by Ref; what Fn::Sub names of ours never changes."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "Ref":
                yield str(each)
            else:
                yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)
