"""What the environment's variables mean."""

import secrets
from pathlib import Path

import pytest

from config import environment
from config.environment import Misconfigured


class TestTheAddress:
    def test_is_local_by_default(self, tmp_path: Path) -> None:
        env = environment.read({"MUSTER_VAR": str(tmp_path)})
        assert (env.url, env.port) == ("http://localhost:8000", 8000)
        assert env.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")

    def test_is_that_of_the_portal_that_runs_in_the_state_directory(self, tmp_path: Path) -> None:
        (tmp_path / environment.URL_FILE).write_text("http://localhost:8456")
        assert environment.read({"MUSTER_VAR": str(tmp_path)}).url == "http://localhost:8456"
        assert environment.read({"MUSTER_VAR": str(tmp_path), "PORT": "9000"}).url == "http://localhost:9000"

    @pytest.mark.parametrize(
        ("url", "host"),
        [("https://muster.example.org/", "muster.example.org"), ("http://[::1]:8000", "[::1]"), ("http://h:1", "h")],
    )
    def test_names_the_host_to_answer_to(self, tmp_path: Path, url: str, host: str) -> None:
        assert environment.read({"MUSTER_URL": url, "MUSTER_VAR": str(tmp_path)}).allowed_hosts[0] == host


class TestDevelopment:
    def test_is_off_unless_it_is_asked_for(self, tmp_path: Path) -> None:
        assert not environment.read({"MUSTER_VAR": str(tmp_path)}).dev
        assert environment.read({"MUSTER_VAR": str(tmp_path), "MUSTER_DEV": "1"}).dev

    @pytest.mark.parametrize(
        "url", ["http://localhost:1", "http://acme.localhost", "http://127.0.0.2", "http://[::1]:8"]
    )
    def test_is_for_this_machine(self, tmp_path: Path, url: str) -> None:
        assert environment.read({"MUSTER_VAR": str(tmp_path), "MUSTER_DEV": "1", "MUSTER_URL": url}).dev

    @pytest.mark.parametrize(
        "public",
        [
            {"MUSTER_URL": "https://muster.example.org"},
            {"MUSTER_URL": "http://localhost.example.org"},
            {"MUSTER_URL": "http://192.168.1.4:8000"},
            {"MUSTER_BIND": "0.0.0.0"},
            {"MUSTER_BIND": "::"},
        ],
    )
    def test_is_refused_where_others_can_reach_it(self, tmp_path: Path, public: dict[str, str]) -> None:
        with pytest.raises(Misconfigured, match="MUSTER_DEV"):
            environment.read({"MUSTER_VAR": str(tmp_path), "MUSTER_DEV": "1", **public})


