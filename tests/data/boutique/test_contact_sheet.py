from brmrs_graph.data.boutique import (
    Boutique,
    contact_sheet,
)
from brmrs_graph.data.boutique.pictures import SIZE


def test_contact_sheet(small: Boutique) -> None:
    sheet = contact_sheet(small, range(7), columns=3)
    assert sheet.mode == "RGB" and sheet.width > 3 * SIZE[0] and sheet.height > 3 * SIZE[1]
    assert contact_sheet(small, []).width > 0
