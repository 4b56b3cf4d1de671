//! The transport against servers of its own choosing: small ones that say exactly what a test needs, broken ones, and
//! Node's `ws`.

#[path = "transport/deflate.rs"]
mod deflate;
#[path = "transport/dialling.rs"]
mod dialling;
#[path = "transport/drafts.rs"]
mod drafts;
#[path = "transport/faults.rs"]
mod faults;
#[path = "transport/lab.rs"]
mod lab;
#[path = "transport/nchan.rs"]
mod nchan;
#[path = "transport/node.rs"]
mod node;
#[path = "transport/polling.rs"]
mod polling;
#[path = "transport/progress.rs"]
mod progress;
#[path = "transport/proxies.rs"]
mod proxies;
#[path = "transport/raw_frames.rs"]
mod raw_frames;
#[path = "transport/reconnecting.rs"]
mod reconnecting;
#[path = "transport/requests.rs"]
mod requests;
#[path = "transport/sse.rs"]
mod sse;
#[path = "transport/stock.rs"]
mod stock;
#[path = "transport/strict.rs"]
mod strict;
#[path = "transport/support.rs"]
mod support;
#[path = "transport/tls.rs"]
mod tls;
#[path = "transport/websocket.rs"]
mod websocket;
