"""A provider behind HTTP, and the backend it speaks to: what the fault proxy stands between."""
