"""Lambda's functions: the real zip unpacked, and run by a process that has its role's keys, its own variables, and nothing else.

A missing library or permission shows here as it would at AWS. The process is ended at the function's time-out. What invokes
asynchronously delivers an event again, twice, where that ends in an error [model Invoke].
"""

import io
import json
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.rehearsal.identity import session_credential
from runbook_lib.rehearsal.stack_faults import StackFaults
from runbook_lib.rehearsal.world import World

LOOK = 0.02
ATTEMPTS = 3
"""Deliveries of an asynchronous event, the first included."""
BOOT = """
import importlib, json, logging, sys, time
logging.basicConfig(stream=sys.stderr)
sys.path.insert(0, sys.argv[1])
began, seconds = time.monotonic(), float(sys.argv[3])
class Context:
    def get_remaining_time_in_millis(self):
        return int(1000 * (seconds - (time.monotonic() - began)))
module, _, name = sys.argv[2].rpartition(".")
out, sys.stdout = sys.stdout, sys.stderr
try:
    run = getattr(importlib.import_module(module), name)
except ImportError as error:
    said = {"error": "Runtime.ImportModuleError", "message": f"Unable to import module '{module}': {error}"}
    out.write(json.dumps(said))
    raise
try:
    answer = {"payload": run(json.load(sys.stdin), Context())}
    said = json.dumps(answer)
except BaseException as error:
    said = json.dumps({"error": type(error).__name__, "message": str(error)})
    raise
finally:
    out.write(said)
    out.flush()
"""


@dataclass(frozen=True)
class Function:
    """One function, by ARN; `code` is a zip."""

    arn: str
    code: bytes
    handler: str
    role: str
    account: str
    region: str
    seconds: int
    variables: dict[str, str]


@dataclass
class Invoked:
    """How one invocation ended. `error` is "" where it did not fail, else what Step Functions calls it."""

    payload: Any = None
    error: str = ""
    message: str = ""


@dataclass
class Functions:
    """Every function of a world, and what they wrote: the logs are searched for what may not be in them."""

    by_arn: dict[str, Function] = field(default_factory=dict)
    invoked: list[tuple[str, Any]] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    kill: Callable[[Function, Any], float | None] = lambda function, event: None
    """After how many seconds an invocation is killed, where a test has it killed."""
    _unpacked: dict[int, Path] = field(default_factory=dict)
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def folder(self, function: Function) -> Path:
        """Where a function's code lies unpacked."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="functions-")
        number = hash(function.code)
        if number not in self._unpacked:
            target = Path(self._folder.name) / str(len(self._unpacked))
            with zipfile.ZipFile(io.BytesIO(function.code)) as packed:
                packed.extractall(target)
            self._unpacked[number] = target
        return self._unpacked[number]


def invoke(world: World, arn: str, event: Any) -> Invoked:
    """Run a function to its end. To be called without the world's lock: the function calls AWS."""
    with world.lock:
        functions = world.of(Functions)
        function = functions.by_arn.get(arn)
        if function is None:
            return Invoked(error="Lambda.ResourceNotFoundException", message=f"Function not found: {arn}")
        role = world.organization.accounts[function.account].roles.get(function.role)
        if role is None:
            return Invoked(error="Lambda.KMSAccessDeniedException", message=f"the role {function.role} is gone")
        faults = world.of(StackFaults)
        if faults.strike("function-not-active", arn):
            return Invoked(error="Lambda.ResourceNotReadyException", message="The function is in state Pending")
        if faults.strike("role-not-yet", arn):
            return Invoked(error="Lambda.AccessDeniedException", message="The role defined for the function cannot be assumed")
        keys = session_credential(world, function.account, role, arn.rpartition(":")[2], 3600)
        code = functions.folder(function)
        functions.invoked.append((arn, event))
        dies = faults.strike("function-killed", arn)
        killed = dies.seconds if dies else functions.kill(function, event)
    with tempfile.TemporaryDirectory(prefix="invocation-") as own:
        environment = {
            **function.variables,
            "AWS_ACCESS_KEY_ID": keys.key,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "AWS_SESSION_TOKEN": keys.token,
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ENDPOINT_URL": world.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": own,
            "TMPDIR": own,
        }
        return _ended(functions, function, code, json.dumps(event), environment, killed)


def _ended(
    functions: Functions, function: Function, code: Path, event: str, environment: dict[str, str], killed: float | None
) -> Invoked:
    # What is compiled is kept beside the code, which stays as it was uploaded: each invocation is a new process.
    own = ["-I", "-S", "-X", f"pycache_prefix={code.parent / 'compiled'}"]
    command = [sys.executable, *own, "-c", BOOT, str(code), function.handler, str(function.seconds)]
    with subprocess.Popen(  # noqa: S603 our own interpreter; the code is what was uploaded to the simulation
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        cwd=environment["TMPDIR"],
    ) as process:
        try:
            out, logged = process.communicate(event, timeout=function.seconds if killed is None else killed)
        except subprocess.TimeoutExpired:
            process.kill()
            _, logged = process.communicate()
            functions.logs.append(logged)
            error = "Sandbox.Timedout" if killed is None else "Runtime.ExitError"
            return Invoked(error=error, message=f"Task timed out after {function.seconds} seconds")
    functions.logs.append(logged)
    try:
        said = json.loads(out)
    except ValueError:
        return Invoked(error="Runtime.ExitError", message=f"the process ended with {process.returncode}")
    if "error" in said:
        return Invoked(error=said["error"], message=said["message"])
    return Invoked(payload=said["payload"])


def deliver(world: World, arn: str, event: Any, late: float = 0.0) -> None:
    """Invoke asynchronously, as CloudFormation does: again where it ends in an error, and nobody hears of it.

    `late`: seconds of simulated time after which it is delivered.
    """
    due = world.now() + late

    def attempts() -> None:
        while world.now() < due:
            time.sleep(LOOK)
        for _ in range(ATTEMPTS):
            if not invoke(world, arn, event).error:
                return

    threading.Thread(target=attempts, name="delivery", daemon=True).start()
