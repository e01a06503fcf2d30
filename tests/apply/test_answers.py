"""What becomes of each account of a batch: refused, put off, not answered, not resolved."""

from dataclasses import replace
from typing import Any

import pytest
from staged import ACCOUNTS, A, B, Bench, C, act, failure, finals, once, there

from runbook_lib.apply import Final
from runbook_lib.plan import ACCOUNT_ID, EACH, ForEach, Reference, Step
from runbook_lib.plan.outcome import Outcome, Progress, Verdict


@pytest.mark.parametrize("bad", [ACCOUNTS[24:25], ACCOUNTS], ids=["one of 50", "all 50"])
def test_bad_accounts_fail_alone_and_the_rest_goes_on(bench: Bench, bad: tuple[str, ...]) -> None:
    bench.access.effects["Create"] = lambda targets: dict.fromkeys(bad, Verdict.FAILED)
    create = act(targets=ACCOUNTS)
    update = act("Update", ACCOUNTS, after=[create])
    report = bench.run(create, update)
    good = [account for account in ACCOUNTS if account not in bad]
    assert finals(report, create) == {**dict.fromkeys(good, Final.APPLIED), **dict.fromkeys(bad, Final.FAILED)}
    assert finals(report, update) == {**dict.fromkeys(good, Final.APPLIED), **dict.fromkeys(bad, Final.NOT_ATTEMPTED)}
    assert bench.sent("Update") == ([tuple(good)] if good else [])
    assert not report.ok
    assert sum(report.counts.values()) == 100


@pytest.mark.parametrize(
    "judgement",
    [
        lambda action, outcomes: outcomes[1:],
        lambda action, outcomes: [*outcomes, outcomes[0]],
        lambda action, outcomes: [*outcomes, Outcome("999999999999", Verdict.APPLIED)],
    ],
    ids=["missing", "double", "foreign"],
)
def test_an_incomplete_judgement_is_a_failure_that_names_the_service(bench: Bench, judgement: Any) -> None:
    bench.service.judgement = judgement
    report = bench.run(act(targets=(A, B)))
    problems = [result for _, result in report.problems]
    assert A in {result.account for result in problems}
    assert all(result.code == "Misjudged" and "madeup" in result.message for result in problems)


def test_only_what_was_put_off_is_sent_again_each_attempt_with_its_own_intent(bench: Bench) -> None:
    bench.access.effects["Create"] = once({B: Verdict.RETRY})
    report = bench.run(act(targets=(A, B, C)))
    assert bench.sent() == [(A, B, C), (B,)]
    assert report.counts == {Final.APPLIED: 3}
    assert [(line["kind"], line["attempt"]) for line in bench.lines] == [
        ("intent", 1),
        ("outcome", 1),
        ("intent", 2),
        ("outcome", 2),
    ]
    assert bench.lines[2]["target_accounts"] == [B]
    assert bench.lines[2]["unit"] == bench.lines[0]["unit"]


def test_retries_end_with_the_last_reason(bench: Bench) -> None:
    bench.access.effects["Create"] = lambda targets: (_ for _ in ()).throw(failure("Throttled"))
    report = bench.run(act(targets=(A,)))
    assert 5 < len(bench.sent()) <= 20
    (_, result) = report.problems[0]
    assert (result.final, result.code) == (Final.FAILED, "Throttled")
    assert "gave up after" in result.message
    assert "@" not in result.message


@pytest.mark.parametrize(("refused", "lasts", "ok"), [(600, 900, True), (600, 0, False), (2000, 900, False)])
def test_a_refusal_that_is_known_to_last_is_borne_for_as_long(bench: Bench, refused: int, lasts: int, ok: bool) -> None:
    began = bench.clock.monotonic()
    bench.access.effects["Create"] = lambda targets: (
        {A: Verdict.RETRY} if A in targets and bench.clock.monotonic() - began < refused else {}
    )
    bench.service.judgement = lambda action, found: [
        replace(each, lasts=lasts) if each.verdict is Verdict.RETRY else each for each in found
    ]
    report = bench.run(act(targets=(A, B)))
    assert report.ok is ok
    assert bench.sent().count((A,)) < 100
    if not ok:
        assert [(result.account, result.code) for _, result in report.problems] == [(A, "Unprocessed")]
        assert bench.clock.monotonic() - began < max(lasts, 300) + 60


