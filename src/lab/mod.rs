//! The other end: a loopback server that speaks every push type, and breaks rules on purpose when asked.
