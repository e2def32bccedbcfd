"""Licences by the names of spdx.org, and how Hugging Face and Croissant want them said."""

from typing import NamedTuple

NAMES = (
    *("AFL-3.0", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "BSL-1.0"),
    *("CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0"),
    *("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"),
    *("CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"),
    *("CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0"),
    *("ECL-2.0", "EPL-1.0", "EPL-2.0", "etalab-2.0", "EUPL-1.1", "EUPL-1.2", "ISC", "LPPL-1.3c", "MIT", "MPL-2.0"),
    *("MS-PL", "NCSA", "OFL-1.1", "OSL-3.0", "PostgreSQL", "Unlicense", "WTFPL", "Zlib"),
)
"""Those that Hugging Face knows by the same name, in small letters."""
UNKNOWN = "unknown"


class Licence(NamedTuple):
    """A licence: its name on Hugging Face, a text of one's own for "other", and a link to it, where there are any."""

    identifier: str
    text: str | None = None
    link: str | None = None

    def __str__(self) -> str:
        """As a person reads it."""
        if self.identifier == UNKNOWN:
            return "not told: that of the source applies"
        return self.text or self.link or self.identifier


def licence_of(text: str | None) -> Licence:
    """The licence that `text` names: one of `NAMES` in letters of any size, a URL, or whatever the user calls it."""
    if text is None:
        return Licence(UNKNOWN)
    known = next((name for name in NAMES if name.lower() == text.strip().lower()), None)
    if known is not None:
        return Licence(known.lower(), known, f"https://spdx.org/licenses/{known}")
    if text.startswith(("https://", "http://")):
        return Licence("other", None, text)
    return Licence("other", text)
