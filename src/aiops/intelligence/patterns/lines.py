"""Lines out of bytes, whatever the bytes are, and the message out of a line that carries it as a field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import msgspec

_CHUNK = 1 << 20
# Of a longer line, only so much is looked at.
LONGEST_LINE = 8_192
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_JSON_FIELDS = ("msg", "message", "log", "event", "text")
_LOGFMT = re.compile(r"""(?:^|\s)(?:msg|message)=(?:"((?:[^"\\]|\\.)*)"|(\S+))""")
_FAULT = re.compile(r"""\s(?:err|error)=(?:"((?:[^"\\]|\\.)*)"|(\S+))""")
# What stands before the message in most logs: CRI's stream, a time in several spellings, the host of syslog.
_HEADER = re.compile(
    r"(?:<\d{1,3}>1? ?)?"
    r"(?:\S+ (?:stdout|stderr) [FP] )?"
    r"[\[(]?(?:"
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+"
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+"
    r"|\[ *\d+\.\d+"
    r")[\])]?[:,]? *"
)
_as_object = msgspec.json.Decoder(dict[str, object]).decode


class Readable(Protocol):
    """What bytes come from: nothing more means the end."""

    def read(self, size: int, /) -> bytes: ...


def lines_of(stream: Readable) -> Iterator[list[str]]:
    """The lines of a stream, in lists, without their ends; memory stays bounded, whatever the stream is.

    What is no UTF-8 becomes U+FFFD, and so does NUL; colours of terminals are left out; `\\r\\n` ends a line as `\\n`
    does; of a line longer than `LONGEST_LINE` the rest is left out. Raises `OSError` as the stream does.
    """
    rest = b""
    while chunk := stream.read(_CHUNK):
        whole, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            # A line longer than a chunk: of its start, more than is looked at; a character has at most four bytes.
            rest = (rest + tail)[:_CHUNK]
            continue
        yield _decoded(rest + whole)
        rest = tail
    if rest:
        yield _decoded(rest)


def _decoded(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    lines = text.split("\n")
    if len(text) > LONGEST_LINE * len(lines) or any(len(line) > LONGEST_LINE for line in lines):
        lines = [line[:LONGEST_LINE] for line in lines]
    return [line.rstrip("\r") for line in lines] if "\r" in text else lines


def message_of(line: str) -> str:
    """What the line says: the message of a JSON object or of logfmt, with its error; else the line."""
    if line.startswith("{") and line.endswith("}"):
        return _of_json(line)
    if "msg=" in line or "message=" in line:
        found = _LOGFMT.search(line)
        if found:
            fault = _FAULT.search(line)
            return _with_fault(_text(found), _text(fault) if fault else "")
    return line


def _of_json(line: str) -> str:
    try:
        fields = _as_object(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return line
    for name in _JSON_FIELDS:
        said = fields.get(name)
        if isinstance(said, str) and said.strip():
            fault = fields.get("error") or fields.get("err")
            return _with_fault(said, fault if isinstance(fault, str) else "")
    return line


def _with_fault(said: str, fault: str) -> str:
    return f"{said}: {fault}" if fault and fault not in said else said


def _text(found: re.Match[str]) -> str:
    quoted = found.group(1)
    return found.group(2) if quoted is None else quoted.replace('\\"', '"')


def said_in(line: str) -> str:
    """The message of a line as a cluster logs it: without the time and host before it, of several lines the first."""
    first = line.lstrip().split("\n", 1)[0][:LONGEST_LINE]
    message = message_of(_ESCAPES.sub("", first) if "\x1b" in first else first)
    found = _HEADER.match(message)
    return message_of(message[found.end() :]) if found and found.end() < len(message) else message
