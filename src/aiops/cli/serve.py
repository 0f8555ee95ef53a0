"""`aiops serve`: database, migrations, first user, application, server; and all of it down again in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from aiops.kernel.errors import AiopsError
from aiops.kernel.postgres import EmbeddedPostgres
from aiops.settings import Settings

# Long enough for open requests and streams to end; a second signal ends it at once.
_GRACE_S = 5


class CannotListen(AiopsError):
    """The address can't be had; the message names it and how to change it."""

    default_code = "ADDRESS_UNAVAILABLE"


def serve(settings: Settings) -> int:
    """Run the hub until SIGINT, SIGTERM, or SIGHUP as when its terminal is closed."""
    from aiops.kernel.logging import configure_logging

    configure_logging(settings.log_format, settings.log_level)
    _on_signals(_interrupt)
    # To be stopped is no failure, also before it is ready.
    with contextlib.suppress(KeyboardInterrupt):
        # First the port: whoever forgot a running hub learns so in a moment, before anything is started.
        with listening(settings) as sockets, _database(settings) as url:
            from aiops.gateway.bootstrap import ensure_admin
            from aiops.kernel.migrations import migrate

            migrate(url)
            generated = ensure_admin(url, settings.admin_password)
            _run_server(settings, url, sockets, generated)
    _say("AIOps NextGen is stopped.")
    return 0


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
def _database(settings: Settings) -> Iterator[str]:
    if settings.database_url:
        yield settings.database_url
        return
    postgres = EmbeddedPostgres(settings.data_dir, bin_dir=settings.pg_bin)
    postgres.start()
    try:
        yield postgres.url
    finally:
        postgres.stop()


def _run_server(settings: Settings, url: str, sockets: list[socket.socket], generated: str | None) -> None:
    import uvicorn
    import uvloop

    from aiops.app import create_app

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, url),
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

    def end(_number: int, _frame: FrameType | None) -> None:
        if server.should_exit and not server.force_exit:
            server.force_exit = True
            # What is cut short says so with a traceback, and it was asked for.
            logging.getLogger("uvicorn.error").disabled = True
        server.should_exit = True

    async def run() -> None:
        beside = [asyncio.create_task(_announce_when_ready(server, settings, sockets, generated))]
        if sys.stdin.isatty() and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            beside.append(asyncio.create_task(_end_with_terminal(server)))
        try:
            await server.serve(sockets=sockets)
        finally:
            for task in beside:
                task.cancel()

    # uvicorn sets handlers of its own and raises the signals again when it has served: that would end us
    # before PostgreSQL has been stopped. Ours stay: a third signal, or a tenth, changes nothing any more.
    server.handle_exit = end  # type: ignore[assignment,method-assign]
    _on_signals(end)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    if not server.started:
        raise CannotListen("The hub did not start; the log above says why.")


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup, SIGHUP is ignored on purpose.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


async def _announce_when_ready(
    server: Any, settings: Settings, sockets: list[socket.socket], generated: str | None
) -> None:
    # uvicorn has a flag, and no event to wait for.
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    host = settings.host if settings.host not in ("0.0.0.0", "::") else socket.gethostname()
    port = sockets[0].getsockname()[1]
    shown = settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"AIOps NextGen is ready: {shown}"]
    if generated:
        lines.append(f"Sign in as admin with the password {generated} (shown only now; change it after signing in)")
    elif settings.admin_password:
        lines.append("Sign in as admin; the first password is that of AIOPS_ADMIN_PASSWORD.")
    else:
        lines.append("Sign in as admin; a forgotten password is set anew by: aiops user passwd admin")
    _say("\n" + "\n".join(lines) + "\n")


async def _end_with_terminal(server: Any) -> None:
    # Its SIGHUP goes to the first process of the session: under `ssh -t host make run` that is make, which then
    # only waits for us.
    terminal = select.poll()
    terminal.register(sys.stdin, 0)
    while not any(event & select.POLLHUP for _, event in terminal.poll(0)):
        await asyncio.sleep(0.5)
    server.should_exit = True


def _say(text: str) -> None:
    # A terminal that was closed takes no more lines.
    with contextlib.suppress(OSError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
