//! nginx: bytes to tree.
