"""`make up`: the embedded services, the migrations, the demo, then web, workers and beat until told to stop.

`make dev` does the same with a web server and a worker that restart when code changes, and with logs in the terminal.
`make reset` removes the data of both.

Only this process receives signals: each child has its own session, and the supervisor stops the children in order. If
it is killed before it can, a watcher in each child's process group notices and ends the group.
"""

import fcntl
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from config import environment, ready, services
from config.environment import ROOT, Environment, Misconfigured
from config.services import Addresses, ServicesError

# Seconds.
TERMINATE = 10  # from a request to stop to a kill
READY = 60  # from the start of web to its first healthy answer
QUICK = 30  # a child that lives for less counts as failing to start
LEAVE = TERMINATE + 5  # how long the children of a killed supervisor may take to leave
LOOK = 1  # between two checks of PostgreSQL and Valkey
LONGEST = 60  # pause before a child that keeps ending is started again

WEBHOOK_THREADS = 16
QUICK_DEATHS = 5  # in a row, until web is given up, and with it everything; without the others web goes on

# Replaces itself with "$@", with a watcher beside it in the same process group. Nothing is ever written to the pipe on
# stdin; it closes when the supervisor ends. While the watcher is in the group, the group's id cannot be reused.
LEASH = f"""
exec 3<&0 </dev/null
(
    trap '' HUP INT TERM
    read -r _ <&3
    kill -TERM $$
    tenths=0
    while [ $tenths -lt {TERMINATE * 10} ] && kill -0 $$; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    kill -KILL -$$
) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A command; its log has the same name."""

    name: str
    command: tuple[str, ...]
    says: str = ""  # the progress line


MANAGE = (sys.executable, str(ROOT / "manage.py"))
PREPARATIONS = (
    # One command for both: starting Python and importing Django takes longer than either.
    Job("seed_demo", (*MANAGE, "seed_demo", "--migrate"), "Bringing the database and the demo organization up to date"),
)

CODE = tuple(str(ROOT / room) for room in ("config", "orgs", "groups_provisioning", "scim", "sso", "api"))
KEPT = (
    "postgres",
    "postgres.unfinished",
    "valkey",
    "log",
    "mail",
    "secret_key",
    "demo_password",
    "beat-schedule*",
    "metrics",
    "url",
)
"""In the state directory: what `make up` has created and would use again."""


def children_of(env: Environment) -> tuple[Job, ...]:
    """The children, in the order in which they are stopped."""
    python = (sys.executable, "-m")
    celery = ("celery", "--quiet", "-A", "config")
    schedule = f"--schedule={env.var / 'beat-schedule'}"
    # Workers do not need to communicate with each other.
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    worker = (*celery, "worker", "--concurrency=2", "--loglevel=INFO", *alone)
    # It waits for others all the time, which settling must not do.
    threads = ("--pool=threads", f"--concurrency={WEBHOOK_THREADS}")
    webhooks = (*celery, "worker", "--queues=webhooks", "--hostname=webhooks@%h", *threads, "--loglevel=INFO", *alone)
    beat = (*celery, "beat", schedule, "--pidfile=", "--loglevel=INFO")
    metrics = (Job("metrics", (*python, "config.metrics_server")),) if env.metrics_port else ()
    if env.dev:
        # Django's server notices changes to templates as well as to code.
        address = f"[{env.bind}]:{env.port}" if ":" in env.bind else f"{env.bind}:{env.port}"
        return (
            Job("web", (*MANAGE, "runserver", "--nostatic", address)),
            Job("worker", reloaded((*python, *worker))),
            Job("webhooks", reloaded((*python, *webhooks))),
            Job("beat", (*python, *beat)),
            *metrics,
        )
    return (
        Job("web", (*python, "gunicorn", "-c", str(ROOT / "config" / "gunicorn.py"), "config.wsgi")),
        Job("worker", (*python, *worker)),
        Job("webhooks", (*python, *webhooks)),
        Job("beat", (*python, *beat)),
        *metrics,
    )


def reloaded(command: Sequence[str], code: Sequence[str] = CODE) -> tuple[str, ...]:
    """A command that is restarted when Python code changes, and waits for a change if the code is broken."""
    watcher = (sys.executable, "-m", "watchfiles", "--filter", "python", "--target-type", "command")
    return (*watcher, shlex.join(command), *code)


class StopAsked(Exception):
    """A signal asked the supervisor to stop."""


class Failed(Exception):
    """The supervisor cannot continue; the message says why and what to do."""


def main() -> int:
    try:
        env = environment.read(os.environ)
    except Misconfigured as error:
        say(str(error))
        return 1
    if sys.argv[1:] == ["reset"]:
        return reset(env)
    return run(env, preparations=PREPARATIONS, children=children_of(env))


