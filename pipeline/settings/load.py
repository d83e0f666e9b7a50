"""The one reader of the settings file and of the environment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from parsers.errors import Problem
from parsers.reading.yaml_nodes import (
    Entry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    load_nodes,
    parse_nodes,
)
from pipeline.settings.check import check_settings
from pipeline.settings.model import Settings
from pipeline.settings.schema import (
    PREFIX,
    Keys,
    Leaf,
    list_keys,
    list_leaves,
    list_sections,
    parse_value,
    suggest,
)
from pipeline.settings.secret import Secret
from pipeline.settings.structured import READERS

CONFIG_VARIABLE = f"{PREFIX}_CONFIG"
# Variables of ours that are not settings: where the file is, and what only the tests read.
_RESERVED = re.compile(rf"{CONFIG_VARIABLE}|{PREFIX}_TEST_\w+")
# Kubernetes and Docker links put such variables into every container beside a service called tailrace….
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NULL = frozenset({"", "~", "null"})
_SECRET_FILE_BYTES = 65_536


class SettingsError(Exception):
    """The settings cannot be used. `problems` holds all that was found, one line each; `str()` joins them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))

    def __reduce__(self) -> tuple[type["SettingsError"], tuple[tuple[str, ...]]]:
        return SettingsError, (self.problems,)


