"""The list of steps: each is a function of a Bench that returns a note or nothing, or raises."""

import dataclasses
from typing import Callable

from bench import Bench


@dataclasses.dataclass(frozen=True)
class Step:
    """`needs` are steps that must have run before; where one failed this one is not tried and fails too.

    `verb` is the method of the client's driver that the step is about: n/a where the client has no such command.
    """

    name: str
    function: Callable[[Bench], str | None]
    verb: str | None
    needs: tuple[str, ...]
    # Steps of the second round see what all clients published in the first.
    second_round: bool


STEPS: list[Step] = []


def step(name: str, verb: str | None = None, needs: tuple[str, ...] = (), second_round: bool = False):
    """Adds the function to the list; the order of definition is the order of the run and of the table."""

    def add(function: Callable[[Bench], str | None]) -> Callable[[Bench], str | None]:
        STEPS.append(Step(name, function, verb, needs, second_round))
        return function

    return add


def selected(names: list[str] | None) -> list[Step]:
    """The named steps and what they need, in order; all of them without names."""
    known = {one.name: one for one in STEPS}
    if not names:
        return list(STEPS)
    wanted: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in known:
            raise SystemExit(f"no step is called {name}; there are: {', '.join(known)}")
        if name not in wanted:
            wanted.add(name)
            queue += known[name].needs
    return [one for one in STEPS if one.name in wanted]
