//! The session file: a SQLite database that holds the events of a recording, and nothing that is derived from them.
//!
//! [`Recorder`] writes it while connections run, [`Opened`] reads it back event by event, and both lend an
//! [`Archive`](super::Archive), from which a session fetches bytes that it no longer keeps in memory. The tables and
//! the numbers in them are described in `schema`.

mod archive;
mod batch;
mod beside;
mod check;
mod copy;
mod error;
mod folder;
mod glance;
mod load;
mod opening;
mod reader;
mod recorder;
mod remarks;
mod rename;
mod schema;
mod writer;
mod writing;

pub use check::{Checked, Condition, check};
pub use copy::save_copy;
pub use error::FileError;
pub use folder::{Recording, data_folder, list_recordings, new_recording_path, recordings_folder};
pub use glance::{Ending, Glance, glance, put_away, set_tags};
pub use load::{Loaded, load};
pub use reader::Opened;
pub use recorder::{Recorder, RecorderStatus};
pub use remarks::{REMARK_BYTES, RemarkChange, read_remarks, write_remarks};
pub use rename::{Renamer, is_recording, rename};
pub use schema::{APPLICATION_ID, FORMAT_VERSION};
pub use writer::SessionWriter;
