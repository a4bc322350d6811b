"""The report of a diagnosis: figures, and one page for people. The only part that needs matplotlib and Jinja2."""

from brmrs_graph.errors import BRMRSError

try:
    import jinja2 as _jinja2  # noqa: F401
    import matplotlib as _matplotlib  # noqa: F401
except ModuleNotFoundError as error:
    raise BRMRSError(
        f"figures and reports need the package {error.name!r}, which is not installed. "
        "Run: pip install matplotlib jinja2"
    ) from error

from brmrs_graph.diagnosis.report.page import write_report

__all__ = ["write_report"]
