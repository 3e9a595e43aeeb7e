import math
import random

import pytest

from gridlane.maintenance.peaks import Peak, Peaks, after_charge


def charges(mixture, count, seed=1, most=math.inf):
    """So many charges by vehicles drawn from ``mixture`` (kW), at a plug that gives ``most`` kW."""
    dice = random.Random(seed)
    return [
        Peak(math.log(1000 * min(most, dice.choice(mixture) * (1 + dice.uniform(-0.05, 0.05)))))
        for _ in range(count)
    ]


def lived(*parts, peaks=None):
    """The peaks after the charges, and how many it took until the plug was said to give less (None: never)."""
    peaks, seen = peaks or Peaks(), 0
    for peak in (peak for part in parts for peak in part):
        peaks, seen = after_charge(peaks, peak), seen + 1
        if peaks.fell:
            return peaks, seen
    return peaks, None


@pytest.mark.parametrize("mixture", [[22], [22, 11], [22, 11, 11, 3.7], [150, 120, 50, 50], [22] + [7] * 9])
def test_a_whole_plug_is_hardly_ever_suspected_whatever_vehicles_come(mixture):
    suspected = [seed for seed in range(40) if lived(charges(mixture, 200, seed))[1]]
    assert len(suspected) <= 1


@pytest.mark.parametrize(("mixture", "within"), [([22], 5), ([22, 22, 3.7], 24), ([22, 11], 32)])
def test_a_lost_phase_is_noticed_the_sooner_the_more_vehicles_take_all(mixture, within):
    for seed in range(20):
        peaks, seen = lived(charges(mixture, 60, seed), charges(mixture, 60, seed + 100, most=14.7))
        assert 60 < seen <= 60 + within
        assert math.exp(peaks.recent) <= 14_700 * 1.001
        assert math.exp(peaks.usual) > 20_000


def test_the_same_slow_vehicle_day_by_day_says_nothing_new():
    slow = [Peak(math.log(3_700), "the neighbour")] * 200
    assert lived(charges([22], 40), slow)[1] is None


def test_a_vehicle_that_got_more_here_before_tells_every_time():
    own = [Peak(math.log(11_000), "the only one")] * 40
    less = [Peak(math.log(7_300), "the only one")] * 6
    assert lived(own, less)[1] <= 45


def test_one_strong_charge_proves_the_repair_and_what_is_usual_is_kept():
    broken, _ = lived(charges([22], 40), charges([22], 20, most=14.7))
    assert broken.fell
    still = after_charge(broken, Peak(math.log(14_000)))
    assert still.fell
    mended = after_charge(still, Peak(math.log(21_500)))
    assert not mended.fell
    assert lived(charges([22], 20, seed=4, most=14.7), peaks=mended)[1] <= 5  # and is found out again as soon


def test_nothing_is_said_before_enough_charges_were_seen():
    assert lived(charges([22], 4), charges([22], 4, most=7))[1] is None
