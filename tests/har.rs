//! HAR against those who write and read it: the developer tools of Chromium and of Firefox, and mitmproxy. And there
//! and back again: recording, HAR, recording, HAR.

#[path = "har/chromium.rs"]
mod chromium;
#[path = "har/firefox.rs"]
mod firefox;
#[path = "har/hostile.rs"]
mod hostile;
#[path = "har/mitmproxy.rs"]
mod mitmproxy;
#[path = "har/peers.rs"]
mod peers;
#[path = "har/recorded.rs"]
mod recorded;
#[path = "har/round_trip.rs"]
mod round_trip;
#[path = "har/written.rs"]
mod written;
