//! The program on the command line, as its users run it: what it prints, how it ends, and what it leaves behind.

#[path = "cli/certificates.rs"]
mod certificates;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/server.rs"]
mod server;

#[path = "cli/disk.rs"]
mod disk;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/hostile_sockets.rs"]
mod hostile_sockets;
#[path = "cli/lab.rs"]
mod lab;
#[path = "cli/node.rs"]
mod node;
#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/script.rs"]
mod script;
#[path = "cli/signals.rs"]
mod signals;
