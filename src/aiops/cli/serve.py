"""`aiops serve`: database, migrations, first user, application, server; and all of it down again in order."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from aiops.cli.output import say
from aiops.kernel.errors import AiopsError
from aiops.kernel.postgres import EmbeddedPostgres
from aiops.settings import Settings, key_ring, where_key_is

if TYPE_CHECKING:
    import uvicorn
    from litestar import Litestar

# Long enough for open requests and streams to end; a second signal ends it at once.
_GRACE_S = 5


class CannotListen(AiopsError):
    """The address can't be had; the message names it and how to change it."""

    default_code = "ADDRESS_UNAVAILABLE"


def serve(settings: Settings) -> None:
    """Run the hub until SIGINT, SIGTERM, or SIGHUP as when its terminal is closed."""
    from aiops.kernel.logging import configure_logging

    configure_logging(settings.log_format, settings.log_level)
    _on_signals(_interrupt)
    # First the port: whoever forgot a running hub learns so in a moment, before anything is started.
    with listening(settings) as sockets, _database(settings) as (url, problem):
        from aiops.gateway.bootstrap import ensure_admin
        from aiops.kernel.master_key import require_same_key
        from aiops.kernel.migrations import migrate

        migrate(url)
        require_same_key(url, key_ring(settings), where_key_is(settings))
        generated = ensure_admin(url, settings.admin_password)
        from aiops.app import create_app
        from aiops.kernel.collector import settle_collector

        welcome = _welcome(settings, sockets, generated)
        welcomed = False
        try:
            app = create_app(settings, url, database_problem=problem)
            settle_collector()
            welcomed = _run_server(app, sockets, welcome)
        finally:
            # A password is shown once: also where the hub was stopped before it was ready.
            if generated and not welcomed:
                say(welcome[-1])


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Sockets bound to the host and port of the settings, every address of the host's name."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise CannotListen(f"AIOPS_HOST={settings.host} is no address of this machine.") from None
    sockets: list[socket.socket] = []
    port = settings.port
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((address[0], port, *address[2:]))
            # Listening at once: only then does the kernel tell a second hub that the port is taken.
            one.listen(2048)
            port = port or one.getsockname()[1]
        yield sockets
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        raise CannotListen(_why_not(error, settings)) from None
    finally:
        for one in sockets:
            one.close()


def _why_not(error: OSError, settings: Settings) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        other = settings.port + 1 if settings.port < 65535 else 8080
        return f"Port {settings.port} on {settings.host} is in use: stop what uses it, or set AIOPS_PORT={other}."
    if error.errno == errno.EACCES:
        return f"This user may not listen on {where}: choose a port above 1023 with AIOPS_PORT."
    return f"AIOPS_HOST={settings.host} is no address of this machine."


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Its address, and whom to ask why it is gone when it is."""
    if settings.database_url:
        yield settings.database_url, lambda: None
        return
    postgres = EmbeddedPostgres(settings.data_dir, bin_dir=settings.pg_bin)
    postgres.start()
    try:
        yield postgres.url, postgres.problem
    finally:
        postgres.stop()


def _run_server(app: Litestar, sockets: list[socket.socket], welcome: list[str]) -> bool:
    """Serve until a signal; whether it got as far as to say the welcome."""
    import uvicorn
    import uvloop

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            server_header=False,
            ws_max_size=64 * 1024,
            ws_ping_interval=30,
            ws_ping_timeout=10,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="on",
        )
    )
    stopped = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped or not server.started:
            server.force_exit = True
            # What is cut short says so with a traceback, and it was asked for.
            logging.getLogger("uvicorn.error").disabled = True
        server.should_exit = stopped = True

    async def run() -> bool:
        welcoming = asyncio.create_task(_say_when_ready(server, welcome))
        watching = asyncio.create_task(_end_with_terminal(server))
        try:
            await server.serve(sockets=sockets)
            return welcoming.done()
        finally:
            welcoming.cancel()
            watching.cancel()

    # uvicorn sets handlers of its own and raises the signals again when it has served: that would end us
    # before PostgreSQL has been stopped. Ours stay: a third signal, or a tenth, changes nothing any more.
    server.handle_exit = end  # type: ignore[assignment,method-assign]
    _on_signals(end)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        welcomed = runner.run(run())
    if not server.started and not stopped:
        raise CannotListen("The hub did not start; the log above says why.")
    return welcomed


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup, SIGHUP is ignored on purpose.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _welcome(settings: Settings, sockets: list[socket.socket], generated: str | None) -> list[str]:
    """Where it is, and how to sign in."""
    host = settings.host if settings.host not in ("0.0.0.0", "::") else socket.gethostname()
    port = sockets[0].getsockname()[1]
    shown = settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if generated:
        sign_in = f"Sign in as admin with the password {generated} (shown only now; change it after signing in)"
    elif settings.admin_password:
        sign_in = "Sign in as admin; the first password is that of AIOPS_ADMIN_PASSWORD."
    else:
        command = "aiops" if shutil.which("aiops") else os.path.relpath(sys.argv[0])
        sign_in = f"Sign in as admin; a forgotten password is set anew by: {command} user passwd admin"
    return [f"AIOps NextGen is ready: {shown}", sign_in]


async def _say_when_ready(server: uvicorn.Server, welcome: list[str]) -> None:
    # uvicorn has a flag, and no event to wait for.
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    say("\n" + "\n".join(welcome) + "\n")


async def _end_with_terminal(server: uvicorn.Server) -> None:
    # Its SIGHUP goes to the first process of the session: under `ssh -t host make run` that is make, which then
    # only waits for us.
    if not sys.stdin.isatty() or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return
    terminal = select.poll()
    terminal.register(sys.stdin, 0)
    while not any(event & select.POLLHUP for _, event in terminal.poll(0)):  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.5)
    server.should_exit = True
