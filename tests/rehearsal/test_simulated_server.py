"""The server as a process of its own: other processes reach it and nothing else, and it ends when it should."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_lib.rehearsal import environment
from runbook_lib.rehearsal.environment import ServerFailed

LIBRARY = str(Path(__file__).parents[2])
CLIENT = """
import boto3
runner = boto3.Session(profile_name="rehearsal-runner")
sts = runner.client("sts")
arn = "arn:aws:iam::111111111111:role/RunbookManagement"
given = sts.assume_role(RoleArn=arn, RoleSessionName="run-1")["Credentials"]
session = boto3.Session(
    aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"], aws_session_token=given["SessionToken"]
)
print(sts.get_caller_identity()["Arn"], len(session.client("organizations").list_accounts()["Accounts"]))
hub = session.client("securityhub")
print(session.client("s3").list_buckets()["Buckets"], sorted({sts.meta.endpoint_url, hub.meta.endpoint_url}))
"""
STARTER = """
import sys
from pathlib import Path
from runbook_lib.rehearsal import environment
print(environment.start(Path(sys.argv[1]), "seven").pid, flush=True)
if sys.argv[2] == "killed":
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(code: str, env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=env | {"PYTHONPATH": LIBRARY}, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    environment.stop(tmp_path)


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"},
        {"AWS_PROFILE": "somebody-else"},
        {"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_ACCESS_KEY_ID": "AKIAREAL000000000000", "AWS_SECRET_ACCESS_KEY": "real", "AWS_SESSION_TOKEN": "real"},
    ],
    ids=lambda each: next(iter(each), "nothing set"),
)
@pytest.mark.fact("MF-10.1-24")
def test_nothing_of_the_parents_environment_leads_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, hostile: dict[str, str]
) -> None:
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    running = environment.start(folder, "seven")
    done = run(CLIENT, running.environment)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["arn:aws:iam::333333333333:user/rehearsal-runner 7", f"[] ['{running.url}']"]
    assert [each["operation"] for each in running.control("GET", "log")] == [
        "AssumeRole",
        "GetCallerIdentity",
        "ListAccounts",
        "GET /",
    ]


def test_the_environment_is_built_from_little(tmp_path: Path) -> None:
    base = {"PATH": "p", "AWS_REGION": "sa-east-1", "aws_profile": "x", "No_Proxy": "all", "HTTPS_PROXY": "y", "HOME": "h"}
    made = environment.environment(tmp_path, "http://127.0.0.1:1", "us-east-1", base)
    assert {name for name in made if not name.startswith("AWS_")} == {"PATH", "HOME", "NO_PROXY", "no_proxy"}
    assert (made["AWS_ENDPOINT_URL"], made["AWS_REGION"], made["AWS_EC2_METADATA_DISABLED"]) == (
        "http://127.0.0.1:1",
        "us-east-1",
        "true",
    )
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert stat.S_IMODE(Path(made[name]).stat().st_mode) == 0o600
        assert Path(made[name]).parent == tmp_path.resolve()


def test_a_kept_server_outlives_its_starter_and_is_found_again(folder: Path) -> None:
    starter = STARTER.replace('"seven"', '"seven", keep=True')
    done = run(starter, dict(os.environ), str(folder), "")
    assert done.returncode == 0, done.stderr
    found = environment.find(folder)
    assert found is not None
    assert found.pid == int(done.stdout)
    assert run(CLIENT, found.environment).stdout.startswith("arn:aws:iam::333333333333:user/rehearsal-runner 7")
    with pytest.raises(ServerFailed, match="already runs"):
        environment.start(folder, "seven")
    assert environment.stop(folder)
    assert environment.find(folder) is None
    assert not environment.stop(folder)


@pytest.mark.parametrize("end", ["ended", "killed"])
def test_a_server_that_is_not_kept_dies_with_its_starter(tmp_path: Path, end: str) -> None:
    pid = int(run(STARTER, dict(os.environ), str(tmp_path), end).stdout)
    deadline = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < deadline, "the server outlived its starter"
        time.sleep(0.05)
    assert environment.find(tmp_path) is None


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody waits for does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_keeps_a_server_from_starting_is_said(folder: Path) -> None:
    with pytest.raises(ServerFailed, match="did not start: no seed is called 'nobody'"):
        environment.start(folder, "nobody")
    assert environment.find(folder) is None


def test_a_stale_state_file_is_no_server(folder: Path) -> None:
    (folder / "server.json").write_text('{"url": "http://127.0.0.1:9", "pid": 1, "region": "us-east-1"}', encoding="utf-8")
    assert environment.find(folder) is None


def test_the_backstop_knows_which_account_calls() -> None:
    from runbook_lib.rehearsal.app import build_app
    from runbook_lib.rehearsal.inproc import session_for

    front = build_app("seven")
    session_for(front, "111111111111").client("sns").create_topic(Name="mine")
    topics = {
        account: session_for(front, account).client("sns").list_topics()["Topics"] for account in ("111111111111", "222222222222")
    }
    assert topics == {"111111111111": [{"TopicArn": "arn:aws:sns:us-east-1:111111111111:mine"}], "222222222222": []}
    assert session_for(build_app("seven"), "111111111111").client("sns").list_topics()["Topics"] == []


def test_what_moto_has_no_answer_to_is_named_and_what_it_keeps_is_read_back() -> None:
    from botocore.exceptions import ClientError

    from runbook_lib.rehearsal.app import build_app
    from runbook_lib.rehearsal.inproc import session_for

    session = session_for(build_app("no-config"), "111111111111")
    with pytest.raises(ClientError, match=r"NotSimulated.*sns:PutDataProtectionPolicy is not simulated") as caught:
        session.client("sns").put_data_protection_policy(ResourceArn="arn", DataProtectionPolicy="{}")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match=r"NotSimulated.*detective:POST /graphs/list is not simulated"):
        session.client("detective").list_graphs()
    contact = {"Name": "On call", "EmailAddress": "oncall@example.com", "Title": "Responder", "PhoneNumber": "0"}
    session.client("account").put_alternate_contact(AlternateContactType="SECURITY", **contact)
    assert session.client("account").get_alternate_contact(AlternateContactType="SECURITY")["AlternateContact"]["Name"] == "On call"
    config = session.client("config")
    assert config.describe_configuration_recorders()["ConfigurationRecorders"] == []
    config.put_configuration_recorder(ConfigurationRecorder={"name": "mine", "roleARN": "arn:aws:iam::111111111111:role/config"})
    assert [each["name"] for each in config.describe_configuration_recorders()["ConfigurationRecorders"]] == ["mine"]
