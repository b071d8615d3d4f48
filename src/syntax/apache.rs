//! Apache httpd: bytes to tree.
