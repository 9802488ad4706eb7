"""The forms in which `cnnwiz lint` says what it found, one file each; `lines(report)` yields the output."""
