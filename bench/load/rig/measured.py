"""Rows of the table that are no comparison of two servers under the same load: one value, several times."""

import statistics
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True)
class Value:
    """The median of `samples`, and where the design names a figure for it, the limit to stay within."""

    figure: str  # Which figure of the design it belongs to; empty: none.
    scenario: str
    unit: str
    samples: list[float] = field(default_factory=list)
    limit: float | None = None
    at_least: bool = False  # The limit is to be reached from above.

    @property
    def value(self) -> float:
        return statistics.median(self.samples)

    @property
    def reached(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @classmethod
    def from_json(cls, made: dict) -> "Value":
        return cls(**{field.name: made[field.name] for field in fields(cls)})

    def as_json(self) -> dict:
        return {**asdict(self), "value": self.value, "reached": self.reached}


@dataclass
class Section:
    """Rows that belong together: a heading of the page, and a plot if some of them are comparisons."""

    name: str  # A file name part.
    title: str
    comparisons: list = field(default_factory=list)  # rounds.Comparison
    values: list[Value] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # What the reader must know about the rows; sentences.

    def as_json(self) -> dict:
        return {"name": self.name, "title": self.title, "comparisons": [row.as_json() for row in self.comparisons],
                "values": [value.as_json() for value in self.values], "notes": self.notes}
