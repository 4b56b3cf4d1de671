//! Law 6: what our dissectors say agrees with what independent libraries decode from the same bytes.

#[path = "witness/bodies.rs"]
mod bodies;
#[path = "witness/events.rs"]
mod events;
#[path = "witness/heads.rs"]
mod heads;
#[path = "witness/node.rs"]
mod node;
mod recording;
#[path = "witness/talk.rs"]
mod talk;
#[path = "witness/yawc.rs"]
mod yawc;
