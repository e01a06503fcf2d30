"""Security Hub CSPM, simulated whole as far as organization-wide enablement goes (aws-behaviour sections 4 and 9).

Variants (`world.variants`), each a point that AWS's documentation leaves open; the first choice is the default:
"securityhub designate again": ok | conflict
"securityhub designation too early": no | once
"securityhub list members": no such resource | internal
"securityhub oversize": surplus | reject
"securityhub member standards": default | as auto-enable
"securityhub second aggregator": LimitExceededException | another code
"securityhub standard again": returned | refused
"securityhub describe standards": any | hub
"securityhub member limit": 11000 | another number
"securityhub organizations policy": off | on
"securityhub action name": 20 | 19
"securityhub rules on updates": no | yes
"securityhub suppressed findings": frozen | updated
"securityhub update delay": 0 | seconds
"""

from . import (
    administration,
    aggregation,
    associations,
    automation,
    central,
    controls,
    custom_actions,
    findings,
    history,
    hub,
    looked_for,
    members,
    products,
    second,
    standards,
    updating,
)
from .administration import designate
from .events import install
from .membership import enrol
from .state import SecurityHubState, state_of
from .switching import switch_on

PAGES = {
    ("POST", "press"): custom_actions.press,
    ("POST", "acknowledge"): updating.acknowledge,
    ("POST", "watch"): controls.watch,
    ("POST", "react"): updating.react,
    ("POST", "v2"): second.switch_on_v2,
}
"""Pages of the control: what a person does in the console, a control that looks at a resource, and targets that update findings."""
__all__ = [
    "SecurityHubState",
    "administration",
    "aggregation",
    "associations",
    "automation",
    "central",
    "controls",
    "custom_actions",
    "designate",
    "enrol",
    "findings",
    "history",
    "hub",
    "install",
    "looked_for",
    "members",
    "products",
    "second",
    "standards",
    "state_of",
    "switch_on",
    "updating",
]
