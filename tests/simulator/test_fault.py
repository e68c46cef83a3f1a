import pytest


@pytest.mark.parametrize("fault", ["explode", None, 5, ["cut"]])
def test_an_unknown_fault_is_refused_with_the_known_ones(running, fault: object) -> None:
    """The answer names every fault there is."""
    status, body, _ = running.request("/control/faults", "POST", {"fault": fault})

    assert 400 == status
    assert {"cut", "mute", "half_open", "refuse", "garbage", "big_frame", "binary", "lifetime",
            "server_shutdown", "spike", "crossed", "duplicate", "out_of_order", "delay",
            "ping_interval", "trick", "bad_conditions", "refuse_calls", "skewed_clock",
            "stepped_clock", "old_answers", "dead_channel", "frozen_prices",
            "wrong_prices", "wrong_time"} == set(body["known_faults"])  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        {"fault": "cut", "how": "axe"},
        {"fault": "refuse"},
        {"fault": "refuse", "status": 200},
        {"fault": "spike", "symbol": "BTCUSDT"},
        {"fault": "spike", "symbol": "NOSUCH", "factor": 2},
        {"fault": "delay", "seconds": -1},
        {"fault": "mute", "symbol": "BTCUSDT"},
        {"fault": "half_open", "seconds": 5},
    ],
)
def test_wrong_options_are_refused_and_change_nothing(running, wanted: dict[str, object]) -> None:
    """The answer names the fault and what is wrong."""
    status, body, _ = running.request("/control/faults", "POST", wanted)

    assert 400 == status
    assert body["error"].startswith(f"{wanted['fault']}: ")
    assert {} == running.get("/control")["faults"]


def test_a_one_shot_does_not_stay_active(running) -> None:
    """Only faults that last are listed."""
    running.fault("binary")
    running.fault("mute")

    assert {"mute": {}} == running.get("/control")["faults"]
