"""`runbook evidence key` and `trust`: a private key, and a policy signed with one."""

import hashlib
from pathlib import Path

import click

from runbook_lib.base.documents.files import read_bytes
from runbook_lib.base.files import write_bytes
from runbook_lib.base.owner_only import handed_over
from runbook_lib.evidence.people.trust import LARGEST_POLICY, signed_policy
from runbook_lib.evidence.seal.keys import der_digest, local_signer, pem


def key_command(path: Path) -> int:
    """Make a private key of your own at PATH (ending in .pem), unless it is there, and print its public key."""
    if path.suffix != ".pem":
        raise click.UsageError("the name of a key ends in .pem")
    click.echo(pem(local_signer(path.parent, path.stem).public_key), nl=False)
    return 0


def trust_command(policy: Path, out: Path, key: Path) -> int:
    """Sign a trust policy (JSON) as its owner. Settings name the result (evidence.trust_policy); the auditor gets it too."""
    signer = local_signer(key.parent, key.stem)
    data = signed_policy(read_bytes(policy, LARGEST_POLICY), signer, str(policy))
    with handed_over():
        write_bytes(out, data)
    click.echo("To take no other, say one of these in settings, below evidence:")
    click.echo(f'  trust_policy_owner: "{der_digest(pem(signer.public_key))}" # policies signed with this key')
    click.echo(f'  trust_policy_sha256: "{hashlib.sha256(data).hexdigest()}" # this file')
    return 0
