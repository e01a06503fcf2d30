"""`runbook coverage --since RUN`: new accounts, what is covered no more, exclusions that ended."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from simulated import PARAMETERS

from runbook_lib.cli import cli
from runbook_lib.coverage.since import changes


def written(*cells: tuple[str, str, str], accounts: str = "AB", aspect: str = "membership") -> dict[str, Any]:
    """A coverage of one service: (accounts, status, reason)."""
    return {
        "cells": [
            {
                "service": "guardduty", "region": "us-east-1", "aspect": aspect, "item": "", "status": status, "reason": reason,
                "in_scope": True, "account_set": number,
            }
            for number, (_, status, reason) in enumerate(cells)
        ],
        "account_sets": [list(names) for names, _, _ in cells],
        "accounts": [{"id": each, "name": f"account {each}"} for each in accounts],
    }  # fmt: skip


def test_new_accounts_lost_cells_and_exclusions_that_ended() -> None:
    then = written(("AB", "covered", "member"), ("C", "excluded", "until June"), ("D", "gap", "no member"), accounts="ABCDX")
    now = written(("A", "covered", "member"), ("BCE", "gap", "no member"), ("D", "covered", "member"), accounts="ABCDE")
    said = "\n".join(changes([then], [now]).lines("an earlier run"))
    assert said == (
        "Since an earlier run:\n"
        "  new accounts: account E (E)\n"
        "  accounts that are gone: account X (X)\n"
        "  lost: 1 cell\n"
        "    guardduty membership, us-east-1: account B (B): now gap: no member\n"
        "  exclusions ended: 1 cell\n"
        "    guardduty membership, us-east-1: account C (C): now gap: no member\n"
        "  won: 1 cell"
    )


def test_what_only_one_of_them_looked_at_is_nobodys_loss() -> None:
    then, now = written(("A", "covered", "")), written(("A", "gap", ""), aspect="integration")
    assert not changes([then], [now]).lost
    assert not changes([then], [then]).won
    assert changes([then, written(("A", "covered", ""), aspect="integration")], [now]).lost


@pytest.mark.parametrize(("form", "says"), [("csv", "goes with --format table"), ("table", "is not a run folder")])
def test_what_cannot_be_compared_is_refused_before_anything_is_read(form: str, says: str, tmp_path: Path) -> None:
    line = ["coverage", "-p", str(PARAMETERS), "--since", "no-such-run", "--format", form, "--runs", str(tmp_path)]
    refused = CliRunner().invoke(cli, line)
    assert refused.exit_code != 0
    assert says in refused.output + str(refused.exception)
    assert list(tmp_path.iterdir()) == []
