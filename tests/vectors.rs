//! Other projects' test vectors, read from the folder that `PUSHSCOPE_VECTORS` names. Where it names none, the tests say
//! so and pass; tests/standards.rs holds the standards' own examples and needs no folder.

#[path = "vectors/llhttp.rs"]
mod llhttp;
#[path = "vectors/pico.rs"]
mod pico;
mod recording;
#[path = "vectors/sse.rs"]
mod sse;
#[path = "vectors/suite.rs"]
mod suite;
