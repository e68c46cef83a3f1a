"""Settings are read once, checked, and written as an example.

Long for a reason: it is a table of all that is accepted and refused.
"""

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest

from omcrm import settings
from omcrm.errors import SettingError
from omcrm.feeds.registry import PROVIDERS
from omcrm.settings import Settings, all_settings, example, load
from tests.processes import ROOT

NAMES = {
    field.name: field.metadata["setting"].env for field in fields(Settings) if field.metadata
} | {setting.env: setting.env for setting in all_settings()}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, without any file of settings."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    return tmp_path


# What is set


def test_defaults() -> None:
    """A new installation listens on the loopback and uses Binance."""
    settings = load({})

    assert ("127.0.0.1", 5000, False) == (settings.host, settings.port, settings.demo)
    assert "wss://data-stream.binance.vision" == settings.provider_settings["BINANCE_WS_URL"]
    assert ("trade", "bookTicker", "ticker") == settings.provider_settings["BINANCE_STREAMS"]
    assert (20, 250) == (settings.max_desk_connections, settings.max_desk_subscriptions)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "8080", 8080),
        ("port", " 8080 ", 8080),
        ("demo", "true", True),
        ("demo", "Yes", True),
        ("demo", "1", True),
        ("demo", "off", False),
        ("demo", "", False),
        ("async_mode", "gevent", "gevent"),
        ("public_url", "https://desk.example.com/", "https://desk.example.com"),
        ("public_url", "", ""),
        ("allowed_origins", "", ()),
        (
            "allowed_origins",
            "https://App.example.com:443/, http://[::1]:3000,https://app.example.com",
            ("https://app.example.com", "http://[::1]:3000"),
        ),
        ("news_feeds", "", ()),
        (
            "news_feeds",
            "https://a.example/rss, http://b.example/",
            ("https://a.example/rss", "http://b.example/"),
        ),
        ("log_level", "DEBUG", "DEBUG"),
        ("database_url", "postgresql://db/omcrm", "postgresql://db/omcrm"),
        ("bus_url", "", ""),
        ("bus_url", "redis://bus", "redis://bus"),
        ("bus_url", "rediss://bus?ssl_ca_certs=/ca.pem", "rediss://bus?ssl_ca_certs=/ca.pem"),
        ("bus_url", "rediss://desk:a%2Fb@[::1]:6380/2", "rediss://desk:a%2Fb@[::1]:6380/2"),
    ],
)
def test_each_kind_is_read(name: str, text: str, value: object) -> None:
    """A setting's text is read as its value."""
    assert value == getattr(load({NAMES[name]: text}), name)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("BINANCE_WS_URL", "ws://127.0.0.1:9000/", "ws://127.0.0.1:9000"),
        ("BINANCE_WS_URL", "", ""),
        ("BINANCE_STREAMS", "trade, ticker", ("trade", "ticker")),
    ],
)
def test_what_providers_declare_is_read(name: str, text: str, value: object) -> None:
    """Addresses and choices are settings like any other."""
    assert value == load({name: text}).provider_settings[name]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "x"),
        ("bus_url", "bus:6379"),
        ("bus_url", "http://bus"),
        ("bus_url", "redis://"),
        ("bus_url", "redis://bus:port"),
        ("bus_url", "redis://bus/prices"),
        ("bus_url", "redis://bus?socket_timeout=3600"),
        ("bus_url", "rediss://bus?ssl_cert_reqs=none"),
        ("bus_url", "rediss://bus?ssl_ca_certs"),
        ("port", ""),
        ("allowed_origins", "*"),
        ("allowed_origins", "null"),
        ("allowed_origins", "https://*.example.com"),
        ("allowed_origins", "https://a.example.com/path"),
        ("allowed_origins", "https://a.example.com b.example.com"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "80.5"),
        ("session_hours", "0"),
        ("trusted_proxies", "11"),
        ("price_window_ms", "0"),
        ("max_desk_connections", "0"),
        ("max_desk_subscriptions", "lots"),
        ("login_failures_per_minute", "0"),
        ("demo", "maybe"),
        ("async_mode", "asyncio"),
        ("log_level", "debug"),
        ("public_url", "desk.example.com"),
        ("public_url", "ftp://desk.example.com"),
        ("public_url", "https://"),
        ("public_url", "http://[::1"),
        ("exchange_url", "http://127.0.0.1:9000"),
        ("BINANCE_WS_URL", "https://data-stream.binance.vision"),
        ("BINANCE_REST_URL", "wss://data-api.binance.vision"),
        ("news_feeds", "ftp://a.example/rss"),
        ("news_interval", "59"),
        ("news_interval", "1_000"),
        ("news_interval", "３００"),
        ("news_interval", "+300"),
        ("BINANCE_STREAMS", ""),
        ("BINANCE_STREAMS", "trade,trades"),
    ],
)
def test_an_invalid_setting_stops_the_start(name: str, text: str) -> None:
    """The message has its name and the expected value."""
    with pytest.raises(SettingError) as error:
        load({NAMES[name]: text})

    assert NAMES[name] == error.value.name
    assert str(error.value).startswith(f"setting {NAMES[name]}: ")
    assert error.value.problem


