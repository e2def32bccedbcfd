"""How the site is built by Sphinx: `make docs`. Its source folder is the checkout, so that every relative link works.

A page links to another, to the README, to the tables in benchmarks/results or to an example as it does on a forge; all
of these are pages of the site, or files to download. What is said of the public names is in `docstrings`.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import featsplit  # noqa: E402
from docs import docstrings  # noqa: E402

project, author, release = "featsplit", "the authors of featsplit", featsplit.__version__
copyright = "2026, the authors of featsplit, MIT"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/results/**.md"]
exclude_patterns = ["docs/_build", "datasets_out", "**/.*", "build", "dist"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of other packages; those of featsplit are linked by `docstrings`
suppress_warnings = ["toc.not_included"]  # the tables of benchmarks/results; a test asks for every page of docs/

myst_enable_extensions = ["fieldlist"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
highlight_language = "none"  # of indented blocks: commands, formulas, trees of files

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 90
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "featsplit"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "start.html"}
templates_path = ["templates"]
html_show_sourcelink = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Let `docstrings` speak when autodoc reads one, or when a type is to be linked."""
    app.connect("autodoc-process-docstring", docstrings.rewrite)
    app.connect("missing-reference", docstrings.link)
