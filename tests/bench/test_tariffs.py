from gridlane.bench.tariffs import CHUNK, check


def test_the_rating_on_a_grid_agrees_on_a_few_drawn_tariffs():
    compared, mismatches, _ = check(seed=7, cases=5 * CHUNK)
    assert (compared, mismatches) == (5 * CHUNK, 0)
