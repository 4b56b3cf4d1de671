//! Changing what is sent again before it is sent.

use crate::app::App;
use crate::app::composer::from_hex;
use crate::app::resend::typed;
use crate::session::RecordId;
use bytes::Bytes;

/// A message that is being changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// Its record.
    pub id: RecordId,
    /// What was typed.
    pub text: String,
    /// Whether that is hexadecimal.
    pub is_hex: bool,
    /// Whether it was JSON.
    pub was_json: bool,
}

impl Typing {
    /// The bytes; an error says what is wrong with what was typed.
    pub fn bytes(&self) -> Result<Bytes, String> {
        match self.is_hex {
            true => from_hex(&self.text).map(Bytes::from),
            false => Ok(Bytes::from(self.text.clone())),
        }
    }

    /// What is odd about it, and sent all the same: it was JSON and is none any more.
    pub fn remark(&self) -> Option<String> {
        let error = serde_json::from_str::<serde::de::IgnoredAny>(&self.text).err()?;
        self.was_json.then(|| format!("no JSON any more: {error}"))
    }
}

impl App {
    /// Begins to change a message, or goes on.
    pub(super) fn type_message(&mut self, id: RecordId, text: Option<String>) {
        let Some(resend) = &mut self.state.resend else { return };
        let begun = resend.typing.as_mut().filter(|typing| typing.id == id);
        match (begun, text) {
            (Some(typing), Some(text)) => typing.text = text,
            (Some(_), None) => resend.typing = None,
            (None, text) => {
                let Some(view) = self.state.views.iter().find(|view| view.id == resend.source) else {
                    return self.complain("The recording was closed");
                };
                match typed(&view.session, id) {
                    Err(why) => self.complain(format!("#{} cannot be edited: {why}", id + 1)),
                    Ok((recorded, is_hex)) => {
                        let was_json = serde_json::from_str::<serde::de::IgnoredAny>(&recorded).is_ok();
                        let edited = resend.edits.payloads.get(&id).map(|bytes| match is_hex {
                            true => bytes.iter().map(|byte| format!("{byte:02x} ")).collect(),
                            false => String::from_utf8_lossy(bytes).into_owned(),
                        });
                        let text = text.or(edited).unwrap_or(recorded);
                        resend.typing = Some(Typing { id, text, is_hex, was_json });
                    }
                }
            }
        }
    }

    /// Takes what was typed.
    pub(super) fn take_typed(&mut self) {
        let Some(resend) = &mut self.state.resend else { return };
        let Some(typing) = &resend.typing else { return };
        match typing.bytes() {
            Err(why) => {
                let text = format!("#{} is not changed: {why}", typing.id + 1);
                self.complain(text);
            }
            Ok(bytes) => {
                resend.edits.payloads.insert(typing.id, bytes);
                resend.edits.left_out.remove(&typing.id);
                resend.typing = None;
            }
        }
    }
}
