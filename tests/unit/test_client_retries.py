"""All servers in turn, at growing random intervals, and not for ever."""

import random

from serve_app.client.retries import Retries, RetryPolicy


class Latest(random.Random):
    """Draws the longest wait there may be."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_waits_double_up_to_the_longest_and_servers_take_turns() -> None:
    retries = Retries(["a", "b", "c"], RetryPolicy(0.25, 1.0, 60), Latest())
    assert retries.url == "a"
    attempts = [retries.failed(float(second)) for second in range(5)]
    assert [(one.url, one.number, one.delay_s) for one in attempts if one] == [
        ("b", 1, 0.25), ("c", 2, 0.5), ("a", 3, 1.0), ("b", 4, 1.0), ("c", 5, 1.0)
    ]  # fmt: skip
    assert retries.url == "c"


def test_progress_makes_the_next_loss_a_new_one_at_the_next_server() -> None:
    retries = Retries(["a", "b"], RetryPolicy(0.25, 1.0, 60), Latest())
    retries.failed(0.0)
    retries.failed(59.0)
    assert retries.tried_all
    retries.progress()
    assert not retries.tried_all
    attempt = retries.failed(61.0)
    assert attempt is not None
    assert (attempt.url, attempt.number, attempt.delay_s) == ("b", 1, 0.25)


def test_there_is_an_end_to_it() -> None:
    retries = Retries(["a"], RetryPolicy(give_up_after_s=60), Latest())
    assert retries.failed(100.0) is not None
    assert retries.failed(159.9) is not None
    assert retries.failed(160.0) is None


def test_a_session_that_is_not_begun_is_given_up_sooner() -> None:
    retries = Retries(["a"], RetryPolicy(give_up_after_s=60, begin_within_s=5), Latest())
    assert retries.failed(0.0, begun=False) is not None
    assert retries.failed(4.9, begun=False) is not None
    assert retries.failed(5.0, begun=True) is not None
    assert retries.failed(5.0, begun=False) is None


def test_a_server_that_wants_to_be_left_alone_is() -> None:
    attempt = Retries(["a"], RetryPolicy(first_s=0.25), Latest()).failed(0.0, wanted_s=7.0)
    assert attempt is not None
    assert attempt.delay_s == 7.25


def test_waits_are_spread_so_that_clients_do_not_come_back_together() -> None:
    policy = RetryPolicy(first_s=1.0)
    delays_s = []
    for seed in range(200):
        attempt = Retries(["a"], policy, random.Random(seed)).failed(0.0)
        assert attempt is not None
        delays_s.append(attempt.delay_s)
    assert min(delays_s) < 0.05
    assert max(delays_s) > 0.95
    assert 0.4 < sum(delays_s) / len(delays_s) < 0.6
