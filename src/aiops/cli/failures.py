"""Failures that a person can do something about, in one line; all others keep their traceback."""

from __future__ import annotations

import errno

from aiops.kernel.errors import AiopsError
from aiops.settings import Settings


def in_one_line(error: BaseException, settings: Settings | None) -> str | None:
    """What went wrong and what to do; None where it is a bug, whose traceback is worth more."""
    import psycopg
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, AiopsError):
        return error.message
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.errors.DiskFull) or (
        isinstance(cause, psycopg.OperationalError) and "No space left on device" in str(cause)
    ):
        return f"The disk of the database is full: free some space{_or_move(settings)}."
    if isinstance(cause, psycopg.OperationalError):
        reason = str(cause).strip().splitlines()[-1]
        return f"The database can't be reached: {reason}. Check AIOPS_DATABASE_URL and that PostgreSQL runs."
    if isinstance(cause, psycopg.errors.InsufficientPrivilege | psycopg.errors.FeatureNotSupported):
        reason = str(cause).strip().splitlines()[0]
        return f"The database refused to be set up: {reason}. Let its owner run `aiops migrate` once."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {error.filename or 'the data folder'} is full: free some space{_or_move(settings)}."
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} can't be used by this user: change its owner, or set AIOPS_DATA_DIR."
    return None


def _or_move(settings: Settings | None) -> str:
    return "" if settings is not None and settings.database_url else ", or set AIOPS_DATA_DIR to another disk"
