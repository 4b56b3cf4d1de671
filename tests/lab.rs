//! The lab, read by clients that know nothing of it: curl, npm's `eventsource` and `ws`, and bare sockets.

#[path = "lab/peers.rs"]
mod peers;

#[path = "lab/middleboxes.rs"]
mod middleboxes;
#[path = "lab/proxies.rs"]
mod proxies;
#[path = "lab/relay.rs"]
mod relay;
#[path = "lab/rules.rs"]
mod rules;
#[path = "lab/sockets.rs"]
mod sockets;
#[path = "lab/streams.rs"]
mod streams;
