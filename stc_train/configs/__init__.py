"""Training configurations in MMEngine's format; `stc-train --config NAME` takes one by its file name."""
