//! A recording as a server: what curl, Node's `eventsource` and `ws`, Chromium and Pushscope itself get of a replay is
//! what was recorded, and what they do otherwise is said.

#[path = "cli/program.rs"]
mod program;

#[path = "replay/chromium.rs"]
mod chromium;
#[path = "replay/curl.rs"]
mod curl;
#[path = "replay/ends.rs"]
mod ends;
#[path = "replay/hostile.rs"]
mod hostile;
#[path = "replay/node.rs"]
mod node;
#[path = "replay/own.rs"]
mod own;
#[path = "replay/raw.rs"]
mod raw;
#[path = "replay/stage.rs"]
mod stage;
#[path = "replay/tls.rs"]
mod tls;
#[path = "replay/window.rs"]
mod window;
