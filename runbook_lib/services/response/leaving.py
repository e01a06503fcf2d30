"""Calls that take a change of the response back, and what they take; nothing else makes them."""

from collections.abc import Mapping

from runbook_lib.services.departure import Losing
from runbook_lib.services.response.names import EVENTS, HUB, QUEUES, TOPICS

UNDOING: Mapping[str, Losing] = {
    f"{HUB}:DeleteActionTarget": Losing("custom actions in the console of Security Hub", of_accounts=False),
    f"{EVENTS}:DisableRule": Losing("messages about findings", unwatched=True, note="The rules stay.", of_accounts=False),
    f"{EVENTS}:RemoveTargets": Losing("the targets of routes", of_accounts=False),
    f"{EVENTS}:DeleteRule": Losing("the rules of routes", of_accounts=False),
    f"{QUEUES}:DeleteQueue": Losing("queues and the messages in them", for_good=True, of_accounts=False),
    f"{TOPICS}:DeleteTopic": Losing("topics and their subscriptions", for_good=True, of_accounts=False),
}
