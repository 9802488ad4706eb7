"""From a data source to batches: what a source holds, decoding, splitting, preprocessing, loading. No training here."""
