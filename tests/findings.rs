//! Findings: each rule on a session made by hand, with a clean one beside it on which it is silent.

#[path = "findings/clean.rs"]
mod clean;
#[path = "findings/http.rs"]
mod http;
#[path = "findings/laws.rs"]
mod laws;
#[path = "findings/links.rs"]
mod links;
#[path = "findings/proxy.rs"]
mod proxy;
#[path = "findings/show.rs"]
mod show;
#[path = "findings/story.rs"]
mod story;
#[path = "findings/tls.rs"]
mod tls;
#[path = "findings/websocket.rs"]
mod websocket;
