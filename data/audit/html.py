"""Writes an audit as one HTML page that needs nothing but itself."""

import base64
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from PIL import Image

from ...core.files import write_text_atomic
from ..copies.near_pairs import MAX_CROP, MIN_CORRELATION
from ..files.decode import open_picture
from ..files.pixel_rules import UndecodableError
from .audit import Audit, CopyGroups
from .findings import conflicting_classes, facts, findings, spoils_a_run

MOST_GROUPS = 200
MOST_PICTURES = 24
MOST_ROWS = 500
_PICTURE_SIZE = 160
_EXPLANATION = (
    "Exact copies have the same pixels, whatever their names and formats. Near copies are "
    f"one photograph encoded anew, scaled, or cropped by up to {MAX_CROP:.0%}: laid over "
    f"each other, the brightness of the two correlates by {MIN_CORRELATION} or more. Made "
    "by <code>keraunos audit</code>."
)


def write_html(path: Path, audit: Audit) -> None:
    """Writes the page, with the pictures of each group of copies side by side."""
    write_text_atomic(path, page(audit))


def page(audit: Audit) -> str:
    """The page: HTML with its style and its pictures inside."""
    style = resources.files(__package__).joinpath("audit.css").read_text("utf-8")
    title = f"Audit of {len(audit.paths):,} pictures"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body><main>"
        f"<h1>{title}</h1>{''.join(_sections(audit))}</main></body></html>\n"
    )


def _sections(audit: Audit) -> Iterator[str]:
    roots = " · ".join(
        f"{_text(n)} <code>{_text(r)}</code>" for n, r in audit.roots.items()
    )
    yield f'<p class="soft">{roots}</p>'
    yield _verdict(audit)
    yield _tiles(audit)
    yield _findings(audit)
    yield _classes(audit)
    yield _conflicting(audit)
    pictures = _Pictures(audit)
    seen: set[tuple[int, ...]] = set()
    for name, title, copies, explanation in (
        ("leaks", "Leaks", audit.leaks, "The same picture in more than one split."),
        (
            "conflicts",
            "Label conflicts",
            audit.conflicts,
            "The same picture filed under more than one class.",
        ),
        ("duplicates", "Copies", audit.duplicates, "The same picture more than once."),
    ):
        yield _copies(name, title, copies, explanation, pictures, seen)
    yield _files("unreadable", "Files that can't be decoded", audit, audit.unreadable)
    named = audit.properties.mislabelled
    yield _files("mislabelled", "Files of another format than they say", audit, named)
    yield _files("giants", "Far larger than the others", audit, audit.properties.giants())
    yield _footer(audit)


def _verdict(audit: Audit) -> str:
    if spoils_a_run(audit):
        return '<div class="verdict bad">This would spoil a training run.</div>'
    return '<div class="verdict good">Nothing here would spoil a training run.</div>'


