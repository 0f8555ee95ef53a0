"""How bad a log pattern is and what it is about, by rules over its words and its lines' own level.

The rules know the words of failures, not those of one product. What they don't know has no class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiops.intelligence.domain.anomalies import worst
from aiops.intelligence.domain.log_patterns import FailureClass
from aiops.observability.ports import Severity

_LEVELS = {
    **dict.fromkeys(("emergency", "emerg", "alert", "critical", "crit", "fatal", "panic"), Severity.CRITICAL),
    **dict.fromkeys(("error", "err", "severe", "failure"), Severity.HIGH),
    **dict.fromkeys(("warning", "warn"), Severity.MEDIUM),
    **dict.fromkeys(("notice", "info", "information", "debug", "trace", "verbose", "fine"), Severity.INFO),
}
# At the start of a line, after its time: `ERROR`, `[warn]`, `level=info`, `E1121` of klog.
_OWN_LEVEL = re.compile(
    r"(?:\b(EMERG(?:ENCY)?|ALERT|CRIT(?:ICAL)?|FATAL|PANIC|ERR(?:OR)?|SEVERE|WARN(?:ING)?|NOTICE|INFO|DEBUG|TRACE)\b"
    r"|[\[<(](emerg|alert|crit|critical|fatal|error|err|warn|warning|notice|info|debug|trace)[\])>:]"
    r"|\b(?:level|lvl|severity)=\"?([a-zA-Z]+)"
    r"|^([IWEF])\d{4}\s)"
)
_KLOG = {"I": "info", "W": "warning", "E": "error", "F": "fatal"}
_LOOKED_AT = 160


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{'|'.join(alternatives)})", re.IGNORECASE)


# So bad that it is at least HIGH, whatever level it was logged with.
_GRAVE = _words(
    r"kernel panic",
    r"out of memory",
    r"oom[- ]?kill",
    r"invoked oom",
    r"segfault",
    r"segmentation fault",
    r"core dumped",
    r"no space left",
    r"disk quota exceeded",
    r"i/o error",
    r"remount\w* .{0,40}read-only",
    r"machine check",
    r"uncorrect\w+ .{0,20}error",
    r"double fault",
    r"data corrupt",
    r"corruption detected",
    r"panic:",
    r"unhandled exception",
    r"certificate has expired",
    r"split[- ]brain",
)
_BAD = _words(
    r"errors?\b(?!\s*[:=]\s*(?:none|null|nil|0)\b)",
    r"failed\b",
    r"failures?\b",
    r"failing\b",
    r"fails\b",
    r"fatal\b",
    r"[a-z.]*exception\b",
    r"refused\b",
    r"denied\b",
    r"unreachable\b",
    # A timeout as such is a setting.
    r"timed[- ]?out\b",
    r"time-?out (?:while|waiting|expired|error|exceeded|reached|occurred)",
    r"time-?out of .{0,16}(?:exceeded|expired|reached)",
    r"broken\b",
    r"lost\b",
    r"aborted\b",
    r"crashe?[sd]?\b",
    r"unable to\b",
    r"could ?n[o']t\b",
    r"can ?not\b",
    r"can't\b",
    r"rejected\b",
    r"unhealthy\b",
    r"not responding\b",
    r"critical\b",
)
_CLASSES: tuple[tuple[FailureClass, re.Pattern[str]], ...] = (
    (
        FailureClass.CERTIFICATE,
        _words(r"x509", r"certificates?\b", r"tls handshake", r"ssl ?handshake", r"sslexception", r"bad certificate"),
    ),
    (
        FailureClass.AUTH,
        _words(
            r"authenticat\w+",
            r"authori[sz]ation\b",
            r"unauthori[sz]ed",
            r"permission denied",
            r"access denied",
            r"forbidden\b",
            r"invalid (?:user|password|credentials|token)",
            r"(?:failed|accepted|wrong|incorrect|bad) (?:password|login|publickey)",
            r"login failed",
            r"user unknown",
            r"break-?in attempt",
            r"not permitted",
            r"pam_\w+",
        ),
    ),
    (
        FailureClass.MEMORY,
        _words(
            r"out of memory",
            r"outofmemory\w*",
            r"oom\b",
            r"oom[- ]?kill\w*",
            r"cannot allocate memory",
            r"memory (?:pressure|exhausted|leak|limit|allocation)",
            r"low on memory",
            r"swap (?:full|exhausted)",
            r"heap space",
            r"bad_alloc",
        ),
    ),
    (
        FailureClass.HARDWARE,
        _words(
            r"machine check",
            r"mce:",
            r"(?:un)?correct\w+ (?:ecc|memory|hardware)? ?errors?",
            r"parity error",
            r"ecc\b",
            r"xid\b",
            r"hardware error",
            r"(?:over)?temperature",
            r"overheat\w*",
            r"thermal",
            r"fan\b.{0,24}(?:fail|speed|stop)",
            r"firmware bug",
        ),
    ),
    (
        FailureClass.POWER,
        _words(
            r"psu\b",
            r"power (?:supply|loss|failure|lost|fault|control|button|problem)",
            r"ups\b",
            r"on battery",
            r"battery",
            r"brown-?out",
            r"undervoltage",
            r"voltage",
        ),
    ),
    (
        FailureClass.DISK,
        _words(
            r"no space left",
            r"disk (?:full|quota|error|failure|is full)",
            r"file ?system",
            r"i/o error",
            r"blk_update_request",
            r"buffer i/o",
            r"read-only (?:file|fs)",
            r"ext[234]-fs",
            r"xfs\b",
            r"btrfs",
            r"raid\b",
            r"smart (?:error|failure)",
            r"bad (?:block|sector)s?",
            r"nvme\d?\b",
            r"volume .{0,24}(?:full|fail|detach)",
            r"failedmount",
            r"mount (?:failed|error)",
            r"inodes?\b",
            r"storage (?:full|fail)",
            r"(?:stale )?nfs\b",
        ),
    ),
    (
        FailureClass.NETWORK,
        _words(
            r"connection (?:refused|reset|closed|lost|broken|aborted|failed|attempt failed)",
            r"cannot open channel",
            r"no reply from",
            r"connect(?:ion)? (?:to|error|failed)",
            r"could not connect",
            r"no route to host",
            r"(?:network|host|destination) (?:is )?(?:unreachable|down)",
            r"name or service not known",
            r"no such host",
            r"could not resolve",
            r"unknownhost\w*",
            r"dns\b",
            r"link (?:is )?(?:down|up|error|lost|in reset)",
            r"carrier",
            r"broken pipe",
            r"socket",
            r"packet (?:loss|dropped)",
            r"martian source",
            r"duplicate address",
            r"eth\d+\b",
            r"arp\b",
            r"dial tcp",
            r"peer",
        ),
    ),
    (
        FailureClass.TIMEOUT,
        _words(
            r"time[d]?[- ]?out\b", r"deadline exceeded", r"not responding", r"hung task", r"soft lockup", r"stalled"
        ),
    ),
    (
        FailureClass.CRASH,
        _words(
            r"panic\b",
            r"segfault",
            r"segmentation fault",
            r"core dumped",
            r"crashloop\w*",
            r"back-off restarting",
            r"crash\w*",
            r"aborted\b",
            r"killed process",
            r"exited (?:abnormally|with)",
            r"unhandled exception",
            r"main process exited",
            r"nullpointerexception",
        ),
    ),
    (
        FailureClass.OVERLOAD,
        _words(
            r"too many (?:open files|connections|requests|clients)",
            r"rate limit\w*",
            r"throttl\w+",
            r"queue (?:is )?full",
            r"overload\w*",
            r"backpressure",
            r"evict\w+",
            r"insufficient (?:cpu|memory)",
            r"resource (?:temporarily )?unavailable",
            r"quota exceeded",
        ),
    ),
    (
        FailureClass.CONFIGURATION,
        _words(
            r"(?:invalid|bad|wrong|unknown|missing) (?:config\w*|option|argument|parameter|directive|setting|flag)",
            r"config\w* (?:error|invalid)",
            r"parse error",
            r"syntax error",
            r"unrecognized (?:option|attribute|argument)",
            r"deprecated",
        ),
    ),
)


def level_of(line: str) -> str | None:
    """The level that a line names itself, in small letters; only its start is looked at."""
    found = _OWN_LEVEL.search(line[:_LOOKED_AT])
    if found is None:
        return None
    word = next(group for group in found.groups() if group)
    return _KLOG[word] if found.group(4) else word.lower()


def severity_of(text: str, levels: Iterable[str]) -> Severity:
    """The worst of its lines' levels; grave words are at least HIGH. Without a level, words of failure are MEDIUM."""
    said = [_LEVELS[level] for level in levels if level in _LEVELS]
    if _GRAVE.search(text):
        return worst([*said, Severity.HIGH])
    if said:
        return worst(said)
    return Severity.MEDIUM if _BAD.search(text) else Severity.INFO


def class_of(text: str, severity: Severity) -> FailureClass | None:
    """The first class whose words it has. What is no failure (INFO, and no word of one) has none."""
    if severity is Severity.INFO and not _BAD.search(text):
        return None
    return next((name for name, words in _CLASSES if words.search(text)), None)
