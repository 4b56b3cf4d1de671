//! What can be done with saved requests.

use super::super::{App, Command, Draft, Purpose, Wish};
use std::path::PathBuf;

/// Something to do with saved requests.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestCommand {
    /// Put a request into the address bar.
    Open(PathBuf),
    /// Save the address bar as the request that is open; where none is, ask for a name.
    Save,
    /// Ask for a name to save the address bar by.
    AskSave,
    /// Save the address bar as a new request of this name.
    SaveAs(String),
    /// Put the request into the address bar as it is saved.
    Revert,
    /// Begin a request that is not saved.
    New,
    /// Ask for another name, of the request that is open or of this file or folder.
    Rename(Option<PathBuf>),
    /// Move the request that is open, or this file or folder, into the trash.
    Delete(Option<PathBuf>),
    /// Ask for the name of a new folder, in this one.
    NewFolder(Option<PathBuf>),
    /// Choose an environment, or none.
    SetEnvironment(Option<String>),
    /// Look at the directory again.
    Refresh,
    /// Ask for the directory.
    ChooseFolder,
    /// Go back to the usual directory.
    UsualFolder,
}

impl RequestCommand {
    /// Those that stand in a menu.
    pub const MENU: [RequestCommand; 10] = [
        RequestCommand::Save,
        RequestCommand::AskSave,
        RequestCommand::Revert,
        RequestCommand::New,
        RequestCommand::Rename(None),
        RequestCommand::Delete(None),
        RequestCommand::NewFolder(None),
        RequestCommand::Refresh,
        RequestCommand::ChooseFolder,
        RequestCommand::UsualFolder,
    ];

    /// What it is called.
    pub fn label(&self) -> String {
        let fixed = match self {
            RequestCommand::Open(path) => return format!("Open the request {}", path.display()),
            RequestCommand::Save => "Save the request",
            RequestCommand::AskSave => "Save the request as…",
            RequestCommand::SaveAs(name) => return format!("Save the request as {name}"),
            RequestCommand::Revert => "Put back the request as it is saved",
            RequestCommand::New => "New request",
            RequestCommand::Rename(_) => "Rename or move the request…",
            RequestCommand::Delete(_) => "Delete the request",
            RequestCommand::NewFolder(_) => "New folder of requests…",
            RequestCommand::SetEnvironment(None) => "No environment",
            RequestCommand::SetEnvironment(Some(name)) => return format!("Environment {name}"),
            RequestCommand::Refresh => "Look for requests again",
            RequestCommand::ChooseFolder => "Choose the directory of requests…",
            RequestCommand::UsualFolder => "Usual directory of requests",
        };
        fixed.to_owned()
    }
}

impl App {
    /// Why nothing can be done with requests now.
    pub(in crate::app) fn request_objection(&self, command: &RequestCommand) -> Option<String> {
        let (state, requests) = (&self.state, &self.state.requests);
        let need = |has: bool, why: &str| (!has).then(|| why.to_owned());
        if let Err(why) = &requests.folder {
            return Some(why.clone());
        }
        match command {
            RequestCommand::Save | RequestCommand::AskSave | RequestCommand::SaveAs(_) => {
                need(!state.draft.address.trim().is_empty(), "there is no address to save")
            }
            RequestCommand::Revert => match &requests.open {
                None => Some("no request is open".to_owned()),
                Some(_) => need(state.is_request_changed(), "the request is as it is saved"),
            },
            RequestCommand::Rename(None) | RequestCommand::Delete(None) => {
                need(requests.open.is_some(), "no request is open")
            }
            RequestCommand::ChooseFolder | RequestCommand::UsualFolder => need(
                !super::is_named_by_environment(),
                "the environment variable PUSHSCOPE_REQUESTS_DIR names the directory",
            ),
            _ => None,
        }
    }

    pub(in crate::app) fn apply_request(&mut self, command: RequestCommand) {
        match command {
            RequestCommand::Open(path) => self.open_request(path),
            RequestCommand::Save => self.save_request(None),
            RequestCommand::AskSave => self.ask_name(Purpose::SaveRequest),
            RequestCommand::SaveAs(name) => self.save_request(Some(&name)),
            RequestCommand::Revert => {
                if let Some(open) = self.state.requests.open.take() {
                    self.state.requests.unsaved.remove(&open.path);
                    self.open_request(open.path);
                }
            }
            RequestCommand::New => {
                self.leave_request();
                self.state.draft = Draft::default();
                self.wishes.push(Wish::FocusAddress);
            }
            RequestCommand::Rename(path) => {
                let open = self.state.requests.open.as_ref().map(|open| open.path.clone());
                self.state.requests.renaming = path.or(open);
                self.ask_name(Purpose::RenameRequest);
            }
            RequestCommand::Delete(path) => {
                let open = self.state.requests.open.as_ref().map(|open| open.path.clone());
                if let Some(path) = path.or(open) {
                    self.delete_request(path);
                }
            }
            RequestCommand::NewFolder(within) => {
                self.ask_name(Purpose::NewFolder);
                if let (Some(within), Some(field)) = (within, &mut self.state.path_field) {
                    field.text = format!("{}/", self.state.requests.name_of(&within));
                }
            }
            RequestCommand::SetEnvironment(name) => {
                self.state.requests.environment = name;
                let idle = self.state.script.as_ref().filter(|script| !script.is_running());
                if let Some(path) = idle.map(|script| script.path.clone()) {
                    // Its variables are others now.
                    self.state.script = Some(self.read_script(path));
                }
            }
            RequestCommand::Refresh => self.requests_changed(),
            RequestCommand::ChooseFolder => self.ask_path(&Command::Request(RequestCommand::ChooseFolder)),
            RequestCommand::UsualFolder => self.set_requests_folder(None),
        }
    }
}
