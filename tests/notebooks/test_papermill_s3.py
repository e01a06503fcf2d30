"""papermill's own output into a bucket, with nothing installed that the base does not have: the same record besides."""

from pathlib import Path

import boto3
from doors import PAPERMILL, ROOT, outputs, served, states

from runbook_lib.audit.verify import verify
from runbook_lib.evidence.people.trust import Trust
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.evidence.seal.keys import pinned
from runbook_lib.rehearsal.app import RUNNER, RUNNER_NAME
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.identity import user_key


def test_the_executed_notebook_goes_into_a_bucket_and_the_run_is_kept_as_ever(tmp_path: Path) -> None:
    with served("seven", tmp_path, moto=True) as organization:
        backstop = organization.front.backstop
        assert isinstance(backstop, Backstop)
        try:
            key, secret = user_key(RUNNER, RUNNER_NAME)
            s3 = boto3.client(
                "s3", endpoint_url=organization.url, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
            )
            s3.create_bucket(Bucket="acme-notebooks")
            notebook = str(ROOT / "notebooks" / "00_prerequisites.ipynb")
            given = ("-r", "parameters_file", str(organization.settings), "--no-progress-bar")
            done = organization.run([*PAPERMILL, notebook, "s3://acme-notebooks/out/prerequisites.ipynb", *given])
            assert done.returncode == 0, done.stderr
            out = tmp_path / "out.ipynb"
            out.write_bytes(s3.get_object(Bucket="acme-notebooks", Key="out/prerequisites.ipynb")["Body"].read())
            s3.close()
        finally:
            backstop.reset()
            backstop.close()
        assert set(states(out)) == {"completed"}
        (run,) = find_runs(organization.runs)
        assert any(run.name in each for each in outputs(out))
        keys = organization.runs / "keys"
        trust = Trust({"rehearsal": pinned(keys, "rehearsal")}, "the pinned key")
        assert verify(organization.runs, trust, [run.name]).faults == ()
