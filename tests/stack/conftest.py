"""The pre-signed address is searched for in whatever a test here leaves: files, logs, and the accounts in this process."""

from collections.abc import Iterator

import pytest
import stack_function
from stack_addresses import ADDRESS, found_in


@pytest.fixture(autouse=True)
def no_address_in_what_is_logged_or_kept(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    stack_function.MADE.clear()
    yield
    printed = capsys.readouterr()
    logged = "".join(record.getMessage() for when in ("setup", "call") for record in caplog.get_records(when))
    written = [each.written for each in stack_function.MADE]
    assert [text for text in (printed.out, printed.err, logged, *written) if ADDRESS.search(text.encode())] == []


@pytest.fixture(autouse=True, scope="module")
def no_address_in_any_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    base = tmp_path_factory.getbasetemp()
    before = {*base.iterdir()}
    yield
    assert found_in(set(base.iterdir()) - before) == []
