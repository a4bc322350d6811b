"""Item graphs for other tools, one module each, so that none needs the packages of another.

* :mod:`~brmrs_graph.inspection.formats.pyg`: ``Data`` and ``HeteroData`` of PyTorch Geometric;
* :mod:`~brmrs_graph.inspection.formats.networkx`: a graph of networkx, and GraphML files;
* :mod:`~brmrs_graph.inspection.formats.edge_list`: tables of edges in Parquet files.
"""
