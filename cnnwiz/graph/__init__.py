"""The network as data, computed without torch: shapes, parameters, multiply-adds, receptive field, memory."""

from __future__ import annotations

from cnnwiz.graph.graph import INPUT, Field, Graph, Node
from cnnwiz.graph.summary import summary
from cnnwiz.graph.wire import class_count, graph_of, input_shape, wire_model

__all__ = ["INPUT", "Field", "Graph", "Node", "class_count", "graph_of", "input_shape", "summary", "wire_model"]
