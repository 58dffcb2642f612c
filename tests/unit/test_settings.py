"""The settings: several providers and projects from one file, and what is wrong with a file said by its table."""

import json
import os
from datetime import date

import pytest

from darkroom.cli.environment import Environment
from darkroom.settings import OF_THE_COMMAND, Settings, SettingsInvalid, read_settings

RELAY = """
[providers.relay]
base_url = "https://api.relay.test/v1"
key_env = "RELAY_KEY"
profile = "new-api"
images_per_minute = 50
max_in_flight = 10
timeouts = { high = 900 }
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(here):
    def from_file(text, kind=Settings):
        (here / "darkroom.toml").write_text(text)
        return read_settings(kind)

    return from_file


def test_providers_of_the_file_stand_beside_the_one_of_the_environment(read, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-usual")
    monkeypatch.setenv("RELAY_KEY", "sk-relay")
    sources = read(RELAY).sources()
    assert list(sources) == ["default", "relay"]
    relay = sources["relay"]
    assert (relay.key.get_secret_value(), relay.images_per_minute) == ("sk-relay", 50)
    assert (relay.request_timeout, relay.longest_timeout) == (600, 900)
    assert relay.fingerprint != sources["default"].fingerprint
    assert "sk-" not in repr(sources)


def test_without_a_key_of_its_own_the_usual_provider_gives_way(read, monkeypatch):
    monkeypatch.setenv("RELAY_KEY", "sk-relay")
    settings = read(RELAY)
    assert list(settings.sources()) == ["relay"]
    assert settings.worker_slots == 7
    assert list(read("").sources()) == ["default"]


def test_the_usual_provider_has_timeouts_too(read, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-usual")
    settings = read('[timeouts]\nhigh = 900\n"high 3840x2160" = 1200\n', Environment)
    [usual] = settings.sources().values()
    assert usual.timeouts == {"high": 900, "high 3840x2160": 1200}
    assert settings.longest_timeout == 1200
    monkeypatch.setenv("DARKROOM_TIMEOUTS", settings.variables()["DARKROOM_TIMEOUTS"])
    assert read("").longest_timeout == 1200


@pytest.mark.parametrize("kind", [Settings, Environment])
def test_a_key_that_nobody_reads_is_refused_with_the_nearest(read, kind):
    with pytest.raises(SettingsInvalid, match=r"key image_per_minute: .* is images_per_minute"):
        read("image_per_minute = 5\n", kind)
    of_the_command = Environment.model_fields.keys() - Settings.model_fields.keys()
    assert of_the_command == OF_THE_COMMAND
    read('api_url = "http://127.0.0.1:1"\napi_key = "k"\nopenai_base_url = "http://h/v1"\n', kind)


def test_a_key_may_lie_in_a_file(read, here):
    (here / "relay.key").write_text("sk-from-a-file\n")
    settings = read(RELAY.replace('key_env = "RELAY_KEY"', 'key_file = "relay.key"'))
    assert settings.sources()["relay"].key.get_secret_value() == "sk-from-a-file"
    (here / "relay.key").unlink()
    with pytest.raises(SettingsInvalid, match=r"relay\.key: No such file or directory; write the"):
        settings.sources()


def test_a_key_that_is_not_there_is_named_by_its_variable(read):
    with pytest.raises(SettingsInvalid, match=r"\[providers\.relay\]: .* RELAY_KEY is not set"):
        read(RELAY).sources()


def test_a_project_decides_who_draws(read):
    settings = read(RELAY + '[projects.shop]\nprovider = "relay"\nproviders = ["default"]\n')
    assert settings.provider_of("shop") == "relay"
    assert settings.allowed("shop") == ("relay", "default")
    assert settings.allowed("other") == ("default",)
    assert settings.profile_of("relay", date(2026, 11, 22)).name == "new-api"


def test_child_processes_read_the_same_in_another_directory(read, monkeypatch, tmp_path):
    monkeypatch.setenv("RELAY_KEY", "sk-relay")
    text = (
        RELAY + '[models."gpt-image-1-mini"]\nshutdown = 2027-01-01\nreplacement = "gpt-image-2"\n'
    )
    text += '[projects.shop]\nprovider = "relay"\nbudget_per_day = 12.5\n'
    environment = read(text, Environment)
    (tmp_path / "darkroom.toml").unlink()
    for name, value in environment.variables().items():
        monkeypatch.setenv(name, value)
    child = read_settings(Settings)
    for name in ("providers", "projects", "profiles"):
        assert getattr(child, name) == getattr(environment, name)
    assert child.profiles_on(date(2026, 12, 2)) == environment.profiles_on(date(2026, 12, 2))
    assert "sk-relay" not in json.dumps({k: v for k, v in os.environ.items() if k != "RELAY_KEY"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            RELAY.replace('key_env = "RELAY_KEY"', 'key = "sk-secret"'),
            "table [providers.relay]: key does not belong into this file: put the key into an environment",
        ),
        (
            RELAY.replace('key_env = "RELAY_KEY"', ""),
            "table [providers.relay]: say where the key lies",
        ),
        (
            RELAY.replace("images_per_minute = 50", "image_per_minute = 50"),
            "table [providers.relay], key image_per_minute, value 50: unknown key; the nearest is images_per_minute",
        ),
        (
            RELAY.replace("max_in_flight = 10", "max_in_flight = 0"),
            "table [providers.relay], key max_in_flight, value 0: it must be more than 0",
        ),
        (
            RELAY.replace("high = 900", "hihg = 900"),
            "table [providers.relay.timeouts], key hihg: there is no quality hihg; the nearest is high",
        ),
        (
            RELAY.replace("high = 900", '"zzz 3840x2160" = 900'),
            "there is no quality zzz; write one of high, low, max, medium, xhigh",
        ),
        (
            "[timeouts]\nmedum = 900\n",
            "table [timeouts], key medum: there is no quality medum; the",
        ),
        (
            RELAY + "[providers.relay.families.gpt-image-2]\nimage_per_minute = 3\n",
            "key families.gpt-image-2.image_per_minute, value 3: unknown key; the nearest is images_per_m",
        ),
        (
            '[models."gpt-image-2".price]\noutputs = 1\n',
            "key price.outputs, value 1: unknown key; the nearest is output",
        ),
        (
            '[projects.shop]\nbudget = "much"\n',
            'key budget, value much: it must be an amount such as "12.50"',
        ),
        (
            RELAY.replace("new-api", "newapi"),
            "table [providers.relay], key profile, value newapi: unknown; choose new-api, official",
        ),
        (
            RELAY.replace("https://api.relay.test/v1", "api.relay.test"),
            "key base_url, value api.relay.test: it is no URL; write https://host/v1",
        ),
        (
            RELAY.replace("high = 900", "high = 9000"),
            "table [providers.relay], key timeouts.high, value 9000: ",
        ),
        (RELAY.replace("providers.relay", "providers.default"), "table [providers.default]: the "),
        (
            '[projects.shop]\nprovider = "rely"\n' + RELAY,
            "table [projects.shop], key provider, value rely: unknown; choose default, relay",
        ),
        (
            '[projects.shop]\ntime_zone = "Berlin"\n',
            "table [projects.shop], key time_zone, value Berlin: it is no time zone",
        ),
        ("[projects.shop]\nbudget_per_day = -1\n", "key budget_per_day, value -1: "),
        (
            '[models."gpt-image-2"]\nprice = "free"\n',
            'table [models."gpt-image-2"], key price, value free: it must be a table',
        ),
        ('profile = "relay"\n', "top level, key profile, value relay: unknown"),
        ("providers = 3\n", "table [providers]: it must be a table"),
        ("[providers", "is not valid TOML"),
    ],
    ids=lambda value: value[:60].replace("\n", " "),
)
def test_a_mistake_is_named_by_file_table_key_and_value(read, text, words):
    with pytest.raises(SettingsInvalid) as refused:
        read(text)
    assert str(refused.value).startswith("darkroom.toml")
    assert words in str(refused.value)
    assert "sk-secret" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_variable_that_is_left_empty_leaves_the_word_to_the_file_and_the_default(
    read, monkeypatch
):
    """As compose passes on what nobody set in .env."""
    for name in ("IMAGES_PER_MINUTE", "FIRST_CALLS", "ON_UNKNOWN", "ALLOW_PRIVATE_URLS"):
        monkeypatch.setenv(f"DARKROOM_{name}", "")
    settings = read("images_per_minute = 50\n")
    assert (settings.images_per_minute, settings.first_calls) == (50, 5)
    assert (settings.on_unknown, settings.allow_private_urls) == ("retry", False)
