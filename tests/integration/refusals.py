"""Which cells of the table are refusals, why, and in which words: the one place to change when the registry changes.

A refusal is as strict as a pass. The step must fail at a command of the client, and that command's output must hold the
words written here. A step that succeeds although it stands here fails with the request to take its line out.
"""

import dataclasses
import re

import registry
import terminal

NPM = ("npm12", "npm11", "npm10", "npm9", "npm6")
# pnpm 9 and 10 run an npm 10 for all but installing.
NPM_AND_BY_NPM = (*NPM, "pnpm10", "pnpm9")
PNPM = ("pnpm12", "pnpm11")
ALL = (*NPM_AND_BY_NPM, *PNPM, "yarn1", "yarn4", "bun")


@dataclasses.dataclass(frozen=True)
class Refusal:
    """`words` is a regular expression for what the client prints; `clients` are names of client_table.txt.

    `online` is for what fails only where a host of the internet cannot be reached: there a success is one, too.
    """

    steps: tuple[str, ...]
    clients: tuple[str, ...]
    words: str
    why: str
    online: bool = False

    def quoted(self, done: object) -> str | None:
        """The line of the client, or of a raw answer, that holds the words; None when it said something else."""
        if isinstance(done, registry.Response):
            lines = [f"{done.status} {done.json().get('error', '')}"]
        elif isinstance(done, terminal.Outcome):
            lines = done.output.splitlines()
        else:
            return None
        for line in lines:
            if re.search(self.words, line):
                return " ".join(line.split())
        return None


REFUSALS = [
    # For good: what the client does cannot be granted, or the client itself refuses.
    Refusal(("owner add", "owner rm"), ("yarn1",), "is not the current one",
            "yarn 1 sends the new list of owners without having read the old one"),
    Refusal(("team add", "team rm"), ("yarn1",), '"user" is needed',
            "yarn 1 names nobody, whoever stands on its command line"),
    Refusal(("publish --provenance",), ALL,
            "(?i)provenance generation (is )?(not|only) supported|not supported for this CI",
            "the client makes provenance in a CI it knows"),
    Refusal(("audit signatures",), ("npm12", "npm11", "npm10", "npm9"), "tuf-repo-cdn|fetch failed",
            "the client first asks the public transparency root", online=True),
    # Until the registry has them.
    Refusal(("login web",), ALL, "(?i)username", "switched off in this run; the client asks for name and password"),
]


def expected(step: str, client: str) -> Refusal | None:
    return next((one for one in REFUSALS if step in one.steps and client in one.clients), None)


def misspelt(steps: set[str], clients: set[str]) -> list[str]:
    """What the list names although there is no such step or client."""
    return sorted({name for one in REFUSALS for name in one.steps if name not in steps}
                  | {name for one in REFUSALS for name in one.clients if name not in clients})
