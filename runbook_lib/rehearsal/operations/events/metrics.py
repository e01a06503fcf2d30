"""What EventBridge counts of its rules, as CloudWatch shows it [docs: EventBridge metrics]."""

from runbook_lib.rehearsal.operations.cloudwatch import CloudWatchState, metric_of
from runbook_lib.rehearsal.world import World

NAMESPACE = "AWS/Events"


def count(world: World, rule: str, metric: str) -> None:
    """One more of a rule of the default bus, by its ARN; a rule of another bus has its bus beside it."""
    _, _, _, region, account, path = rule.split(":", 5)
    *bus, name = path.removeprefix("rule/").split("/")
    dimensions = [{"Name": "RuleName", "Value": name}, *({"Name": "EventBusName", "Value": each} for each in bus)]
    where = metric_of(account, region, NAMESPACE, metric, dimensions)
    world.of(CloudWatchState).values.setdefault(where, []).append((world.now(), 1.0))
