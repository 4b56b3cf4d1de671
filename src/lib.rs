//! Pushscope: a desktop inspector for realtime connections.
//!
//! The recorded wire is the only truth; everything on screen is derived from it. See `ARCHITECTURE.md`.

pub mod app;
pub mod cli;
pub mod dissect;
pub mod interop;
pub mod lab;
pub mod replay;
pub mod session;
pub mod transport;
pub mod ui;
pub mod wire;
