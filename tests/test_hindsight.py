"""Earlier forecasts beside what came."""

import pytest

from test_capacity import ESTATE, MB, growing, taken
from workbench.analyse.hindsight import hindsight
from workbench.estate import load_estate
from workbench.snapshot import History


@pytest.fixture
def estate(tmp_path):
    (tmp_path / "estate.toml").write_text(ESTATE)
    return load_estate(tmp_path)


def test_a_steady_growth_is_foretold_to_the_byte(estate):
    found = hindsight(growing(estate, 60), [30])
    order = found[found["service"] == "order"].iloc[0]
    assert order["said"] == order["came"] == 100 * MB + 59 * MB
    assert order["held"]


def test_what_was_not_known_then_says_from_when_it_is(estate):
    found = hindsight(growing(estate, 28), [30])
    assert found["said"].isna().all()
    assert set(found["because"]) == {"needs 44 days of history; there from 2026-11-13 on"}


def test_a_purge_that_was_written_down_is_left_out_as_the_forecast_leaves_it_out(tmp_path):
    event = '[[events]]\ndate = 2026-10-15\nwhat = "purge"\nservice = "order"\n'
    (tmp_path / "estate.toml").write_text(ESTATE + event)
    told = load_estate(tmp_path)

    def day(n):
        return taken(
            told, n, {("orders", "o"): (100 * MB + n * MB - (40 * MB if n >= 14 else 0), 1)}
        )

    found = hindsight(History(told, tuple(map(day, range(60)))), [30])
    order = found[found["service"] == "order"].iloc[0]
    assert order["said_low"] == order["said_high"] == order["came"]


def test_a_break_of_the_trend_falls_outside_the_band(estate, monkeypatch):
    history = growing(estate, 45)
    jumped = growing(estate, 60, per_day=3 * MB).snapshots[45:]
    found = hindsight(type(history)(estate, (*history.snapshots, *jumped)), [30])
    assert not found[found["service"] == "order"].iloc[0]["held"]
