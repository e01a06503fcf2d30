"""`runbook inventory`: take an inventory of the organization that settings name, and write it to a file."""

import datetime as dt
import secrets
from pathlib import Path

from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_text
from runbook_lib.base.pseudonyms import key_of
from runbook_lib.inventory import Inventory, Pseudonyms, take
from runbook_lib.plan import Scope
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings import Settings


def write_inventory(settings: Settings, output: Path, key_file: Path | None) -> Inventory:
    """Read the organization and write it to `output`; without a key file, with real names. Reads only.

    Raises PreconditionsFailed, AccessRefused and CallFailed; DocumentError for a key file that holds no key.
    """
    clock = Clock()
    pseudonyms = Pseudonyms(key_of(key_file)) if key_file else None
    phase = COVERAGE
    run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    with access_for(settings, phase, run, clock) as access:
        found = take(Runbook(phase, settings, access, clock, Scope()), pseudonyms)
    write_text(output, found.text())
    return found
