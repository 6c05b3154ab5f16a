"""The RFC document: its parts, its rendering, its digest and its citations; pure."""
