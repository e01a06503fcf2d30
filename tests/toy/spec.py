"""X-Ray by name and number, as far as its encryption is concerned."""

from runbook_lib.services.spec import Offer, Probe, Rate, ServiceSpec

NAME = "xray"
SPEC = ServiceSpec(
    name=NAME,
    title="X-Ray",
    section="xray",
    settings="toy.section",
    phase="25_xray",
    purpose="Encrypt traces with a key of the organization's own.",
    does="encryption of traces in the delegated account",
    principals=(),
    roles=("AWSServiceRoleForXRay",),
    probe=Probe("GetEncryptionConfig"),
    rates={"*": Rate(5, 10, "assumed")},
    regions=Offer("made up", "2026-11", lacking=("eu-south-",)),
    offers={"KMS": Offer("made up", "2026-11", lacking=("us-east-2",))},
    enabled_by=("encryption",),
)
