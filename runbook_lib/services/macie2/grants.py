"""What bucket and key have to grant to Macie, so that results of discovery are kept [docs: storing discovery results]."""

from collections.abc import Iterator
from typing import Any

from runbook_lib.aws.endpoints import partition_facts
from runbook_lib.services.granting import allow, of_source
from runbook_lib.services.macie2.spec import NAME
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.macie2 import MacieSection

PRINCIPAL = {"Service": "macie.amazonaws.com"}


def grants(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """A statement for each Region's bucket and key."""
    section, account = settings.sections().get(NAME), settings.organization.delegated_account
    export = section.export if isinstance(section, MacieSection) else None
    for region, destination in sorted((export or {}).items()):
        partition, name = partition_facts(region)[0], region.replace("-", "")
        mine = f"arn:{partition}:macie2:{region}:{account}:"
        source = of_source(account, f"{mine}export-configuration:*", f"{mine}classification-job/*")
        bucket = f"arn:{partition}:s3:::{destination.bucket_name}"
        prefix = (destination.key_prefix or "").strip("/")
        objects = f"{bucket}/{prefix}/*" if prefix else f"{bucket}/*"
        yield bucket, allow(f"MacieLooks{name}", PRINCIPAL, ["s3:GetBucketLocation"], [bucket], source)
        yield bucket, allow(f"MacieWrites{name}", PRINCIPAL, ["s3:PutObject"], [objects], source)
        yield (
            destination.kms_key_arn,
            allow(f"MacieEncrypts{name}", PRINCIPAL, ["kms:GenerateDataKey", "kms:Encrypt"], ["*"], source),
        )
