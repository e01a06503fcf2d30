"""The environment of a command, in its own process too: clients made here reach what its kernels reach, and nothing else."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY", "BOTO_CONFIG"})


def leads_somewhere(name: str) -> bool:
    """Whether a variable tells AWS clients where to go or as whom."""
    return name.upper().startswith("AWS_") or name.upper() in PROXIES


@contextmanager
def entered(environment: Mapping[str, str]) -> Iterator[None]:
    """Make this process's AWS settings and proxies those of `environment`, for a while: botocore looks at the process's own."""
    before = {name: value for name, value in os.environ.items() if leads_somewhere(name)}
    _put({name: value for name, value in environment.items() if leads_somewhere(name)})
    try:
        yield
    finally:
        _put(before)


def _put(wanted: Mapping[str, str]) -> None:
    for name in [each for each in os.environ if leads_somewhere(each) and each not in wanted]:
        del os.environ[name]
    os.environ.update(wanted)
