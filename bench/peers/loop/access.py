"""What one would write for this log in an afternoon: a regex, a time, two numbers."""

from datetime import UTC, datetime

import regex

_LINE = regex.compile(
    r'(?P<address>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<method>\S+) (?P<url>\S+) HTTP/(?P<version>[^"]+)" '
    r'(?P<status>\d+) (?P<bytes>\d+) "(?P<referrer>[^"]*)" "(?P<agent>[^"]*)"'
)


def parse_access(line: str) -> dict[str, str | int]:
    """The fields of a line in the combined format; of any other line, the line alone."""
    found = _LINE.fullmatch(line)
    if found is None:
        return {"event.original": line}
    address, user, time, method, url, version, status, size, referrer, agent = found.groups()
    fields: dict[str, str | int] = {
        "@timestamp": datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC).isoformat(),
        "source.address": address,
        "http.request.method": method,
        "url.original": url,
        "http.version": version,
        "http.response.status_code": int(status),
        "http.response.body.bytes": int(size),
        "user_agent.original": agent,
        "event.original": line,
    }
    if user != "-":
        fields["user.name"] = user
    if referrer != "-":
        fields["http.request.referrer"] = referrer
    return fields
