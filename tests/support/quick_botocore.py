"""botocore in tests, without working out again what cannot come out differently.

Tests make thousands of sessions and clients, as many processes would. Up to a quarter of the time of the in-process tests went into
names of events, signatures of handlers and copies of one tree.
"""

from types import CodeType
from typing import Any

import botocore.hooks

hooks: Any = botocore.hooks
"""Its inner parts have no types."""
_NAMES: dict[str, str] = {}
_SIGNATURES: dict[CodeType, Any] = {}
begun, signature, copied = hooks.EventAliaser.__init__, hooks.accepts_kwargs, hooks._PrefixTrie._recursive_copy
"""botocore's own."""


def install() -> None:
    """For all sessions and clients of this process."""
    hooks.EventAliaser.__init__ = _begin
    hooks.accepts_kwargs = quick_signature
    hooks._PrefixTrie._recursive_copy = quickly_copied


def _begin(self: Any, event_emitter: Any, event_aliases: Any = None) -> None:
    """There is one table of aliases, so one cache of what it says."""
    begun(self, event_emitter, event_aliases)
    if self._event_aliases == hooks.EVENT_ALIASES:
        self._alias_name_cache = _NAMES


def quick_signature(handler: Any) -> Any:
    """Whether a handler takes keywords is said by its code, however many functions are made from it."""
    code = getattr(handler, "__code__", None)
    if not isinstance(code, CodeType):
        return signature(handler)
    if code not in _SIGNATURES:
        _SIGNATURES[code] = signature(handler)
    return _SIGNATURES[code]


def quickly_copied(self: Any, node: Any) -> Any:
    """A tree of handlers that may be changed on its own."""
    return {
        key: quickly_copied(self, value) if isinstance(value, dict)
        else hooks.NodeList([*value.first], [*value.middle], [*value.last]) if isinstance(value, hooks.NodeList)
        else value
        for key, value in node.items()
    }  # fmt: skip
