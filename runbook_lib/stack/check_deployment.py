"""Deploying the daily check: its source and template into the bucket, a change set, and the first look once it is there."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from runbook_lib.settings import Settings
from runbook_lib.stack import checking
from runbook_lib.stack.foretelling import changes
from runbook_lib.stack.installing import LONGEST, LOOK, Installer, NotFollowed, Proposal
from runbook_lib.stack.template import ORGANIZATION, text


@dataclass
class CheckDeployment:
    """One deployment of the check of some settings. `source`: what its builds run; `topic`: where alarms go, if anywhere."""

    installer: Installer
    settings: Settings
    bucket: str
    source: bytes
    topic: str = ""
    proposal: Proposal | None = None

    @property
    def _template(self) -> str:
        return text(checking.template(self.settings, self.topic))

    @property
    def _values(self) -> dict[str, str]:
        """The template's parameters, as far as they are known before anything is uploaded."""
        key = f"artifacts/{hashlib.sha256(self.source).hexdigest()}/check.zip"
        return {"ArtifactBucket": self.bucket, "SourceKey": key, ORGANIZATION: self.settings.organization.id}

    def foretold(self) -> list[str]:
        """What a change set would have in it; nothing is written."""
        there = {each["ParameterKey"]: each["ParameterValue"] for each in self.installer.stack().get("Parameters", ())}
        changed = {name for name, value in self._values.items() if there.get(name) != value}
        return list(changes(self.installer.written(), json.loads(self._template), changed))

    def propose(self) -> bool:
        """Make the change set; False where there is nothing to change. Raises StackRefused."""
        installer, values = self.installer, self._values
        values["SourceVersion"] = installer.keep(self.bucket, values["SourceKey"], self.source)
        given: list[dict[str, Any]] = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        self.proposal = installer.propose(installer.kind(), installer.template(self.bucket, self._template), given)
        return self.proposal is not None

    def lines(self) -> list[str]:
        assert self.proposal is not None
        return list(self.proposal.lines())

    def withdraw(self) -> None:
        """Nobody said yes: leave no trace."""
        assert self.proposal is not None
        self.installer.withdraw(self.proposal)

    def carry_out(self) -> None:
        """Execute the change set and follow it. Raises StackFailed with the first cause."""
        assert self.proposal is not None
        self.installer.carry_out(self.proposal)

    def first(self) -> str:
        """Have it look now, since silence is an alarm, and follow that to its end; the build's status."""
        installer, waited, said = self.installer, 0.0, ""
        build = installer.call("codebuild", "start_build", projectName=installer.name)["build"]["id"]
        installer.say(f"the first check: build {build}")
        while waited < LONGEST:
            found = installer.call("codebuild", "batch_get_builds", ids=[build])["builds"][0]
            if (phase := str(found.get("currentPhase", ""))) != said:
                installer.say(f"  {phase}")
                said = phase
            if found["buildStatus"] != "IN_PROGRESS":
                return str(found["buildStatus"])
            installer.sleep(LOOK)
            waited += LOOK
        raise NotFollowed(f"build {build} has not ended after {LONGEST / 3600:.0f} hours")
