import numpy as np

from brmrs_graph.graphs.strongest import strongest


def test_each_row_keeps_its_largest_weights_first_and_the_lower_column_among_equals():
    row = np.array([2, 0, 0, 0, 2, 0])
    col = np.array([5, 4, 1, 3, 0, 2])
    weight = np.array([1.0, 2.0, 2.0, 9.0, 1.0, 0.5])
    kept = strongest(row, col, weight, 3)
    assert [part.tolist() for part in kept] == [[0, 0, 0, 2, 2], [3, 1, 4, 0, 5], [9.0, 2.0, 2.0, 1.0, 1.0]]
