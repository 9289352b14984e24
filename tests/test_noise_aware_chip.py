"""The benchmark of noise-aware training: what its table is made of."""

from __future__ import annotations

import pytest

from benchmarks.noise_aware_chip import SETTINGS, as_csv, from_csv, measure, table


@pytest.fixture(scope="module")
def rows():
    settings = ["max", "granular", "granular, recalibrated"]
    return list(measure("digits-w4", "digits", settings, images=100, chips=2))


def test_a_range_of_one_level_loses_less_than_one_of_all_rows(rows):
    by_max, by_level, _ = rows
    assert by_max.loss > by_level.loss


def test_a_row_says_what_was_lost_of_the_exact_networks_accuracy(rows):
    for row in rows:
        assert row.loss == pytest.approx(row.exact - row.accuracy)
        assert row.low < row.loss < row.high
        assert row.worst_chip <= row.accuracy
        assert (row.images, row.chips) == (100, 2)
    assert len({row.exact for row in rows}) == 1


def test_what_was_written_is_read_again(rows):
    again = from_csv(as_csv(rows))
    assert table(again) == table(rows)
    assert as_csv(again) == as_csv(rows)


def test_settings_differ():
    assert len({str(sorted(setting.items())) for setting in SETTINGS.values()}) == len(SETTINGS)