def reset(env: Environment) -> int:
    """Remove the data of `make up` in this checkout (0), unless it is running or the data is elsewhere (1)."""
    try:
        if env.var.resolve() != (ROOT / ".var").resolve() or env.database_url or env.redis_url:
            raise Failed("`make reset` only removes the data in .var: unset MUSTER_VAR, DATABASE_URL and REDIS_URL.")
        start_afresh(services.make_state(env.var))
    except (Failed, ServicesError, StopAsked) as error:
        say(str(error))
        return 1
    say("The data is removed. `make up` or `make dev` starts with a new demo organization.")
    return 0


def start_afresh(state: Path) -> None:
    """Remove what KEPT names, after stopping servers that a killed supervisor left. Raises Failed if a portal runs."""
    with _only_supervisor(state, "being reset", "Stop it first."), _children_lock(state, Bell()):
        services.stop(state)
        for name in KEPT:
            for path in state.glob(name):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def run(env: Environment, *, preparations: Sequence[Job], children: Sequence[Job]) -> int:
    """Run everything until a signal asks to stop (0) or it cannot continue (1). Leaves nothing running either way."""
    bell = Bell()
    try:
        state = services.make_state(env.var)
        beside = "Stop it, or start another one beside it with MUSTER_VAR=… PORT=…"
        with _only_supervisor(state, env.url, beside), _children_lock(state, bell) as lock:
            _check_port(env)
            supervisor = Supervisor(env, state, bell, lock)
            try:
                supervisor.run(preparations, children)
            finally:
                supervisor.stop()
    except StopAsked:
        pass
    except (Failed, ServicesError) as error:
        # A signal to the process group can kill a command that is just starting; that is not a failure.
        if not bell.stop_asked:
            say(str(error))
            return 1
    say(f"Stopped. The data stays in {env.var}")
    return 0


class Bell:
    """Signals as something to wait for: they are only noted, so that nothing is ever interrupted halfway."""

    def __init__(self) -> None:
        self.stop_asked = False
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            signal.signal(signal.SIGHUP, self._note)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake up from wait()

    def wait(self, seconds: float) -> None:
        """Return when the time is up or a signal arrives, including a child's death. Raises StopAsked."""
        if not self.stop_asked and select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)
        if self.stop_asked:
            raise StopAsked

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.stop_asked = True


class Process:
    """A running job, its descendants and its watcher: one process group."""

    def __init__(
        self, job: Job, *, log: Path | None, environ: Mapping[str, str], leash: int, lock: int, stdout: IO[bytes] | None
    ):
        """log: where its unrequested output goes; None for the terminal."""
        self.job = job
        self.started = time.monotonic()
        with log.open("ab") if log else nullcontext() as errors:
            self.popen = subprocess.Popen(  # noqa: S603 - commands of this module only
                ["/bin/sh", "-c", LEASH, f"muster-{job.name}", *job.command],
                stdin=leash,
                stdout=stdout or errors,
                stderr=errors,
                env=environ,
                cwd=ROOT,
                pass_fds=(lock,),
                start_new_session=True,
            )

    def ended(self) -> int | None:
        """Its exit status once it has ended, after ending whatever it left behind."""
        if self.popen.returncode is None and self.popen.poll() is not None:
            self._sweep()
        return self.popen.returncode

    def stop(self) -> None:
        """Ask it to stop, wait, then kill it."""
        if self.ended() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(TERMINATE)
        except subprocess.TimeoutExpired:
            say(f"{self.job.name} did not stop and is being killed")
        self._sweep()
        with suppress(subprocess.TimeoutExpired):  # stuck in the kernel; nothing more can be done
            self.popen.wait(TERMINATE)

    def _sweep(self) -> None:
        # The watcher is still in the group, so its id cannot belong to another process.
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)


@dataclass(slots=True)
class Post:
    """A child that must always run, and how often in a row it ended too soon."""

    job: Job
    process: Process | None = None
    due: float = 0.0
    quick_deaths: int = 0


