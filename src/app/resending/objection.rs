//! Why nothing can be sent again now.

use super::{ResendCommand, To, chosen_connection};
use crate::app::resend::Speed;
use crate::app::{App, View};

impl App {
    /// Why nothing of this can be done now.
    pub(in crate::app) fn resend_objection(&self, command: &ResendCommand) -> Option<String> {
        let (state, view) = (&self.state, self.state.view());
        let selected = view.and_then(|view| Some((view, view.session.records().get(view.selected?)?)));
        let running = state.resend_run();
        let why = match command {
            ResendCommand::Again | ResendCommand::Selection | ResendCommand::Edit if selected.is_none() => {
                "no record is selected"
            }
            ResendCommand::Again if state.open_connection().is_none() => {
                "no connection is open: “Send the selection again” opens one"
            }
            ResendCommand::Again | ResendCommand::Edit if selected.is_some_and(|(_, it)| it.kind.is_fact()) => {
                "this record is no message"
            }
            ResendCommand::Selection | ResendCommand::ClientSide | ResendCommand::Start if running.is_some() => {
                "something is being sent again already"
            }
            ResendCommand::ClientSide if view.and_then(chosen_connection).is_none() => {
                "no record of a connection is selected"
            }
            ResendCommand::EditRequest if view.and_then(View::selected_request).is_none() => {
                "no request, and no record of a connection that begins with one, is selected"
            }
            ResendCommand::Take => {
                let typing = state.resend.as_ref().and_then(|resend| resend.typing.as_ref());
                return typing.map_or(Some("nothing is being edited".to_owned()), |typing| typing.bytes().err());
            }
            ResendCommand::Start => return self.start_objection(),
            ResendCommand::Pause | ResendCommand::Stop if running.is_none() => "nothing is being sent again",
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn start_objection(&self) -> Option<String> {
        let state = &self.state;
        let Some(resend) = &state.resend else { return Some("nothing was chosen to be sent again".to_owned()) };
        if let Err(why) = Speed::named(&resend.settings.speed) {
            return Some(why);
        }
        match (resend.settings.to, &resend.recorded) {
            (To::Open, _) if state.open_connection().is_none() => return Some("no connection is open".to_owned()),
            (To::Recorded, Err(why)) => return Some(why.clone()),
            // Whoever wrote the file must not get what the user keeps in variables.
            (To::Recorded, Ok(_)) if resend.has_braces => {
                return Some(
                    "the recorded request has {{…}} in it, which would be filled with your variables: \
                             “pushscope resend” sends it as it is"
                        .to_owned(),
                );
            }
            (To::Address, _) if state.draft.address.trim().is_empty() => return Some("there is no address".to_owned()),
            _ => {}
        }
        match &resend.plan {
            None => Some("what is to be sent is still being found".to_owned()),
            // A connection without a message is a request all the same.
            Some(plan) if plan.planned.is_empty() && resend.settings.to == To::Open => {
                Some("nothing of this can be sent".to_owned())
            }
            Some(_) => None,
        }
    }
}
