"""Graphs as torch modules: layers torch lacks, initial values, the network itself."""
