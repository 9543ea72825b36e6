"""What `slipway check` found, as the document of each format."""

import io
import json
from collections.abc import Sequence

from slipway import check_junit, check_sarif, check_text
from slipway.check import Checked
from slipway.options import Report


def report(found: Sequence[Checked], format_: Report) -> str:
    """The document; in ASCII where it is JSON, so that no terminal or locale can spoil it."""
    if format_ is Report.JUNIT:
        return check_junit.document(found)
    if format_ is Report.TEXT:
        return _pages(found)
    data = check_sarif.data(found) if format_ is Report.SARIF else {"environments": [each.data() for each in found]}
    return json.dumps(data, indent=2) + "\n"


def _pages(found: Sequence[Checked]) -> str:
    text = io.StringIO()
    for each in found:
        check_text.show(each, text)
    return f"{text.getvalue()}{check_text.closing(found)}\n"
