//! The window: panels that read the state and hand commands back.
//!
//! Functions that draw end in `_ui`. They change nothing but [`Look`], which holds what only the screen knows: scroll
//! positions, what is under the pointer, which foldouts are open.

mod bits;
mod completion;
mod composer;
mod connection_bar;
mod delivery;
mod details;
mod doctor;
mod fields;
mod find_bar;
mod findings;
mod first_run;
mod hex;
mod hints;
mod keys;
mod library;
mod library_search;
mod login;
mod menu;
mod messages;
mod notes;
mod options;
mod palette;
mod payload;
mod playback;
mod remarks;
mod replay;
mod requests;
mod rows;
mod run;
mod script;
mod secrets;
mod sidebar;
mod stages;
mod statistics;
mod status;
mod strip;
mod theme;
mod timeline;
mod timeline_bar;
mod timeline_header;
mod timeline_row;
mod window;
mod words;

pub use run::run;
pub use window::{Look, Window};
