//! Raw frames before they are sent: made once, and again where the composer or its file has changed.

use super::{Composer, Format, broken_rules, too_long_for_raw};
use crate::transport::RawFrame;
use std::time::SystemTime;

/// What Send would send as raw frames, and the rules that it would break.
#[derive(Default)]
pub struct Preview {
    made_of: Option<MadeOf>,
    frames: Vec<RawFrame>,
    rules: Vec<String>,
}

#[derive(PartialEq)]
struct MadeOf {
    composer: Composer,
    /// The file's length in bytes, and when it was changed.
    file: Option<(u64, Option<SystemTime>)>,
    is_under_way: bool,
}

impl Preview {
    /// The frames that a composer holds, and the rules that they break; or why it holds none.
    /// `is_under_way`: a message was begun before them and not ended.
    pub fn of(&mut self, composer: &Composer, is_under_way: bool) -> Result<(&[RawFrame], &[String]), String> {
        let file = match composer.format {
            Format::File => {
                let path = composer.text.trim();
                let file = std::fs::metadata(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
                // What is too long is not read to find that out.
                if let Some(why) = too_long_for_raw(file.len()) {
                    return Err(why);
                }
                Some((file.len(), file.modified().ok()))
            }
            _ => None,
        };
        let is_same = self
            .made_of
            .as_ref()
            .is_some_and(|made| made.file == file && made.is_under_way == is_under_way && made.composer == *composer);
        if !is_same {
            self.made_of = None;
            self.frames = composer.frames(&composer.bytes()?)?;
            self.rules = broken_rules(&self.frames, is_under_way);
            self.made_of = Some(MadeOf { composer: composer.clone(), file, is_under_way });
        }
        Ok((&self.frames, &self.rules))
    }

    /// Lets go of what it holds.
    pub fn clear(&mut self) {
        if self.made_of.is_some() {
            *self = Preview::default();
        }
    }
}
