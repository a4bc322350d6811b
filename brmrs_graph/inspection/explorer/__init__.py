"""The explorer: one page to look through the items, graphs and users of a trained model. Needs Jinja2."""

from brmrs_graph.errors import BRMRSError

try:
    import jinja2 as _jinja2  # noqa: F401
except ModuleNotFoundError as error:
    raise BRMRSError(
        "the explorer needs the package 'jinja2', which is not installed. Run: pip install jinja2"
    ) from error

from brmrs_graph.inspection.explorer.page import render_page, write_explorer
from brmrs_graph.inspection.explorer.payload import ExplorerConfig, Payload, explorer_payload

__all__ = ["ExplorerConfig", "Payload", "explorer_payload", "render_page", "write_explorer"]
