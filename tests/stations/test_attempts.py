from gridlane.stations.attempts import AttemptLimits, Attempts

LIMITS = AttemptLimits(
    per_identity=3, per_identity_a_minute=60, per_network=10, per_network_a_minute=60, remembered=100
)


def failing(attempts, identity, network, times, now=0.0):
    for _ in range(times):
        attempts.failed(identity, network, now)


def test_guessing_at_one_identity_ends_after_its_failures():
    attempts = Attempts(LIMITS)
    failing(attempts, "CP-1", "bad", 2)
    assert not attempts.are_exhausted("CP-1", "bad", 0.0)
    failing(attempts, "CP-1", "bad", 1)
    assert attempts.are_exhausted("CP-1", "bad", 0.0)


def test_the_true_station_elsewhere_is_not_touched():
    attempts = Attempts(LIMITS)
    failing(attempts, "CP-1", "bad", 1000)
    assert not attempts.are_exhausted("CP-1", "home", 0.0)


def test_one_password_tried_on_many_identities_ends_too():
    attempts = Attempts(LIMITS)
    for n in range(10):
        attempts.failed(f"CP-{n}", "bad", 0.0)
    assert attempts.are_exhausted("CP-77", "bad", 0.0)


def test_time_heals():
    attempts = Attempts(LIMITS)
    failing(attempts, "CP-1", "bad", 3)
    assert attempts.retry_after("CP-1", "bad", 0.0) == 2
    assert attempts.are_exhausted("CP-1", "bad", 0.9)
    assert not attempts.are_exhausted("CP-1", "bad", 1.0)
    failing(attempts, "CP-1", "bad", 1, now=1.0)
    assert attempts.are_exhausted("CP-1", "bad", 1.0)


def test_a_local_controllers_stations_cost_nothing_while_they_are_right():
    attempts = Attempts(LIMITS)
    assert not any(attempts.are_exhausted(f"CP-{n}", "controller", 0.0) for n in range(500))
    assert len(attempts) == 0


def test_memory_is_bounded_and_a_busy_attacker_is_not_forgotten():
    attempts = Attempts(LIMITS)
    for n in range(1000):
        attempts.failed(f"CP-{n}", f"network {n}", 0.0)
        attempts.failed("CP-1", "bad", 0.0)
    assert len(attempts) == 200
    assert attempts.are_exhausted("CP-1", "bad", 0.0)
