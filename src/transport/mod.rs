//! Opening connections: dial (DNS, TCP, TLS), the tap, and one driver per push type.

mod spec;

pub use spec::*;
