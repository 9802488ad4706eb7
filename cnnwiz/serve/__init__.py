"""A small local page on which a person drops an image and sees what the network says, and where it looked."""

from __future__ import annotations
