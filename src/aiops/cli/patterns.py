"""`aiops patterns FILE`: the patterns of a log file, without a server."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from aiops.cli.output import say
from aiops.intelligence.patterns.lines import lines_of, message_of
from aiops.intelligence.patterns.mining import Miner
from aiops.kernel.errors import Invalid
from aiops.settings import Settings

_COMPRESSED = {b"\x1f\x8b": "zcat", b"\x28\xb5": "zstdcat", b"\xfd7": "xzcat", b"BZ": "bzcat"}
_SPOOLED = 1 << 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What there is to type after `aiops patterns`."""
    parser.add_argument("file", metavar="FILE", help="the log, one message a line; - is standard input")
    parser.add_argument(
        "--out", type=Path, metavar="lines.csv", help="also write line, pattern_id, pattern for every line, as CSV"
    )
    parser.epilog = (
        "The table goes to standard output, with tabs between pattern_id, lines and pattern, the most frequent first. "
        "<*> stands for what changes. Patterns are numbered from 1 as they first occur; in both tables they are as "
        "all of the file made them. Of JSON and logfmt lines the message is looked at, of others the whole line."
    )


def patterns(_settings: Settings, parsed: argparse.Namespace) -> int:
    """Read the file once, print its patterns; 2 where it can't be read, 0 otherwise, also where it is empty."""
    out: Path | None = parsed.out
    _check_out(parsed.file, out)
    miner = Miner()
    with _opened(parsed.file) as stream, tempfile.TemporaryFile() as spool:
        counts = _mined(stream, miner, spool if out else None)
        shown = _final(miner, counts)
        if out is not None:
            spool.seek(0)
            _write_lines(out, spool, shown)
    _print_table(shown, counts)
    if miner.others is not None:
        sys.stderr.write(f"aiops: there are more than {miner.limit} patterns; lines of others are under <*>.\n")
    return 0


def _mined(stream: BinaryIO, miner: Miner, spool: BinaryIO | None) -> Counter[int]:
    """How many lines each number of the miner got; the numbers line by line go to `spool`, to be told at the end."""
    counts: Counter[int] = Counter()
    add = miner.add
    for lines in _readable(lines_of(stream)):
        numbers = array("I", [add(message_of(line)) for line in lines])
        counts.update(numbers)
        if spool is not None:
            numbers.tofile(spool)
    return counts


def _readable(chunks: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from chunks
    except OSError as error:
        raise Invalid(f"The log can't be read: {error.strerror}.") from None


def _final(miner: Miner, counts: Counter[int]) -> dict[int, tuple[int, str]]:
    """The miner's number → the pattern's id and text, in the end. Adds up what became one."""
    found: dict[int, tuple[int, str]] = {}
    eldest = {number: miner.of(number) for number in counts}
    ids = {one: place for place, one in enumerate(sorted({one.number for one in eldest.values()}), 1)}
    for number, one in eldest.items():
        found[number] = (ids[one.number], one.text)
    return found


def _write_lines(out: Path, spool: BinaryIO, shown: dict[int, tuple[int, str]]) -> None:
    try:
        # Whole or not at all: a half-written file looks like a short log.
        with tempfile.NamedTemporaryFile(
            "w", dir=out.parent, prefix=f".{out.name}-", newline="", encoding="utf-8", delete=False
        ) as fresh:
            try:
                writer = csv.writer(fresh, lineterminator="\n")
                writer.writerow(("line", "pattern_id", "pattern"))
                line = 0
                while data := spool.read(_SPOOLED * 4):
                    numbers = array("I", data)
                    writer.writerows((line + place, *shown[number]) for place, number in enumerate(numbers, 1))
                    line += len(numbers)
                fresh.flush()
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(fresh.name, 0o666 & ~umask)
                os.replace(fresh.name, out)
            except BaseException:
                os.unlink(fresh.name)
                raise
    except OSError as error:
        raise Invalid(f"{out} can't be written: {error.strerror}.") from None


def _print_table(shown: dict[int, tuple[int, str]], counts: Counter[int]) -> None:
    lines: Counter[tuple[int, str]] = Counter()
    for number, count in counts.items():
        lines[shown[number]] += count
    say("pattern_id\tlines\tpattern")
    for (place, text), count in sorted(lines.items(), key=lambda one: (-one[1], one[0])):
        say(f"{place}\t{count}\t{text}")


def _check_out(file: str, out: Path | None) -> None:
    if out is None:
        return
    if out.is_dir():
        raise Invalid(f"{out} is a folder: give --out the name of a file.")
    if not out.parent.is_dir():
        raise Invalid(f"There is no folder {out.parent} to write {out.name} to.")
    if file != "-" and out.exists() and Path(file).exists() and os.path.samefile(file, out):
        raise Invalid("--out names the log itself: give it another name.")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    path = Path(file)
    if path.is_dir():
        raise Invalid(f"{file} is a folder: name one log, or `cat {file}/* | aiops patterns -`.")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}.") from None
    with stream:
        start = stream.peek(2)[:2]
        if tool := _COMPRESSED.get(start):
            raise Invalid(f"{file} is compressed: `{tool} {file} | aiops patterns -`.")
        yield stream