class TestSecretsInFiles:
    """MUSTER_SECRETS is a directory of files, as containers and systemd hand secrets over."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in environment.SECRETS:
            (tmp_path / name).write_text(f"{name.lower()}-0123456789-0123456789-0123456789\n")
        return tmp_path

    @pytest.mark.parametrize("name", environment.SECRETS)
    def test_are_read_without_the_end_of_the_line(self, folder: Path, name: str) -> None:
        found = getattr(environment.read({"MUSTER_SECRETS": str(folder)}), name.lower())
        written = f"{name.lower()}-0123456789-0123456789-0123456789"
        assert found in (written, (written,))

    @pytest.mark.parametrize("name", environment.SECRETS)
    def test_yield_to_the_variable(self, folder: Path, name: str) -> None:
        value = "abcdefghijklmnopqrstuvwxyz-0123456789"
        found = getattr(environment.read({"MUSTER_SECRETS": str(folder), name: value}), name.lower())
        assert found in (value, (value,))

    def test_may_be_some_of_them(self, tmp_path: Path) -> None:
        env = environment.read({"MUSTER_SECRETS": str(tmp_path), "MUSTER_VAR": str(tmp_path)})
        assert (env.database_url, env.secret_key, env.secret_key_fallbacks, env.email_url) == (None, None, (), None)

    def test_are_named_where_they_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "DATABASE_URL").mkdir()
        with pytest.raises(Misconfigured, match="DATABASE_URL"):
            environment.read({"MUSTER_SECRETS": str(tmp_path)})

    def test_need_the_directory(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="MUSTER_SECRETS"):
            environment.read({"MUSTER_SECRETS": str(tmp_path / "nowhere")})

    def test_are_refused_where_they_can_be_guessed(self, tmp_path: Path) -> None:
        (tmp_path / "SECRET_KEY").write_text("a" * 40)
        with pytest.raises(Misconfigured, match="SECRET_KEY"):
            environment.read({"MUSTER_SECRETS": str(tmp_path)})


class TestTheSecretKey:
    @pytest.mark.parametrize("key", ["a", "muster", "secret" * 9, "0" * 60, "0123456789"])
    def test_is_refused_where_it_can_be_guessed(self, tmp_path: Path, key: str) -> None:
        with pytest.raises(Misconfigured, match="SECRET_KEY"):
            environment.read({"MUSTER_VAR": str(tmp_path), "SECRET_KEY": key})

    @pytest.mark.parametrize("key", [secrets.token_hex(32), secrets.token_urlsafe(50)], ids=["hexadecimal", "base64"])
    def test_may_be_any_random_text(self, tmp_path: Path, key: str) -> None:
        assert environment.read({"MUSTER_VAR": str(tmp_path), "SECRET_KEY": key}).secret_key == key

    def test_may_be_followed_by_former_ones(self, tmp_path: Path) -> None:
        former = [secrets.token_urlsafe(50) for _ in range(2)]
        environ = {"MUSTER_VAR": str(tmp_path), "SECRET_KEY_FALLBACKS": ", ".join(former)}
        assert environment.read(environ).secret_key_fallbacks == tuple(former)
        assert environment.read({"MUSTER_VAR": str(tmp_path)}).secret_key_fallbacks == ()

    def test_of_former_times_is_refused_too_where_it_can_be_guessed(self, tmp_path: Path) -> None:
        keys = f"{secrets.token_urlsafe(50)},secret"
        with pytest.raises(Misconfigured, match="SECRET_KEY_FALLBACKS"):
            environment.read({"MUSTER_VAR": str(tmp_path), "SECRET_KEY_FALLBACKS": keys})


class TestIdentityProviders:
    def test_are_only_in_public_unless_networks_are_named(self, tmp_path: Path) -> None:
        assert environment.read({"MUSTER_VAR": str(tmp_path)}).idp_networks == ()
        environ = {"MUSTER_VAR": str(tmp_path), "IDP_NETWORKS": "10.1.0.0/16, fd00::/8,192.168.1.5"}
        assert [str(each) for each in environment.read(environ).idp_networks] == [
            *("10.1.0.0/16", "fd00::/8", "192.168.1.5/32")
        ]


class TestWebhooksOfTheOperator:
    def test_reach_public_addresses_only_unless_networks_are_named(self, tmp_path: Path) -> None:  # E3
        assert environment.read({"MUSTER_VAR": str(tmp_path)}).webhook_allowed_networks == ()
        environ = {"MUSTER_VAR": str(tmp_path), "WEBHOOK_ALLOWED_NETWORKS": "10.1.0.0/16,::1"}
        assert [str(each) for each in environment.read(environ).webhook_allowed_networks] == ["10.1.0.0/16", "::1/128"]


class TestAMistake:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *[("PORT", "http"), ("MUSTER_URL", "muster.example.org"), ("SCIM_RATE", "-1"), ("SUPPORT_EMAIL", "help")],
            *[("MUSTER_DEV", "yes"), ("IDP_NETWORKS", "10.1.2.3/8"), ("IDP_NETWORKS", "idp.corp")],
            *[("WEBHOOK_ALLOWED_NETWORKS", "10.1.2.3/8"), ("SCIM_LOG_DAYS", "0"), ("HISTORY_DAYS", "365")],
        ],
    )
    def test_is_named(self, name: str, value: str) -> None:
        with pytest.raises(Misconfigured, match=name):
            environment.read({name: value})

    @pytest.mark.parametrize("url", ["mail.example.org", "smtp://mail:smtp", "smtp://mail:99999", "smtp://[::1"])
    def test_of_the_mail_server_says_what_is_possible(self, url: str) -> None:
        with pytest.raises(Misconfigured, match="smtps://"):
            environment.mail_settings(url)

    @pytest.mark.parametrize("hosts", ["a, b", "a:0", "a:99999", "a:", "a,,b"])
    def test_of_a_sentinel_is_named(self, hosts: str) -> None:
        with pytest.raises(Misconfigured, match="REDIS_URL"):
            environment.sentinels(f"sentinel://{hosts}/muster")

    def test_of_having_no_database_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured, match="make up"):
            environment.read({"MUSTER_VAR": str(tmp_path)}).services()


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("unix:///tmp/x/valkey?db=2", "redis+socket:///tmp/x/valkey?virtual_host=2"),
    ],
)
def test_celery_spells_a_unix_socket_in_its_own_way(redis: str, broker: str) -> None:
    assert environment.broker_url(redis) == broker


def test_mail_over_tls() -> None:
    settings = environment.mail_settings("smtps://me:s%40crt@mail.example.org")
    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("mail.example.org", 465)
    assert (settings["EMAIL_HOST_PASSWORD"], settings["EMAIL_USE_SSL"]) == ("s@crt", True)


class TestMetrics:
    def test_are_off_unless_a_port_is_named_and_then_told_to_this_machine_alone(self, tmp_path: Path) -> None:
        off = environment.read({"MUSTER_VAR": str(tmp_path)})
        on = environment.read({"MUSTER_VAR": str(tmp_path), "METRICS_PORT": "9464"})
        assert (off.metrics_port, on.metrics_port, on.metrics_bind) == (None, 9464, "127.0.0.1")

    @pytest.mark.parametrize("port", ["8000", "8123"])
    def test_are_never_where_everybody_reaches_the_portal(self, tmp_path: Path, port: str) -> None:
        with pytest.raises(Misconfigured, match="METRICS_PORT"):
            environment.read({"MUSTER_VAR": str(tmp_path), "PORT": port, "METRICS_PORT": port})


class TestTheFormatOfTheLog:
    def test_is_one_of_two(self, tmp_path: Path) -> None:
        assert environment.read({"MUSTER_VAR": str(tmp_path), "LOG_FORMAT": "text"}).log_format == "text"
        with pytest.raises(Misconfigured, match="LOG_FORMAT must be json or text"):
            environment.read({"MUSTER_VAR": str(tmp_path), "LOG_FORMAT": "xml"})