class Supervisor:
    """Services and children, from the first start to the last stop."""

    def __init__(self, env: Environment, state: Path, bell: Bell, lock: int) -> None:
        self.env = env
        self.state = state
        self.bell = bell
        self.lock = lock
        self.leash, self._leash_end = os.pipe()  # nothing is written to the other end; it closes with this process
        self.embedded = not (env.database_url and env.redis_url)
        self.addresses: Addresses | None = None
        self.environ: dict[str, str] = {}
        self.posts: list[Post] = []

    def run(self, preparations: Sequence[Job], children: Sequence[Job]) -> None:
        """Start everything and keep it running. Raises StopAsked, Failed or ServicesError; never returns."""
        if self.embedded:
            say("Starting PostgreSQL and Valkey")
            self.addresses = services.start(self.state)
        database_url, redis_url = self.env.services()
        addresses = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "MUSTER_VAR": str(self.state)}
        (self.state / environment.URL_FILE).write_text(self.env.url)
        self.environ = {**os.environ, **addresses, "PYTHONUNBUFFERED": "1"}
        demo = "".join(self._complete(job) for job in preparations)
        say(f"Starting {', '.join(job.name for job in children)}")
        self.posts = [Post(job) for job in children]
        self._await_ready()
        say(_banner(self.env, self.state, demo))
        self._keep()

    def stop(self) -> None:
        """Stop whatever is running, in order."""
        say("Stopping")
        for post in self.posts:
            if post.process:
                post.process.stop()
        os.close(self._leash_end)
        os.close(self.leash)
        (self.state / environment.URL_FILE).unlink(missing_ok=True)
        if self.embedded:
            services.stop(self.state)

    def _start(self, job: Job, stdout: IO[bytes] | None = None) -> Process:
        in_terminal = self.env.dev and stdout is None
        log = None if in_terminal else services.log_file(self.state, job.name)
        return Process(job, log=log, environ=self.environ, leash=self.leash, lock=self.lock, stdout=stdout)

    def _complete(self, job: Job) -> str:
        """Run a preparation to its end. Returns its output. Raises Failed with the end of its log."""
        say(job.says)
        with tempfile.TemporaryFile() as output:
            process = self._start(job, stdout=output)
            try:
                while (status := process.ended()) is None:
                    self.bell.wait(1)
            finally:
                process.stop()
            if status != 0:
                raise Failed(f"{shlex.join(job.command)} {_how(status)}.\n{self._log(job)}")
            output.seek(0)
            return output.read().decode()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY
        while True:
            self._look_after_children()
            if ready.is_ready(self.env):
                return
            if time.monotonic() > deadline:
                raise Failed(f"No healthy answer from {self.env.url} after {READY} s.\n{self._log(self.posts[0].job)}")
            self.bell.wait(0.2)

    def _keep(self) -> None:
        while True:
            self._look_after_children()
            if self.embedded and not services.alive(self.state):
                say("PostgreSQL or Valkey ended; starting it again")
                if services.start(self.state) != self.addresses:
                    raise Failed("The directory of their sockets is gone. Run `make up` again.")
            services.rotate_logs(self.state)
            self.bell.wait(LOOK)

    def _look_after_children(self) -> None:
        """Start children that are due, clean up after those that ended. Raises Failed if web keeps ending."""
        for post in self.posts:
            if post.process is None:
                if time.monotonic() >= post.due:
                    post.process = self._start(post.job)
                continue
            status = post.process.ended()
            if status is None:
                continue
            lived = time.monotonic() - post.process.started
            post.process = None
            post.quick_deaths = post.quick_deaths + 1 if lived < QUICK else 1
            delay = min(0.25 * 2**post.quick_deaths, LONGEST)
            post.due = time.monotonic() + delay
            told = f"{post.job.name} {_how(status)}"
            if post.quick_deaths >= QUICK_DEATHS:
                told = f"{told}, {post.quick_deaths} times in a row.\n{self._log(post.job)}"
                if post is self.posts[0]:
                    raise Failed(told)
                told += f"\nTHE PORTAL RUNS WITHOUT {post.job.name.upper()}"
            say(f"{told}; starting it again in {delay:g} s")

    def _log(self, job: Job) -> str:
        if self.env.dev and any(post.job is job for post in self.posts):
            return "Its last output is above."
        log = services.log_file(self.state, job.name)
        return f"{log} ends with:\n{services.tail(log)}"


@contextmanager
def _only_supervisor(state: Path, doing: str, advice: str) -> Iterator[None]:
    """One supervisor per state directory. doing: its description for others. Raises Failed, naming the other one."""
    with (state / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Failed(f"Muster is already running with {state}: {lock.read().strip()}. {advice}") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {doing}")
        lock.flush()
        yield


@contextmanager
def _children_lock(state: Path, bell: Bell) -> Iterator[int]:
    """A lock that every child inherits: after a kill, the next supervisor waits until the old children are gone."""
    with (state / "children.lock").open("a") as lock:
        deadline = time.monotonic() + LEAVE
        said = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failed(f"Processes of an earlier run with {state} have not ended.") from None
            if not said:
                say("Waiting for the processes of an earlier run to end")
                said = True
            bell.wait(0.1)
        yield lock.fileno()


def _check_port(env: Environment) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(env.bind, env.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Failed(
            f"Cannot listen on {env.bind}, port {env.port}: {error.strerror}."
            " Choose another port (PORT=…) or address (MUSTER_BIND=…)."
        ) from error


def _banner(env: Environment, state: Path, demo: str) -> str:
    if env.dev:
        return f"""
Muster runs at {env.url} and starts again when code changes; pages show the debug toolbar.

{demo.strip()}

Logs: below. Mails: {state / "mail"}
Ctrl-C stops everything and keeps the data; `make reset` removes it.
"""
    return f"""
Muster runs at {env.url}

{demo.strip()}

Next: sign in and look around. README.md says how to be the identity provider, and how to connect a real one.
Logs: {state / "log"}
Ctrl-C stops everything and keeps the data.
"""


def _how(status: int) -> str:
    if status < 0:
        return f"was ended by signal {-status}"
    return f"ended with status {status}"


def say(line: str) -> None:
    """Tell the operator. A lost terminal must not interrupt an orderly stop."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
