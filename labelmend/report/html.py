"""What all pages of reports share: one HTML file that loads nothing."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from labelmend.extras import require
from labelmend.report.comparison import verdict_in_words
from labelmend.report.drawing import Plot
from labelmend.version import __version__
from labelmend.voice.speak import ENGLISH, spoken, tell

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True)
class Fact:
    """A figure at a page's head, and what it is."""

    figure: str
    words: str


def rendered(template: str, plots: Sequence[Plot], **parts: object) -> str:
    """Return a page.

    Args:
        template: of the page, as it is called beside `shell.html.jinja`, which it extends.
        plots: that are drawn on it.
        parts: what else the template shows.
    """
    require("plotly")
    from plotly.offline import get_plotlyjs

    files = resources.files("labelmend.report")
    style, script = (files.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    language = spoken()
    if language != ENGLISH:
        script = files.joinpath(f"plotly.{language}.js").read_text("utf-8") + script
    plotly, script = _one_kind_of_line_end(get_plotlyjs()), _one_kind_of_line_end(script)
    return template_of(template).render(
        language=language,
        version=__version__,
        # Nothing else may run, whatever a text of the table may hold.
        script_hashes=" ".join(_csp_hash(part) for part in (plotly, script)),
        style=style,
        plotly=plotly,
        script=script,
        figures={plot.key: plot.figure for plot in plots},
        **parts,
    )


def template_of(name: str) -> "Template":
    """Return a page's template, which escapes all that it shows."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("labelmend", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["tell"] = tell
    return environment.get_template(name)


def headline_of(verdict: str) -> str:
    """Return what a comparison came to, as a page's head."""
    if verdict == "no difference shown":
        return tell(
            "No difference is shown between classifiers on the given and on the mended labels"
        )
    if verdict in {"better", "worse"}:
        return tell("Classifiers trained on the mended labels are {verdict:words}", verdict=verdict)
    return tell(
        "Classifiers trained on the mended labels: {verdict}", verdict=verdict_in_words(verdict)
    )


def _one_kind_of_line_end(text: str) -> str:
    # A browser reads \r\n as \n, and hashes what it read.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _csp_hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
