//! Opening connections: dial (DNS, TCP, TLS), the tap, and one driver per push type.
//!
//! [`connect`] opens what a [`Spec`] asks for and queues everything that happens as events; the [`Handle`] takes
//! orders. All drivers do their HTTP and WebSocket over a tap, so what they do not understand is recorded all the same.

mod anchors;
mod certificate;
mod client;
mod coalesce;
mod context;
mod dial;
mod drivers;
mod failure;
mod handle;
mod http1;
mod kernel;
mod login;
mod progress;
mod proxy;
mod request;
mod secrets;
mod spec;
mod stock;
mod tap;
mod target;
mod tls;
mod websocket;

pub use failure::{failure, refused_option, status_hint};
pub use handle::{Handle, connect};
pub use proxy::{known_proxies, shown_proxy};
pub use secrets::{LEFT_OUT, is_secret_header, shown_address};
pub use spec::*;
pub use stock::{Verdict, stock};
pub use target::check;
pub use websocket::*;
