"""What leaves the project: the network in formats that others read, each checked against the run before it is kept."""

from __future__ import annotations

from cnnwiz.exports.export import Exported, Settings, export

__all__ = ["Exported", "Settings", "export"]
