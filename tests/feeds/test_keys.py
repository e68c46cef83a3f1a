"""A key is read anew each time, and never shown."""

import threading

import pytest

from omcrm.feeds.keys import Keys

SECRET = "sk+a/b=c d"


def test_without_settings_there_is_no_key() -> None:
    """A key that is not set is empty, and hides nothing."""
    keys = Keys()

    assert "" == keys.get("FINNHUB_API_KEY")
    assert "any text" == keys.hide("any text")


def test_a_key_is_read_anew() -> None:
    """A key that is set, changed or removed while running takes effect."""
    settings: dict[str, str] = {}
    keys = Keys(lambda name: settings.get(name, ""))
    seen = [keys.get("A")]
    for key in (" first-key\n", "second-key", "  "):
        settings["A"] = key
        seen.append(keys.get("A"))

    assert ["", "first-key", "second-key", ""] == seen
    assert "" == keys.get("B")


def test_every_key_ever_given_is_hidden() -> None:
    """Also one that has been replaced: it may still occur in an old error."""
    settings = {"A": "first-key", "B": "other-key"}
    keys = Keys(settings.__getitem__)
    keys.get("A")
    keys.get("B")
    settings["A"] = "second-key"
    keys.get("A")

    assert "***, *** and ***!" == keys.hide("first-key, second-key and other-key!")


@pytest.mark.parametrize(
    "spelled", [SECRET, "sk%2Ba%2Fb%3Dc%20d", "sk%2Ba/b%3Dc%20d", "sk%2Ba%2Fb%3Dc+d"]
)
def test_a_key_is_hidden_as_it_stands_in_a_url(spelled: str) -> None:
    """Its quoted spellings are hidden, too."""
    keys = Keys(lambda name: SECRET)
    keys.get("A")

    assert "wss://host/?t=***&x=1" == keys.hide(f"wss://host/?t={spelled}&x=1")


def test_of_two_keys_the_longer_is_hidden_first() -> None:
    """Nothing of a key is left where another one is its beginning."""
    settings = {"A": "abcdef", "B": "abcdefghij"}
    keys = Keys(settings.__getitem__)
    keys.get("A")
    keys.get("B")

    assert "[***] [***]" == keys.hide("[abcdefghij] [abcdef]")


def test_what_is_no_real_key_hides_no_words() -> None:
    """A key of a few letters would occur in ordinary words."""
    keys = Keys(lambda name: "key")

    assert "key" == keys.get("A")
    assert "the key is not set" == keys.hide("the key is not set")


@pytest.mark.usefixtures("restless")
def test_threads_lose_no_key() -> None:
    """Every key that threads get at the same time is hidden afterwards."""
    keys = Keys(lambda name: f"secret-{name}.")
    begin = threading.Barrier(8)

    def ask(first: int) -> None:
        begin.wait()
        for number in range(first, first + 50):
            keys.get(str(number))

    threads = [threading.Thread(target=ask, args=[first * 50]) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert "***" * 400 == keys.hide("".join(f"secret-{number}." for number in range(400)))