def _tiles(audit: Audit) -> str:
    def tile(count: int, what: str, link: str = "") -> str:
        if link and count:
            kind = "tile" if link == "duplicates" else "tile bad"
            return (
                f'<a class="{kind}" href="#{link}"><b>{count:,}</b><span>{what}</span></a>'
            )
        return f'<div class="tile"><b>{count:,}</b><span>{what}</span></div>'

    tiles = (
        tile(len(audit.paths), "picture files"),
        tile(len(audit.class_names), "classes"),
        tile(len(audit.unreadable), "unreadable files", "unreadable"),
        tile(len(audit.leaks), "leaks between splits", "leaks"),
        tile(len(audit.conflicts), "label conflicts", "conflicts"),
        tile(len(audit.duplicates), "groups of copies in all", "duplicates"),
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _findings(audit: Audit) -> str:
    rows = "".join(
        f'<li class="{"bad" if each.spoils else "note"}">{_text(each.text)}'
        + (f'<div class="soft">{_code(each.advice)}</div>' if each.advice else "")
        + "</li>"
        for each in findings(audit)
    )
    return f'<div class="panel"><ul class="findings">{rows}</ul></div>' if rows else ""


def _classes(audit: Audit) -> str:
    counts, conflicts = audit.class_counts(), audit.conflict_counts()
    most = {split: max(classes.values(), default=0) for split, classes in counts.items()}
    imbalance = audit.imbalance()
    head = "".join(
        f'<th colspan="2">{_text(split)} · {sum(classes.values()):,} files'
        f"{f' · imbalance {imbalance[split]:.1f}' if split in imbalance else ''}</th>"
        for split, classes in counts.items()
    )
    rows = "".join(
        f"<tr><td>{_text(name)}</td>"
        + "".join(
            _bar(classes.get(name), conflicts[split].get(name, 0), most[split])
            for split, classes in counts.items()
        )
        + "</tr>"
        for name in audit.class_names[:MOST_ROWS]
    )
    more = len(audit.class_names) - MOST_ROWS
    left = f'<p class="soft">{more:,} more are in the JSON file.</p>' if more > 0 else ""
    red = " Red are files with a copy in another class." * bool(len(audit.conflicts))
    return (
        '<h2>Classes</h2><p class="soft">Imbalance is the largest class divided by the '
        f'smallest.{red}</p><div class="panel"><table><thead><tr><th>class</th>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{left}"
    )


def _bar(count: int | None, conflicts: int, most: int) -> str:
    if count is None:
        return '<td class="number">-</td><td class="bar"></td>'
    sound, bad = (100 * n / max(most, 1) for n in (count - conflicts, conflicts))
    remark = f"<b>{conflicts:,} of</b> " if conflicts else ""
    return (
        f'<td class="number">{remark}{count:,}</td><td class="bar"><div>'
        f'<b style="width:{bad:.1f}%"></b><i style="width:{sound:.1f}%"></i></div></td>'
    )


def _conflicting(audit: Audit) -> str:
    rows = "".join(
        f'<tr><td class="number">{count:,}</td><td>{_text(" and ".join(places))}</td></tr>'
        for places, count in conflicting_classes(audit)[:MOST_ROWS]
    )
    if not rows:
        return ""
    return (
        '<h2>Where labels conflict</h2><div class="panel"><table><thead><tr><th>groups</th>'
        f"<th>filed under</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _copies(
    name: str,
    title: str,
    copies: CopyGroups,
    explanation: str,
    pictures: "_Pictures",
    seen: set[tuple[int, ...]],
) -> str:
    """A section of groups, less those that an earlier one has shown."""
    parts: list[str] = []
    for groups, kind in ((copies.exact, "exact"), (copies.near, "near")):
        new = [rows for rows in groups if tuple(rows) not in seen]
        seen |= {tuple(rows) for rows in new}
        if new:
            above = len(groups) - len(new)
            remark = f", {above:,} more are shown above" if above else ""
            parts += [
                f"<h2>{title}<small>{kind} · {_counted(len(new))}{remark}</small></h2>",
                f'<p class="soft">{explanation}</p><div class="groups">',
                *(pictures.group(rows) for rows in new[:MOST_GROUPS]),
                "</div>",
            ]
            if len(new) > MOST_GROUPS:
                left = f"{len(new) - MOST_GROUPS:,} more groups are in the JSON file."
                parts.append(f'<p class="soft">{left}</p>')
    return f'<section id="{name}">{"".join(parts)}</section>'


class _Pictures:
    """Shows pictures side by side, each encoded once."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._encoded: dict[int, str] = {}

    def group(self, rows: Sequence[int]) -> str:
        kind = "group" if len(rows) == 2 else "group wide"
        figures = "".join(map(self._figure, rows[:MOST_PICTURES]))
        left = len(rows) - MOST_PICTURES
        more = f'<p class="soft">and {left:,} more</p>' if left > 0 else ""
        return f'<div class="{kind}">{figures}{more}</div>'

    def _figure(self, row: int) -> str:
        audit = self._audit
        path = audit.paths[row]
        hue = 360 * int(audit.labels[row]) / len(audit.class_names)
        width, height = audit.properties.sizes[row]
        return (
            f'<figure><div class="picture">{self._picture(row)}</div><figcaption '
            f'style="--hue:{hue:.0f}"><b>{_text(audit.class_of(row))}</b>'
            f'<span class="split">{_text(audit.split_of(row))}</span> '
            f'<span class="soft">{width} &times; {height}</span><br>'
            f'<span title="{_text(path)}">{_text(os.path.basename(path))}</span>'
            "</figcaption></figure>"
        )

    def _picture(self, row: int) -> str:
        if row not in self._encoded:
            self._encoded[row] = _encode(self._audit.paths[row])
        return self._encoded[row]


def _encode(path: str) -> str:
    try:
        image = open_picture(Path(path).read_bytes(), 2 * _PICTURE_SIZE).image
    except (OSError, UndecodableError):
        return "can't be shown any more"
    image.thumbnail((_PICTURE_SIZE, _PICTURE_SIZE), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=82)
    text = base64.b64encode(content.getvalue()).decode("ascii")
    return f'<img loading="lazy" alt="" src="data:image/jpeg;base64,{text}">'


def _files(name: str, title: str, audit: Audit, found: Mapping[int, str]) -> str:
    if not found:
        return ""
    rows = "".join(
        f"<tr><td><code>{_text(audit.paths[row])}</code></td><td>{_text(reason)}</td></tr>"
        for row, reason in list(found.items())[:MOST_ROWS]
    )
    more = len(found) - MOST_ROWS
    left = f'<p class="soft">{more:,} more are in the JSON file.</p>' if more > 0 else ""
    return (
        f'<section id="{name}"><h2>{title}<small>{len(found):,}</small></h2>'
        f'<div class="panel"><table><tbody>{rows}</tbody></table></div>{left}</section>'
    )


def _footer(audit: Audit) -> str:
    return f"<footer><p>{_text(facts(audit))}</p><p>{_EXPLANATION}</p></footer>"


def _counted(groups: int) -> str:
    return f"{groups:,} group{'s' * (groups != 1)}"


def _code(advice: str) -> str:
    """Advice with its settings set as code."""
    words = (f"<code>{w}</code>" if "=" in w else w for w in _text(advice).split(" "))
    return " ".join(words)


def _text(value: object) -> str:
    """Safe in HTML, and in UTF-8 where a file name is no valid text."""
    return escape(str(value).encode("utf-8", "backslashreplace").decode())
