"""Forecasts on the recorded histories: how often the stated band held, and how wide it was."""

from workbench.analyse.capacity import capacity
from workbench.analyse.hindsight import rolling
from workbench.analyse.trend import COVERAGE
from workbench.share import shared
from workbench.snapshot import load_history


def main() -> None:
    for folder in sorted((shared("data") / "estates").glob("*/history")):
        found = capacity(load_history(folder))
        for past, ahead in ((14, 7), (14, 14), (21, 7)):
            held = list(rolling(found, past, ahead))
            if held:
                print(
                    f"  {folder.parent.name:15} {past} days back, {ahead:2} ahead: "
                    f"held {sum(held) / len(held):.2f} of {len(held)} (stated {COVERAGE})"
                )
