"""What tests make quicker in botocore comes out as botocore has it."""

import pytest
import quick_botocore
from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import Session
from quick_botocore import hooks


def test_handlers_are_judged_alike() -> None:
    handlers = [handler for _, handler, *_ in BUILTIN_HANDLERS] + [Session, Session().get_config_variable]
    assert [quick_botocore.quick_signature(each) for each in handlers] == [quick_botocore.signature(each) for each in handlers]
    assert {bool(quick_botocore.signature(each)) for each in handlers} == {True, False}


def test_a_tree_is_copied_alike_and_changes_on_its_own() -> None:
    tree = hooks._PrefixTrie()
    for name, handler in (("before-send", "first"), ("before-send.s3.GetObject", "second"), ("before-send.*.GetObject", "third")):
        tree.append_item(name, handler)
    quick, own = (copy(tree, tree.__dict__) for copy in (quick_botocore.quickly_copied, quick_botocore.copied))
    assert quick == own == tree.__dict__
    tree.append_item("before-send.s3.GetObject", "fourth")
    assert quick == own != tree.__dict__


@pytest.mark.parametrize("name", ["before-call.lambda.Invoke", "before-send.guardduty.CreateMembers", "docs.*.autoscaling.Start.x"])
def test_names_of_events_are_those_of_botocore(name: str) -> None:
    unaided = object.__new__(hooks.EventAliaser)
    quick_botocore.begun(unaided, None)
    first, second = (Session().get_component("event_emitter") for _ in range(2))
    assert first._alias_event_name(name) == second._alias_event_name(name) == unaided._alias_event_name(name)
    assert first._alias_name_cache is second._alias_name_cache