@pytest.mark.parametrize("name", ["OMCRM_DEMOO", "OMCRM_", "OMCRM_PORT"])
def test_an_unknown_setting_of_ours_stops_the_start(name: str) -> None:
    """A typo is not ignored."""
    with pytest.raises(SettingError, match=f"setting {name}: there is no such setting"):
        load({name: "true"})


def test_other_variables_are_ignored() -> None:
    """The environment has many of other programs."""
    assert load({}) == load({"PATH": "/bin", "HOME": "/root", "OMCRMX": "1"})


def test_cannot_be_altered() -> None:
    """Settings are read once and frozen."""
    with pytest.raises(FrozenInstanceError):
        load({}).port = 1


def test_the_process_own_environment_is_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the default argument."""
    monkeypatch.setenv("PORT", "8081")

    assert 8081 == load().port


# Files


def test_the_order_of_environment_and_files(root: Path) -> None:
    """The environment is over the files, and `.env` over the instance's file."""
    (root / "instance").mkdir()
    (root / "instance" / "omcrm.env").write_text("PORT=1\nHOST=inner\nLOG_LEVEL=ERROR\n")
    (root / ".env").write_text("PORT=2\nHOST=outer\n")
    settings = load({"PORT": "3"})

    assert (3, "outer", "ERROR") == (settings.port, settings.host, settings.log_level)


@pytest.mark.parametrize("file", [".env", "instance/omcrm.env"])
@pytest.mark.parametrize("name", ["OMCRM_DEMOO", "PORTT", "PATH"])
def test_a_file_has_only_our_settings(root: Path, file: str, name: str) -> None:
    """In our files every name is a setting, so an unknown one is a typo."""
    (root / "instance").mkdir()
    (root / file).write_text(f"{name}=1\n")

    with pytest.raises(SettingError, match=f"setting {name}: there is no such setting"):
        load({})


def test_an_invalid_setting_in_a_file_is_named(root: Path) -> None:
    """As one of the environment."""
    (root / ".env").write_text("PORT=x\n")

    with pytest.raises(SettingError, match="setting PORT: "):
        load({})


@pytest.mark.parametrize("by_file", [False, True])
def test_another_instance_has_a_file_of_its_own(root: Path, by_file: bool) -> None:
    """The file of the named folder is read."""
    (root / "second").mkdir()
    (root / "second" / "omcrm.env").write_text("PORT=7\n")
    if by_file:
        (root / ".env").write_text("OMCRM_INSTANCE=second\n")
    settings = load({} if by_file else {"OMCRM_INSTANCE": "second"})

    assert (7, root / "second") == (settings.port, settings.instance_path)


def test_an_instance_may_be_anywhere(tmp_path: Path) -> None:
    """An absolute path is used as it is."""
    folder = tmp_path / "somewhere"

    assert folder == load({"OMCRM_INSTANCE": str(folder)}).instance_path


