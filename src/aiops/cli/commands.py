"""What there is to type, and what each command calls."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from aiops.cli.backtest import add_commands as add_backtest_commands
from aiops.cli.cluster import add_commands as add_cluster_commands
from aiops.cli.detect import add_commands as add_detect_commands
from aiops.cli.failures import in_one_line
from aiops.cli.forecast import add_arguments as add_forecast_arguments
from aiops.cli.forecast import forecast as show_forecast
from aiops.cli.output import say
from aiops.cli.patterns import add_arguments as add_patterns_arguments
from aiops.cli.patterns import patterns as show_patterns
from aiops.cli.rank_causes import add_arguments as add_rank_causes_arguments
from aiops.cli.rank_causes import rank_causes as show_causes
from aiops.cli.replay import add_commands as add_replay_commands
from aiops.cli.topology import add_commands as add_topology_commands
from aiops.kernel.errors import Invalid
from aiops.settings import Settings, load_settings, secret_key, where_key_is

Command = Callable[[Settings, argparse.Namespace], int]
_SEE_SETTINGS = "`aiops --help` lists the settings."
_EXIT_CODES = "exit codes: 0 done; 1 looked, and something is wrong; 2 can't, and one line says why."
_Group: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class _Wide(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=18, width=100)


def run(arguments: Sequence[str] | None) -> int:
    """Parse, read the settings, run; every expected failure becomes one line and exit code 2."""
    parser = _parser()
    if not (sys.argv[1:] if arguments is None else arguments):
        parser.print_help(sys.stderr)
        return 2
    parsed = parser.parse_args(arguments)
    command: Command = parsed.command
    settings: Settings | None = None
    try:
        settings = load_settings(config_path=parsed.config)
        return command(settings, parsed)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        said = in_one_line(error, settings)
        if said is None:
            raise
        sys.stderr.write(f"aiops: {said}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="aiops",
        description="One process that watches a fleet of clusters, and says what is wrong and why.",
        epilog=f"{_settings_help()}\n\n{_EXIT_CODES}",
        formatter_class=_Wide,
    )
    parser.add_argument("--version", action="version", version=f"aiops {version('aiops-nextgen')}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file instead of ./aiops.toml")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    _add(commands, "serve", "Start the hub: its database, the API, the console.", _serve).epilog = _settings_help()
    _add(commands, "migrate", "Bring the database to the schema of this version, and end.", _migrate)
    _add(commands, "doctor", "Check the installation and say what is wrong and what to do.", _doctor)
    _add(commands, "accept-key", "Go on with the present secret key, where the former is lost.", _accept_key)
    _add(commands, "retry-events", "Try again what the hub gave up on, as `aiops doctor` lists it.", _retry_events)
    patterns = _add(commands, "patterns", "The patterns of a log file; needs no hub and no database.", show_patterns)
    add_patterns_arguments(patterns)
    forecast = _add(
        commands, "forecast", "Forecast a series of a CSV file; needs no hub and no database.", show_forecast
    )
    add_forecast_arguments(forecast)
    causes = _add(
        commands, "rank-causes", "Rank metrics before and after a fault by who caused it; needs no hub.", show_causes
    )
    add_rank_causes_arguments(causes)
    _add(commands, "openapi", "Write the OpenAPI document to standard output; needs no database.", _openapi)

    _add_users(commands)
    _add_sources(commands)
    _add_secrets(commands)
    add_backtest_commands(commands, _add)
    add_cluster_commands(commands, _add)
    add_detect_commands(commands, _add)
    add_replay_commands(commands, _add)
    add_topology_commands(commands, _add)
    return parser


def _add(group: _Group, name: str, text: str, command: Command) -> argparse.ArgumentParser:
    one = group.add_parser(name, help=text, description=text, epilog=_SEE_SETTINGS, formatter_class=_Wide)
    one.set_defaults(command=command)
    return one


def _group(commands: _Group, name: str, text: str) -> _Group:
    group = commands.add_parser(name, help=text, description=text, formatter_class=_Wide)
    return group.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _add_users(commands: _Group) -> None:
    users = _group(commands, "user", "Add and list users, set passwords.")
    new = _add(users, "add", "Add a user; the password is asked for, or read from standard input.", _user_add)
    new.add_argument("username", help="the name to sign in with")
    new.add_argument(
        "--role",
        choices=("viewer", "operator", "admin"),
        default="viewer",
        help="viewer looks, operator deals with incidents, admin manages clusters and users; default: viewer",
    )
    new.add_argument(
        "--cluster", action="append", metavar="NAME", help="limit the user to this cluster; may be given several times"
    )
    new.add_argument("--service", action="store_true", help="a program: it gets a token, which is printed once")
    new.add_argument(
        "--days", type=int, default=365, metavar="N", help="how long a service's token lasts; default: 365"
    )
    passwd = _add(users, "passwd", "Set a user's password; all of that user's sign-ins end.", _user_passwd)
    passwd.add_argument("username", help="whose password")
    _add(users, "list", "List the users: name, role, and how many clusters they may see.", _user_list)


def _add_sources(commands: _Group) -> None:
    sources = _group(commands, "source", "Make tokens for senders of metrics and alerts.")
    source = _add(sources, "add", "Make a source and print its token, which is shown only once.", _source_add)
    source.add_argument("--cluster", required=True, metavar="NAME", help="the cluster of its samples and alerts")
    source.add_argument("--name", default="default", help="what to call it; default: default")


def _add_secrets(commands: _Group) -> None:
    secrets = _group(commands, "secrets", "Change the key that credentials are kept under.")
    text = "Seal all stored credentials under AIOPS_SECRET_KEY; AIOPS_SECRET_KEY_PREVIOUS opens them."
    _add(secrets, "rotate", text, _secrets_rotate)


def _settings_help() -> str:
    described = (Settings.__doc__ or "").split("\n\n")
    listed = "\n".join(line.removeprefix("    ") for line in described[-1].splitlines())
    return f"settings, from the environment (AIOPS_PORT) or aiops.toml (port):\n{listed}"


def _serve(settings: Settings, _parsed: argparse.Namespace) -> int:
    # To be stopped is no failure, also before it is ready.
    with suppress(KeyboardInterrupt):
        from aiops.cli.serve import serve

        serve(settings)
    say("AIOps NextGen is stopped.")
    return 0


def _doctor(settings: Settings, _parsed: argparse.Namespace) -> int:
    from aiops.cli.doctor import doctor

    return doctor(settings)


def _migrate(settings: Settings, _parsed: argparse.Namespace) -> int:
    with database_of(settings):
        sys.stdout.write("The database is at the schema of this version.\n")
    return 0


def _accept_key(settings: Settings, _parsed: argparse.Namespace) -> int:
    with database_of(settings) as url:
        from aiops.kernel.master_key import accept_key

        accept_key(url, secret_key(settings))
    say(f"{where_key_is(settings)} is the key from now on. Credentials under the former one must be entered again.")
    return 0


def _secrets_rotate(settings: Settings, _parsed: argparse.Namespace) -> int:
    with database_of(settings) as url:
        from aiops.cli.key_rotation import rotate

        return rotate(url, settings)


def _retry_events(settings: Settings, _parsed: argparse.Namespace) -> int:
    with database_of(settings) as url:
        from aiops.cli.doctor_database import retry_given_up

        count = retry_given_up(url)
    say(f"{count} will be tried again by the hub." if count else "There is nothing that the hub gave up on.")
    return 0


def _openapi(settings: Settings, _parsed: argparse.Namespace) -> int:
    import msgspec

    from aiops.app import create_app

    app = create_app(settings, settings.database_url or "postgresql://nobody@localhost/none")
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(app.openapi_schema.to_schema())) + b"\n")
    sys.stdout.buffer.flush()
    return 0


def _user_add(settings: Settings, parsed: argparse.Namespace) -> int:
    if parsed.service:
        return _service_add(settings, parsed)
    password = _ask_password()
    with database_of(settings) as url:
        from aiops.gateway.bootstrap import add_user

        add_user(url, parsed.username, password, parsed.role, parsed.cluster)
    sys.stdout.write(f"Added {parsed.username} as {parsed.role}.\n")
    return 0


def _service_add(settings: Settings, parsed: argparse.Namespace) -> int:
    if not 1 <= parsed.days <= 3650:
        raise Invalid("A service's token lasts from 1 to 3650 days.")
    with database_of(settings) as url:
        from aiops.gateway.bootstrap import add_service

        token = add_service(url, parsed.username, parsed.role, parsed.cluster, parsed.days)
    # Alone on standard output, so that a script can keep it.
    sys.stderr.write(f"Added the service {parsed.username} as {parsed.role}; its token is shown only now.\n")
    sys.stdout.write(token + "\n")
    return 0


def _user_passwd(settings: Settings, parsed: argparse.Namespace) -> int:
    password = _ask_password()
    with database_of(settings) as url:
        from aiops.gateway.bootstrap import set_password

        set_password(url, parsed.username, password)
    sys.stdout.write(f"The password of {parsed.username} is set; it is to be changed at the next sign-in.\n")
    return 0


def _user_list(settings: Settings, _parsed: argparse.Namespace) -> int:
    with database_of(settings) as url:
        from aiops.gateway.bootstrap import list_users

        for user in list_users(url):
            scope = "all clusters" if user.clusters is None else f"{len(user.clusters)} clusters"
            sys.stdout.write(f"{user.username}\t{user.role.value}\t{scope}\n")
    return 0


def _source_add(settings: Settings, parsed: argparse.Namespace) -> int:
    with database_of(settings) as url:
        from aiops.observability.bootstrap import add_source

        sys.stdout.write(add_source(url, parsed.cluster, parsed.name) + "\n")
    return 0


def _ask_password() -> str:
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise Invalid("The two passwords differ.")
    if not password:
        raise Invalid("The password is empty.")
    return password


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The migrated database: the given one, a running hub's, or the embedded one for as long as this takes."""
    from aiops.kernel.migrations import migrate
    from aiops.kernel.postgres import EmbeddedPostgres, running_url

    url = settings.database_url or running_url(settings.data_dir)
    if url is not None:
        migrate(url)
        yield url
        return
    postgres = EmbeddedPostgres(settings.data_dir, bin_dir=settings.pg_bin)
    postgres.start()
    try:
        migrate(postgres.url)
        yield postgres.url
    finally:
        postgres.stop()
