"""One operation on a stack, from its first event to its last, in a thread of its own.

Create and update go through the resources in order; what fails is rolled back, resource by resource, unless that was not wanted. A
rollback sends an update with old and new properties exchanged, and says nowhere that it is one [docs crpg-ref-requesttypes-update].
"""

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.cloudformation.custom import ask
from runbook_lib.rehearsal.operations.cloudformation.making import NotMade, make, unmake
from runbook_lib.rehearsal.operations.cloudformation.state import Resource, Stack
from runbook_lib.rehearsal.operations.cloudformation.templates import digest, order, resolved
from runbook_lib.rehearsal.world import World

STACK = "AWS::CloudFormation::Stack"


@dataclass(eq=False)
class Operation:
    """A create, update, rollback or deletion of one stack under one request token."""

    world: World
    stack: Stack
    token: str = ""
    disable_rollback: bool = False
    before: dict[str, Resource] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    replaced: list[Resource] = field(default_factory=list)
    failed: str = ""

    def begin(self, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=f"stack {self.stack.name}", daemon=True).start()

    def say(self, status: str, reason: str = "", resource: Resource | None = None) -> None:
        """An event, and the state of what it is about."""
        with self.world.lock:
            stack, now = self.stack, self.world.now()
            if resource is None:
                stack.status, stack.reason = status, reason
            else:
                resource.status, resource.reason, resource.changed = status, reason, now
            named = resource or Resource(stack.name, STACK, {}, stack.id)
            number = len(stack.events)
            stack.events.append(
                {
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "EventId": f"{named.logical_id}-{status}-{number:06d}",
                    "LogicalResourceId": named.logical_id,
                    "PhysicalResourceId": named.physical_id,
                    "ResourceType": named.type,
                    "Timestamp": now,
                    "ResourceStatus": status,
                    "ResourceStatusReason": reason or None,
                    "ClientRequestToken": self.token or None,
                }
            )

    def deploy(self, kind: str, template: dict[str, Any], parameters: dict[str, str]) -> None:
        """Create or update (`kind`) by a template."""
        stack = self.stack
        self.before = copy.deepcopy(stack.resources)
        self.say(f"{kind}_IN_PROGRESS", "User Initiated")
        for name in order(template):
            if not self._made(name, template["Resources"][name], parameters):
                self.failed = name
                break
        if not self.failed:
            try:
                outputs = template.get("Outputs", {})
                found = {name: str(resolved(each["Value"], stack, parameters)) for name, each in outputs.items()}
            except ApiError as error:
                self.failed = error.message
        if self.failed:
            self._back(kind, template)
            return
        stack.template, stack.parameters, stack.outputs = template, parameters, found
        gone = [name for name in stack.resources if name not in template["Resources"]]
        if kind == "UPDATE" and (gone or self.replaced):
            self.say("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for each in self.replaced:
            self._delete(each, template["Resources"][each.logical_id].get("UpdateReplacePolicy", "Delete"))
        for name in reversed(gone):
            declared = (self._declared(name)).get("DeletionPolicy", "Delete")
            self._delete(stack.resources[name], declared)
            del stack.resources[name]
        self.say(f"{kind}_COMPLETE")

    def _declared(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.stack.template.get("Resources", {}).get(name, {})
        return found

    def _made(self, name: str, declared: dict[str, Any], parameters: dict[str, str]) -> bool:
        """Make one resource or bring it up to date; False where that failed."""
        stack = self.stack
        properties = resolved(declared.get("Properties", {}), stack, parameters)
        there = stack.resources.get(name)
        whole = there is not None and there.status != "CREATE_FAILED"
        if there is not None and whole and digest(there.properties) == digest(properties) and there.status != "UPDATE_FAILED":
            return True
        if there is not None and not whole:
            self._delete(there, declared.get("DeletionPolicy", "Delete"))  # a failed one goes on the next operation [docs]
        verb = "UPDATE" if whole else "CREATE"
        resource = there if there is not None and whole else Resource(name, declared["Type"], properties)
        old = resource.properties if whole else None
        stack.resources[name] = resource
        resource.properties = properties
        self.touched.append(name)
        self.say(f"{verb}_IN_PROGRESS", resource=resource)
        why = self._carried_out(verb.title(), resource, old)
        self.say(f"{verb}_FAILED" if why else f"{verb}_COMPLETE", why, resource)
        return not why

    def _carried_out(self, kind: str, resource: Resource, old: dict[str, Any] | None) -> str:
        """Why it failed; "" where it did not."""
        if not resource.custom:
            try:
                with self.world.lock:
                    make(self.world, self.stack, resource)
            except NotMade as why:
                return str(why)
            return ""
        if old is not None and old.get("ServiceToken") != resource.properties["ServiceToken"]:
            return "Modifying service token is not allowed."
        answer = ask(self.world, self.stack, kind, resource, old)
        if answer["Status"] == "FAILED":
            if kind == "Create":
                resource.physical_id = answer["PhysicalResourceId"]
            return str(answer.get("Reason") or "failed")
        if kind == "Update" and answer["PhysicalResourceId"] != resource.physical_id:
            self.replaced.append(copy.deepcopy(resource))
        resource.physical_id, resource.attributes = answer["PhysicalResourceId"], dict(answer.get("Data") or {})
        return ""

    def _back(self, kind: str, template: dict[str, Any]) -> None:
        """After a failure: everything back to what it was, or only the resource that failed."""
        stack, verb = self.stack, "" if kind == "CREATE" else "UPDATE_"
        why = "The following resource(s) failed to " + f"{kind.lower()}: [{self.failed}]."
        if self.disable_rollback and not stack.cancelled:
            if self.failed in self.before:
                self._swapped(self.failed)
            self.say(f"{kind}_FAILED", why)
            return
        stack.cancelled = False
        self.say(f"{verb}ROLLBACK_IN_PROGRESS", why)
        stack.failed_in_rollback = set()
        if kind == "CREATE":
            self._take_away(list(reversed(self.touched)), template)
        else:
            for name in reversed([each for each in self.touched if each in self.before]):
                if not self._swapped(name):
                    stack.failed_in_rollback.add(name)
        if stack.failed_in_rollback:
            self.say(
                f"{verb}ROLLBACK_FAILED", f"The following resource(s) failed: [{', '.join(sorted(stack.failed_in_rollback))}]."
            )
            return
        if kind == "UPDATE":
            self.say("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._take_away([name for name in reversed(self.touched) if name not in self.before], template)
        self.say(f"{verb}ROLLBACK_COMPLETE")

    def _take_away(self, names: list[str], template: dict[str, Any]) -> None:
        for name in names:
            resource = self.stack.resources[name]
            if self._delete(resource, template["Resources"][name].get("DeletionPolicy", "Delete")):
                del self.stack.resources[name]
            else:
                self.stack.failed_in_rollback.add(name)

    def _swapped(self, name: str) -> bool:
        """Put one resource back: an update like any other, with old and new exchanged."""
        resource, old = self.stack.resources[name], self.before[name]
        now, resource.properties = resource.properties, old.properties
        self.say("UPDATE_IN_PROGRESS", resource=resource)
        why = self._carried_out("Update", resource, now)
        self.say("UPDATE_FAILED" if why else "UPDATE_COMPLETE", why, resource)
        return not why

    def _delete(self, resource: Resource, policy: str) -> bool:
        """Delete a resource, unless it is retained; False where that failed."""
        if policy.startswith("Retain"):
            self.say("DELETE_SKIPPED", resource=resource)
            return True
        self.say("DELETE_IN_PROGRESS", resource=resource)
        why = ""
        if resource.custom:
            answer = ask(self.world, self.stack, "Delete", resource)
            why = str(answer.get("Reason") or "failed") if answer["Status"] == "FAILED" else ""
        else:
            with self.world.lock:
                unmake(self.world, self.stack, resource)
        self.say("DELETE_FAILED" if why else "DELETE_COMPLETE", why, resource)
        return not why

    def delete(self, retain: frozenset[str]) -> None:
        """Delete the stack. What fails stays, while what it depends on goes all the same [issue coverage-roadmap#852]."""
        stack = self.stack
        self.say("DELETE_IN_PROGRESS", "User Initiated")
        names = order(stack.template) if stack.template else list(stack.resources)
        for name in reversed([each for each in names if each in stack.resources]):
            policy = "Retain" if name in retain else self._declared(name).get("DeletionPolicy", "Delete")
            if self._delete(stack.resources[name], policy):
                del stack.resources[name]
        if stack.resources:
            self.say("DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(stack.resources)}].")
        else:
            self.say("DELETE_COMPLETE")

    def go_on(self, skipped: frozenset[str]) -> None:
        """Roll back once more what failed in a rollback; what is skipped is called complete, which it is not."""
        stack = self.stack
        self.say("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        for name in sorted(stack.failed_in_rollback - skipped):
            if self._swapped_again(name):
                stack.failed_in_rollback.discard(name)
        if left := stack.failed_in_rollback - skipped:
            self.say("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed: [{', '.join(sorted(left))}].")
            return
        stack.failed_in_rollback = set()
        self.say("UPDATE_ROLLBACK_COMPLETE")

    def _swapped_again(self, name: str) -> bool:
        resource = self.stack.resources[name]
        why = self._carried_out("Update", resource, resource.properties)
        self.say("UPDATE_FAILED" if why else "UPDATE_COMPLETE", why, resource)
        return not why