def test_an_empty_instance_is_the_default_one(root: Path) -> None:
    """Secrets are never written beside the code."""
    assert root / "instance" == load({"OMCRM_INSTANCE": ""}).instance_path


def test_the_default_database_is_in_the_instance(root: Path) -> None:
    """SQLite needs no setting."""
    assert f"sqlite:///{root}/instance/omcrm.db" == load({}).database
    assert "postgresql://db/omcrm" == load({"DATABASE_URL": "postgresql://db/omcrm"}).database


def test_a_demonstration_has_simulated_news() -> None:
    """Where none is set; a real installation has no news by default."""
    demo = {"OMCRM_DEMO": "1", "OMCRM_EXCHANGE_URL": "ws://127.0.0.1:9"}
    own = {"NEWS_FEEDS": "https://www.example.com/rss"}

    assert ["http://127.0.0.1:9/news/rss"] == [source.url for source in load(demo).news_sources]
    assert ["example.com"] == [source.name for source in load(demo | own).news_sources]
    assert () == load({}).news_sources == load({**demo, "OMCRM_DEMO": "0"}).news_sources


# The feeds


def test_the_feeds_have_the_addresses_of_what_is_chosen() -> None:
    """A second address counts only together with the first, a source without an address is off."""
    chosen = {"REALTIME_SOURCES": "binance,coinbase,finnhub_quote,exchangerate_api"}
    off = {"COINBASE_WS_URL": "", "EXCHANGERATE_OPEN_URL": "", "BINANCE_STREAMS": "trade"}
    feeds = load({**chosen, **off}).feeds

    assert {
        "binance": "wss://data-stream.binance.vision",
        "binance_rest": "https://data-api.binance.vision",
        "finnhub_quote": "https://finnhub.io/api/v1",
        "exchangerate_api": "https://v6.exchangerate-api.com",
    } == {name: url for name, url in feeds.urls.items() if url}
    # Its status says that it has no address.
    assert "" == feeds.urls["coinbase"]
    assert {"BINANCE_STREAMS": ("trade",)} == feeds.choices


def test_only_a_demonstration_has_the_built_in_exchange() -> None:
    """Whatever sources are chosen."""
    exchange = {"OMCRM_EXCHANGE_URL": "ws://127.0.0.1:9", "REALTIME_SOURCES": "binance"}

    assert "ws://127.0.0.1:9" == load({**exchange, "OMCRM_DEMO": "1"}).feeds.urls["simulated"]
    assert not load(exchange).feeds.urls["simulated"]


# The example


def test_example_has_every_setting_with_its_default() -> None:
    """Each with its meaning."""
    text = example()

    for setting in all_settings():
        assert f"\n# {setting.env}={setting.default}\n" in f"{text}\n"
        assert f"# {setting.about}\n" in text
    for key in (key for declaration in PROVIDERS.values() for key in declaration.keys):
        assert f"# {key.about}\n# {key.env}=\n" in f"{text}\n"


def test_example_can_be_used_as_it_is(root: Path) -> None:
    """Copied, and with every line uncommented, it sets the defaults."""
    lines = [line.removeprefix("# ") for line in example().splitlines()]
    set_ = [line for line in lines if line.partition("=")[0] in NAMES.values()]
    (root / ".env").write_text("\n".join(set_))

    assert len(all_settings()) == len(set_)
    assert load({}) == replace(load({}), port=5000)


def test_the_example_in_the_repository_is_up_to_date() -> None:
    """`.env.example` is what `python manage.py env-example` prints."""
    assert example() == (ROOT / ".env.example").read_text()


def test_an_error_of_the_bus_does_not_contain_the_password() -> None:
    """Whatever is wrong with the URL, its text stands in no message."""
    for url in ("redis://:pass/word@bus", "redis://:password@bus:port", "http://:password@bus"):
        with pytest.raises(SettingError) as raised:
            load({"BUS_URL": url})

        assert "BUS_URL" in str(raised.value)
        assert "word" not in str(raised.value).replace("password", "")
        assert "redis://:pass" not in str(raised.value)
