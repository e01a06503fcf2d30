"""Every operation of the simulated services, called with everything its model allows: answered by the model, or refused by name."""

import random
from collections import Counter
from typing import Any

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from simulated import copied, simulated
from widest_input import widest

from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.simulated import by_name
from runbook_lib.rehearsal.world import World

SERVICES = (*by_name(), "organizations", "account")
CALLERS = {"management": "111111111111", "administrator": "222222222222", "member": "333333333333"}
DRAWS = 3
FAULT = "SimulationError"
"""An answer outside the model, a fault of the simulation; a parameter that its function does not know raises TypeError."""
PASSED_ON = {("account", f"{verb}AlternateContact") for verb in ("Get", "Put", "Delete")}
"""Answered by moto, in part; which is not there in these tests."""


@pytest.fixture(scope="module")
def enabled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Front, World]:
    """Everything on, so that calls find what they ask for."""
    with pytest.MonkeyPatch.context() as patch:
        made = simulated("seven", tmp_path_factory.mktemp("enabled"), patch)
        made.enable()
        return made.front, copied(made.front.world)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("caller", sorted(CALLERS))
def test_whatever_the_model_allows_has_an_answer_that_it_allows(enabled: tuple[Front, World], service: str, caller: str) -> None:
    front, world = enabled
    front.adopt(copied(world))
    client = session_for(front, CALLERS[caller]).client(service, config=Config(retries={"total_max_attempts": 1}))
    known = {
        "accountid": "444444444444",
        "detectorid": detector(front, CALLERS[caller]),
        "adminaccountid": CALLERS["administrator"],
    }
    ended = Counter[str]()
    for name in sorted(client.meta.service_model.operation_names, key=lambda each: (each.startswith(("Delete", "Disable")), each)):
        for number in range(DRAWS):
            code, words = called(client, name, known, number)
            if code == "NotSimulated":
                assert (service, name) not in HANDLERS.keys() - PASSED_ON
                assert name in words
                continue
            assert code != FAULT, f"{name} {number}: {words}"
            assert (service, name) in HANDLERS
            ended["refused" if code else "answered"] += 1
    assert ended["refused"]
    assert ended["answered"] or caller != "administrator" or service == "account"


def detector(front: Front, account: str) -> str:
    return str(session_for(front, account).client("guardduty").list_detectors()["DetectorIds"][0])


def called(client: Any, name: str, known: dict[str, str], number: int) -> tuple[str, str]:
    """The error code and words of one call; botocore holds request and answer to the model."""
    shape = client.meta.service_model.operation_model(name).input_shape
    parameters = widest(shape, known, random.Random(f"{name}/{number}")) if shape else {}
    try:
        getattr(client, xform_name(name))(**parameters)
    except ClientError as refused:
        return refused.response["Error"]["Code"], str(refused)
    return "", ""
