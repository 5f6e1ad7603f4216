"""Slopes that one odd day does not move, and bands that hold what they promise."""

import numpy as np
import pytest

from workbench.analyse.trend import COVERAGE, slope, trend


def days(count):
    return np.arange(count, dtype=float)


def test_a_weekly_rhythm_is_no_slope():
    x = days(28)
    rhythm = np.where(x % 7 >= 5, 400.0, 0.0)
    assert slope(x, 100 + rhythm) == 0
    assert slope(x, 10 * x + rhythm) == pytest.approx(10)


def test_a_purge_that_was_written_down_leaves_the_slope_and_narrows_the_band():
    x = days(28)
    purged = 10 * x - np.where(x >= 16, 300.0, 0.0)
    told = trend(x, purged, [16.0, 17.0])
    untold = trend(x, purged)
    assert told.per_day == pytest.approx(10)
    assert told.change(30) == pytest.approx((300, 300, 300))
    low, _, high = untold.change(30)
    assert high - low > 300


def test_two_weeks_of_points_are_the_least():
    assert trend(days(13), days(13)) is None
    assert trend(days(14), days(14)).per_day == 1


def test_gaps_between_days_are_no_obstacle():
    x = np.delete(days(40), [3, 4, 5, 20, 33])
    assert trend(x, 7 * x).per_day == pytest.approx(7)


def test_what_does_not_move_has_no_band():
    found = trend(days(28), np.full(28, 5.0))
    assert found.change(90) == (0, 0, 0)
    assert found.reaches(1) == (None, None, None)


def test_the_ends_of_the_band_reach_a_limit_before_and_after_the_middle():
    noise = np.random.default_rng(3).normal(0, 20, 60)
    early, middle, late = trend(days(60), 10 * days(60) + noise.cumsum()).reaches(2000)
    assert early < middle < late


@pytest.mark.parametrize(("past", "ahead"), [(28, 14), (28, 30), (90, 30), (90, 90)])
def test_the_band_holds_about_as_often_as_it_promises(past, ahead):
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(300):
        steps = 10 + 5 * np.sin(2 * np.pi * days(past + ahead) / 7) + rng.normal(0, 4, past + ahead)
        sizes = steps.cumsum()
        low, _, high = trend(days(past), sizes[:past]).change(ahead)
        held += sizes[past - 1] + low <= sizes[-1] <= sizes[past - 1] + high
    assert held / 300 == pytest.approx(COVERAGE, abs=0.07)
