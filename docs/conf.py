"""How Sphinx makes the site: the Markdown files as they lie in the repository, plus what `docs.from_code` adds.

The source directory is the root of the repository, so that links to files outside of docs/ work here and on the pages
of a repository host alike.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from docs import from_code  # noqa: E402

project = "Muster"
author = "the Muster contributors"
copyright = "the Muster contributors, Apache-2.0"
extensions = ["myst_parser"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}
include_patterns = [
    "*.md",
    "docs/**.md",
    "examples/consumer/README.md",
    "benchmarks/RESULTS.md",
    "tests/idp/README.md",
]
exclude_patterns = [".*", "static", "templates", "test-results", "staticfiles"]

html_theme = "furo"
html_title = "Muster"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
myst_heading_anchors = 3
pygments_style = "default"


def setup(app: Sphinx) -> None:
    from_code.start()
    app.connect("source-read", _fill)


def _fill(app: Sphinx, name: str, source: list[str]) -> None:
    source[0] = from_code.fill(source[0])
