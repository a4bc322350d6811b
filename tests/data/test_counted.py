from brmrs_graph.data.counted import counted


def test_one_is_singular_and_nothing_else() -> None:
    assert [counted(number, "item") for number in (0, 1, 2, 1001)] == ["0 items", "1 item", "2 items", "1,001 items"]
    assert [counted(number, "item lacks it", "items lack it") for number in (1, 3)] == [
        "1 item lacks it",
        "3 items lack it",
    ]