@dataclass(slots=True)
class _Found:
    """What has been read so far: values and their origin by path, and what is wrong."""

    values: dict[Keys, Any] = field(default_factory=dict)
    origins: dict[Keys, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, leaf: Leaf, value: Any, origin: str) -> None:
        self.values[leaf.keys] = value
        self.origins[leaf.keys] = origin


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Defaults, then the YAML file, then the environment; the later wins.

    `path` None: the file that `TAILRACE_CONFIG` names, or none. Relative paths in the settings are taken from
    the working directory. `TAILRACE_<SECTION>_<KEY>` overrides a value (lists by commas; an empty variable
    counts as not set); a secret may be in the file that `TAILRACE_<SECTION>_<KEY>_FILE`, or the YAML key
    `<key>_file`, names; in YAML `${NAME}` stands for an environment variable. Raises SettingsError with all
    mistakes at once: unknown keys and variables (naming the nearest), values that cannot be read, values that
    contradict each other.
    """
    found = _Found()
    path = Path(environ[CONFIG_VARIABLE]) if path is None and environ.get(CONFIG_VARIABLE) else path
    if path is not None:
        _read_file(path, environ, found)
    _read_environment(environ, found)
    if found.problems:
        raise SettingsError(tuple(found.problems))
    origins = {leaf.path: found.origins.get(keys, "default") for keys, leaf in list_leaves().items()}
    settings: Settings = _build(Settings, (), {**found.values, ("origins",): origins})
    problems = tuple(
        f"{'settings' if origins[where] == 'default' else origins[where]}: error: {where}: {what}"
        for where, what in check_settings(settings)
    )
    if problems:
        raise SettingsError(problems)
    return settings


def _read_file(path: Path, environ: Mapping[str, str], found: _Found) -> None:
    documents, problems = load_nodes(path)
    found.problems.extend(str(problem) for problem in problems)
    if len(documents) > 1:
        found.problems.append(f"{documents[1].location}: error: a settings file holds one YAML document")
    for document in documents[:1]:
        _read_section(document, (), environ, found)


def _read_section(node: Node, section: Keys, environ: Mapping[str, str], found: _Found) -> None:
    if isinstance(node, ScalarNode) and _is_null(node):
        return
    if not isinstance(node, MappingNode):
        what = f"'{'.'.join(section)}'" if section else "the file"
        keys = ", ".join(list_keys(section))
        found.problems.append(f"{node.location}: error: {what} wants keys and values below it: {keys}")
        return
    for entry in node.entries:
        _read_entry(entry, (*section, entry.key.text), environ, found)


def _read_entry(entry: Entry, keys: Keys, environ: Mapping[str, str], found: _Found) -> None:
    leaves = list_leaves()
    secret = leaves.get((*keys[:-1], keys[-1].removesuffix("_file"))) if keys[-1].endswith("_file") else None
    if keys in list_sections():
        _read_section(entry.value, keys, environ, found)
    elif keys in leaves:
        _read_leaf(entry.value, leaves[keys], environ, found)
    elif secret is not None and secret.is_secret:
        for text in _to_texts(entry.value, environ, found) or ():
            _read_secret_file(secret, text, str(entry.value.location), found)
    else:
        where = f" in '{'.'.join(keys[:-1])}'" if keys[:-1] else ""
        mend = _suggest_key(keys)
        found.problems.append(f"{entry.key.location}: error: unknown key '{keys[-1]}'{where}; {mend}")


def _suggest_key(keys: Keys) -> str:
    """The nearest key of this section; failing that, a key of that very name elsewhere."""
    mend = suggest(keys[-1], list_keys(keys[:-1]))
    elsewhere = [leaf.path for leaf in list_leaves().values() if leaf.keys[-1] == keys[-1]]
    return f"did you mean '{elsewhere[0]}'?" if elsewhere and not mend.startswith("did") else mend


def _read_leaf(node: Node, leaf: Leaf, environ: Mapping[str, str], found: _Found) -> None:
    if isinstance(node, ScalarNode) and _is_null(node):
        if leaf.optional:
            found.put(leaf, None, _to_origin(node))
        else:
            found.problems.append(
                f"{node.location}: error: '{leaf.path}' has no value; remove the key or give it one"
            )
        return
    if leaf.is_structured:
        _read_structured(node, leaf, _to_origin(node), found)
        return
    texts = _to_texts(node, environ, found)
    if texts is None:
        return
    try:
        found.put(leaf, parse_value(leaf, texts), _to_origin(node))
    except ValueError as error:
        found.problems.append(f"{node.location}: error: '{leaf.path}': {error}")


def _read_structured(node: Node, leaf: Leaf, origin: str, found: _Found) -> None:
    problems: list[Problem] = []
    value = READERS[get_args(leaf.kind)[0]](node, problems)
    found.problems.extend(
        f"{problem.location}: error: '{leaf.path}': {_word(problem)}" for problem in problems
    )
    if not problems:
        found.put(leaf, value, origin)


def _word(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message


def _to_texts(node: Node, environ: Mapping[str, str], found: _Found) -> tuple[str, ...] | None:
    """The scalars of a value, `${NAME}` filled in; None when something is wrong with them."""
    items = node.items if isinstance(node, SequenceNode) else (node,)
    texts: list[str] = []
    for item in items:
        if not isinstance(item, ScalarNode):
            found.problems.append(f"{item.location}: error: a plain value is wanted here, not a list or keys")
            return None
        missing = [name for name in _REFERENCE.findall(item.text) if name not in environ]
        if missing:
            mend = "set it or write the value here"
            what = f"the environment variable {missing[0]} is not set; {mend}"
            found.problems.append(f"{item.location}: error: {what}")
            return None
        texts.append(_REFERENCE.sub(lambda name: environ[name[1]], item.text))
    return tuple(texts)


def _read_environment(environ: Mapping[str, str], found: _Found) -> None:
    leaves = {leaf.variable: leaf for leaf in list_leaves().values()}
    files = {f"{leaf.variable}_FILE": leaf for leaf in leaves.values() if leaf.is_secret}
    known = (*leaves, *files)
    for name, text in sorted(environ.items()):
        if not name.startswith(f"{PREFIX}_") or not text or _RESERVED.fullmatch(name):
            continue
        where = f"environment {name}"
        if name in leaves:
            leaf = leaves[name]
            if leaf.is_structured:
                nodes, wrong = parse_nodes(text, where)
                found.problems.extend(str(problem) for problem in wrong)
                for node in nodes[:1]:
                    _read_structured(node, leaf, where, found)
                continue
            texts = (
                tuple(part.strip() for part in text.split(",") if part.strip()) if leaf.is_list else (text,)
            )
            try:
                found.put(leaf, parse_value(leaf, texts), where)
            except ValueError as error:
                found.problems.append(f"{where}: error: {error}")
        elif name in files:
            if environ.get(files[name].variable):
                mend = "set one of them"
                found.problems.append(f"{where}: error: {files[name].variable} is set as well; {mend}")
            else:
                _read_secret_file(files[name], text, where, found)
        elif not _SERVICE_LINK.fullmatch(name):
            found.problems.append(f"{where}: error: no such setting; {_suggest_variable(name, known)}")


def _suggest_variable(name: str, known: tuple[str, ...]) -> str:
    near = suggest(name, known)
    return near if near.startswith("did") else "`tailrace config` lists the settings"


def _read_secret_file(leaf: Leaf, name: str, where: str, found: _Found) -> None:
    """A secret from a file, its last line end taken off. The content never gets into a message."""
    try:
        with Path(name).expanduser().open(encoding="utf-8") as file:
            text = file.read(_SECRET_FILE_BYTES).rstrip("\r\n")
    except OSError as error:
        found.problems.append(f"{where}: error: cannot read the secret file {name}: {error.strerror}")
    except UnicodeDecodeError:
        found.problems.append(f"{where}: error: the secret file {name} is not UTF-8 text")
    else:
        if text:
            found.put(leaf, Secret(text), f"secret file {name}")
        else:
            found.problems.append(f"{where}: error: the secret file {name} is empty")


def _is_null(node: ScalarNode) -> bool:
    return node.plain and node.text.lower() in _NULL


def _to_origin(node: Node) -> str:
    references = sorted(set(_find_references(node)))
    through = f" (environment {', '.join(references)})" if references else ""
    return f"{node.location.file}:{node.location.line}{through}"


def _find_references(node: Node) -> Iterator[str]:
    for item in node.items if isinstance(node, SequenceNode) else (node,):
        if isinstance(item, ScalarNode):
            yield from _REFERENCE.findall(item.text)


def _build(section: type, keys: Keys, values: Mapping[Keys, Any]) -> Any:
    hints = get_type_hints(section)
    given: dict[str, Any] = {}
    for item in fields(section):
        path, kind = (*keys, item.name), hints[item.name]
        if isinstance(kind, type) and is_dataclass(kind):
            given[item.name] = _build(kind, path, values)
        elif path in values:
            given[item.name] = values[path]
    return section(**given)
