"""The named fragments that patterns may use as `%{NAME}`; names and meaning follow Logstash's grok library.

Each is written for linear engines (no look-around, no back-references) and matches no newline.
"""

from collections.abc import Mapping
from types import MappingProxyType

# Addresses and hosts are written so that no two ways through them begin alike: captures then cost a third (a
# one-pass automaton). The `ip` type checks the value; what is no address goes to `….address`.
FRAGMENTS: Mapping[str, str] = MappingProxyType(
    {
        "IPV4": r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}",
        "IPV6": r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~-]+)?",
        "IP": r"[0-9A-Fa-f]*[.:][0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~-]+)?",
        "INT": r"[+-]?\d+",
        "POSINT": r"\d+",
        "NUMBER": r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)",
        "BASE16NUM": r"[+-]?(?:0x)?[0-9A-Fa-f]+",
        "WORD": r"\b\w+\b",
        "NOTSPACE": r"\S+",
        "SPACE": r"\s*",
        "DATA": r".*?",
        "GREEDYDATA": r".*",
        "QUOTEDSTRING": r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)""",
        "QS": r"%{QUOTEDSTRING}",
        "UUID": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
        "MAC": r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}",
        "HOSTNAME": r"[0-9A-Za-z_][0-9A-Za-z_.-]*",
        "IPORHOST": r"[0-9A-Za-z_:][0-9A-Za-z_.:%-]*",
        "HOST": r"%{HOSTNAME}",
        "HOSTPORT": r"(?:\[%{IPV6}\]|%{IPORHOST}):%{POSINT}",
        "PATH": r"(?:/[^\s]*|[A-Za-z]:\\[^\s]*)",
        "UNIXPATH": r"/[^\s]*",
        "URIPROTO": r"[A-Za-z][A-Za-z0-9+.-]*",
        "URIHOST": r"%{IPORHOST}(?::%{POSINT})?",
        "URIPATH": r"/[^\s?#\"]*",
        "URIPARAM": r"\?[^\s#\"]*",
        "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?",
        "URI": r"%{URIPROTO}://(?:[^\s@/]+@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?(?:#[^\s\"]*)?",
        "USERNAME": r"[0-9A-Za-z._@$+-]+",
        "USER": r"%{USERNAME}",
        "EMAILADDRESS": r"[0-9A-Za-z._%+'-]+@[0-9A-Za-z.-]+",
        "MONTH": r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
        r"|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)",
        "MONTHABBR": r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
        "MONTHNUM": r"(?:1[0-2]|0?[1-9])",
        "MONTHDAY": r"(?:3[01]|[12]\d|0?[1-9])",
        "DAY": r"(?:Mon|Tue(?:s)?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?",
        "YEAR": r"\d{4}",
        "HOUR": r"(?:2[0-3]|[01]?\d)",
        "MINUTE": r"[0-5]?\d",
        "SECOND": r"(?:60|[0-5]?\d)(?:[.,:]\d+)?",
        "TIME": r"%{HOUR}:[0-5]\d(?::%{SECOND})?",
        "ISO8601_TIMEZONE": r"(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})",
        "TIMESTAMP_ISO8601": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?%{ISO8601_TIMEZONE})?",
        "SYSLOGTIMESTAMP": r"%{MONTHABBR} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?",
        "HTTPDATE": r"\d{1,2}/%{MONTHABBR}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}",
        "LOGLEVEL": r"(?i:trace|debug|info(?:rmation(?:al)?)?|notice|warn(?:ing)?|err(?:or)?"
        r"|crit(?:ical)?|fatal|severe|emerg(?:ency)?|alert|panic)",
        "LEVEL": r"%{LOGLEVEL}",
        "JAVACLASS": r"(?:[A-Za-z_$][0-9A-Za-z_$]*\.)*[A-Za-z_$][0-9A-Za-z_$]*",
        "JAVAFILE": r"[0-9A-Za-z_. $-]+",
        "PROG": r"[^\s\[\]:]+",
    }
)