def test_expired_credentials_are_no_failure(bench: Bench) -> None:
    bench.access.effects["Create"] = once(failure("ExpiredTokenException"))
    assert bench.run(act(targets=(A,))).ok
    assert len(bench.sent()) == 2


def test_a_back_off_holds_up_nobody(bench: Bench) -> None:
    bench.access.concurrency = 1
    bench.access.effects["One"] = once(failure("Throttled"))
    assert bench.run(act("One"), act("Two"), act("Three")).ok
    assert [operation for operation, _ in bench.access.calls] == ["One", "Two", "Three", "One"]


def test_after_a_lost_answer_the_effect_is_read_before_anything_is_sent_again(bench: Bench) -> None:
    bench.access.effects["Create"] = once(failure("ReadTimeoutError", 0))
    bench.service.truth = there(A)
    report = bench.run(act(targets=(A, B)))
    assert bench.sent() == [(A, B), (B,)]
    assert report.counts == {Final.APPLIED: 2}
    assert bench.lines[1]["code"] == "ReadTimeoutError"
    assert {each["verdict"] for each in bench.lines[1]["outcomes"]} == {"confirm"}


def test_an_effect_that_cannot_be_read_is_not_sent_again(bench: Bench) -> None:
    def unreadable(step: Step) -> Progress:
        raise failure("AccessDenied", 403)

    bench.access.effects["Create"] = once(failure("ConnectionClosedError", 0))
    bench.service.truth = unreadable
    report = bench.run(act(targets=(A,)))
    assert len(bench.sent()) == 1
    assert [result.code for _, result in report.problems] == ["AccessDenied"]


def test_already_so_by_somebody_else_is_told_from_our_own_lost_attempt(bench: Bench) -> None:
    bench.access.effects["Create"] = lambda targets: {A: Verdict.CONFIRM}
    bench.access.effects["Other"] = once(failure("InternalError", 500))
    bench.service.truth = there(A)
    theirs, ours = act(targets=(A,)), act("Other", (A,))
    report = bench.run(theirs, ours)
    assert finals(report, theirs) == {A: Final.ALREADY_SO}
    assert finals(report, ours) == {A: Final.APPLIED}


def test_an_effect_refused_for_good_fails(bench: Bench) -> None:
    bench.access.effects["Create"] = lambda targets: {A: Verdict.CONFIRM}
    bench.service.truth = lambda step: Progress(frozenset(), {A: "member of another administrator"})
    report = bench.run(act(targets=(A,)))
    assert report.problems[0][1].message == "member of another administrator"
    assert len(bench.sent()) == 1


def test_a_reference_that_cannot_be_read_holds_back_its_own_account_only(bench: Bench) -> None:
    parameters = {"Accounts": ForEach(ACCOUNT_ID), "Emails": ForEach(Reference("email", EACH))}
    create = act(targets=(A, B, C), parameters=parameters)
    report = bench.run(create)
    assert bench.sent() == [(A, C)]
    assert finals(report, create) == {A: Final.APPLIED, B: Final.FAILED, C: Final.APPLIED}


def test_given_values_come_before_the_service_s_own(bench: Bench) -> None:
    bench.resolve = lambda reference: f"{reference.account}@example.com"
    parameters = {"Accounts": ForEach(Reference("account-email", EACH))}
    assert bench.run(act(targets=(A, B), parameters=parameters)).ok
    assert bench.sent() == [(f"{A}@example.com", f"{B}@example.com")]
    assert "@" not in bench.path.read_text()
