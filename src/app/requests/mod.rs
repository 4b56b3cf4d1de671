//! Saved requests: what the address bar holds, as small files in folders that can be kept under version control, with
//! variables whose values environments give. docs/requests.md has the format.

mod command;
mod fill;
mod folder;
mod format;
mod keep;
mod keys;
mod settings;

pub use command::RequestCommand;
pub use fill::{Filled, Kept, Unfilled, Variable, Variables, variables_of};
pub use folder::{
    Environment, Listing, Node, NodeIs, environments, is_named_by_environment, list, load, name_of, place,
    requests_folder, save, usual_requests_folder,
};
pub use format::{Mistake, ReadRequest, Request, read, write};
pub(super) use keep::KeptSecrets;
pub use keep::fetch_kept;

use super::engine::Reply;
use super::trash;
use super::{App, Command, Draft, PathField, Purpose, Scripting, Wish};
use crate::transport::Spec;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A request that was opened.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// Its file.
    pub path: PathBuf,
    /// As it is saved.
    pub saved: Request,
    /// The text of the file.
    text: String,
}

/// The saved requests, and the environment that is chosen.
pub struct Requests {
    /// The directory, or why there is none.
    pub folder: Result<PathBuf, String>,
    /// What is in it.
    pub listing: Listing,
    /// The environment that is chosen.
    pub environment: Option<String>,
    /// The request that the address bar holds.
    pub open: Option<OpenRequest>,
    /// Drafts of other requests that were changed and not saved.
    pub unsaved: HashMap<PathBuf, Draft>,
    /// What is to get the name that is typed.
    renaming: Option<PathBuf>,
    /// What the keyring was found to keep.
    kept: Kept,
    /// What is done with this draft once the keyring has answered.
    waiting: Option<(Box<Draft>, Command)>,
    is_listing: bool,
    is_stale: bool,
}

impl Default for Requests {
    fn default() -> Requests {
        Requests {
            folder: Err("there is no directory of requests yet".to_owned()),
            listing: Listing::default(),
            environment: None,
            open: None,
            unsaved: HashMap::new(),
            renaming: None,
            kept: Kept::new(),
            waiting: None,
            is_listing: false,
            is_stale: false,
        }
    }
}

impl Requests {
    /// The variables that are in force.
    pub fn variables(&self) -> Variables {
        self.chosen().and_then(|environment| environment.variables.clone().ok()).unwrap_or_default()
    }

    /// The environment that is chosen, where it is still there.
    pub fn chosen(&self) -> Option<&Environment> {
        let name = self.environment.as_deref()?;
        self.listing.environments.iter().find(|environment| environment.name == name)
    }

    /// What would help where a variable has no value.
    fn hint(&self) -> String {
        hint(self.environment.as_deref(), &self.listing.environments)
    }

    /// A request's name.
    pub fn name_of(&self, path: &Path) -> String {
        name_of(self.folder.as_deref().unwrap_or(Path::new("")), path)
    }
}

/// What would help where a variable has no value.
pub fn hint(chosen: Option<&str>, environments: &[Environment]) -> String {
    let names: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
    match (chosen, names.is_empty()) {
        (Some(chosen), _) => format!(": the environment {chosen} has none by that name"),
        (None, true) => ": there is no environment yet, which is a file environments/NAME.toml beside the requests; two braces are written {{{{".to_owned(),
        (None, false) => format!(": choose an environment ({})", names.join(", ")),
    }
}

impl super::State {
    /// Whether the address bar differs from the request that is open.
    pub fn is_request_changed(&self) -> bool {
        self.requests.open.as_ref().is_some_and(|open| {
            open.saved.draft != self.draft || self.script_of_request(&open.path) != open.saved.script
        })
    }

    /// The open script as a request's file names it.
    fn script_of_request(&self, request: &Path) -> Option<String> {
        let folder = self.requests.folder.as_deref().unwrap_or(Path::new(""));
        Some(folder::relative(folder, request, &self.script.as_ref()?.path))
    }
}

impl App {
    /// Finds the directory of requests and looks into it.
    pub(super) fn start_requests(&mut self) {
        let found = self.folder.as_deref().map_err(Clone::clone).and_then(|recordings| {
            let data = settings::data_of(recordings);
            Ok(requests_folder(&data, settings::requests_folder(&data)?))
        });
        self.state.requests.folder = found;
        self.requests_changed();
        if let Ok(folder) = self.state.requests.folder.clone() {
            self.look_into_trash(folder);
        }
    }

    /// Looks at the directory again, beside the window.
    pub(super) fn requests_changed(&mut self) {
        let requests = &mut self.state.requests;
        let Ok(folder) = requests.folder.clone() else { return };
        if std::mem::replace(&mut requests.is_listing, true) {
            requests.is_stale = true;
            return;
        }
        self.engine.beside(move || Reply::Requests(Box::new(list(&folder))));
    }

    pub(super) fn take_requests(&mut self, listing: Listing) {
        let requests = &mut self.state.requests;
        requests.is_listing = false;
        requests.listing = listing;
        if std::mem::take(&mut requests.is_stale) {
            self.requests_changed();
        }
    }

    /// The address bar holds something else than the request that was open.
    pub(super) fn leave_request(&mut self) {
        let is_changed = self.state.is_request_changed();
        if let Some(open) = self.state.requests.open.take().filter(|_| is_changed) {
            self.state.requests.unsaved.insert(open.path, self.state.draft.clone());
        }
    }

    fn open_request(&mut self, path: PathBuf) {
        if self.state.requests.open.as_ref().is_some_and(|open| open.path == path) && self.state.is_request_changed() {
            return;
        }
        let (read, text) = match load(&path) {
            Ok(read) => read,
            Err(why) => return self.complain(why),
        };
        self.leave_request();
        for notice in &read.notices {
            let at = if notice.line > 0 { format!(", line {}", notice.line) } else { String::new() };
            self.complain(format!("{}{at}: {}", path.display(), notice.text));
        }
        let unsaved = self.state.requests.unsaved.remove(&path);
        self.state.draft = unsaved.unwrap_or_else(|| read.request.draft.clone());
        let script = read.request.script.as_ref().map(|script| path.parent().unwrap_or(Path::new("")).join(script));
        self.state.requests.open = Some(OpenRequest { path, saved: read.request, text });
        self.stop_script();
        self.state.script = script.map(|script| self.read_script(script));
        if let Some(Err(why)) = self.state.script.as_ref().map(|script| script.script.clone()) {
            self.complain(why);
        }
        self.wishes.push(Wish::FocusAddress);
    }

    /// Reads a script with the variables of the environment.
    pub(super) fn read_script(&self, path: PathBuf) -> Scripting {
        let given = self.state.requests.variables().given(&self.state.requests.kept);
        Scripting::read(path, &given)
    }

    /// Saves the address bar; without a name as the request that is open.
    fn save_request(&mut self, name: Option<&str>) {
        let folder = match self.state.requests.folder.clone() {
            Ok(folder) => folder,
            Err(why) => return self.complain(why),
        };
        let target = match (name, &self.state.requests.open) {
            (Some(name), _) => place(&folder, name, ".toml").map(|path| (path, None)),
            (None, Some(open)) => Ok((open.path.clone(), Some(open.text.clone()))),
            (None, None) => return self.ask_name(Purpose::SaveRequest),
        };
        let (path, before) = match target {
            Ok(target) => target,
            Err(why) => return self.complain(why),
        };
        if crate::transport::shown_address(self.state.draft.address.trim()) != self.state.draft.address.trim() {
            let why = "the address holds a password, and is not written so: put user and password under Auth";
            return self.complain(why);
        }
        let secrets = format::plain_secrets(&self.state.draft);
        if !secrets.is_empty() {
            return self.keep_secrets(path, name.map(str::to_owned), secrets);
        }
        if let Some(clash) = before.is_none().then(|| folder::clash(&folder, &path, None)).flatten() {
            return self.complain(clash);
        }
        let request = Request { draft: self.state.draft.clone(), script: self.state.script_of_request(&path) };
        match save(&path, &request, before.as_deref()) {
            Ok(text) => {
                folder::ignore_secrets(&folder);
                self.state.requests.unsaved.remove(&path);
                self.say(format!("Saved {}", path.display()));
                if format::has_secret_parameter(&request.draft.address) {
                    let help = "put {{name}} in its place, and its value into environments/NAME.secret.toml";
                    self.complain(format!("{} has a secret in its address, as it is: {help}", path.display()));
                }
                self.state.requests.open = Some(OpenRequest { path, saved: request, text });
                self.requests_changed();
            }
            Err(why) => self.complain(why),
        }
    }

    /// Asks for a name by the path field.
    fn ask_name(&mut self, purpose: Purpose) {
        let requests = &self.state.requests;
        let text = match (purpose, &requests.renaming, &requests.open) {
            (Purpose::RenameRequest, Some(path), _) => requests.name_of(path),
            (Purpose::SaveRequest, _, Some(open)) => format!("{} 2", requests.name_of(&open.path)),
            (Purpose::SaveRequest, ..) => suggested(&self.state.draft),
            _ => String::new(),
        };
        self.state.path_field = Some(PathField { purpose, text, no_picker: false, secrets: None });
        self.wishes.push(Wish::FocusPath);
    }

    /// Takes the name that was typed for a request or a folder.
    pub(super) fn take_name(&mut self, purpose: Purpose, name: &Path) {
        let name = name.to_string_lossy();
        match purpose {
            Purpose::SaveRequest => self.save_request(Some(&name)),
            Purpose::RenameRequest => {
                if let Some(path) = self.state.requests.renaming.take() {
                    self.rename_request(&path, &name);
                }
            }
            Purpose::NewFolder => self.make_folder(&name),
            _ => self.set_requests_folder(Some(PathBuf::from(name.trim()))),
        }
    }

    fn make_folder(&mut self, name: &str) {
        let Ok(folder) = self.state.requests.folder.clone() else { return };
        let made = place(&folder, name, "").and_then(|path| {
            if let Some(clash) = folder::clash(&folder, &path, None) {
                return Err(clash);
            }
            std::fs::create_dir_all(&path).map_err(|error| format!("{} cannot be made: {error}", path.display()))
        });
        match made {
            Ok(()) => self.requests_changed(),
            Err(why) => self.complain(why),
        }
    }

    fn rename_request(&mut self, from: &Path, name: &str) {
        let Ok(folder) = self.state.requests.folder.clone() else { return };
        let ending = if from.is_dir() { "" } else { ".toml" };
        let moved = place(&folder, name, ending).and_then(|to| {
            let cannot = |error: std::io::Error| format!("{} cannot be renamed: {error}", from.display());
            if to == from {
                return Ok(to);
            }
            // Where case does not count, another case of its own name is there already.
            let is_itself = from.canonicalize().is_ok_and(|from| to.canonicalize().is_ok_and(|to| to == from));
            if to.symlink_metadata().is_ok() && !is_itself {
                return Err(format!("{} is there already: choose another name", to.display()));
            }
            if to.starts_with(from) {
                return Err(format!("{} cannot be moved into itself", from.display()));
            }
            if let Some(clash) = folder::clash(&folder, &to, Some(from)) {
                return Err(clash);
            }
            std::fs::create_dir_all(to.parent().unwrap_or(&folder)).map_err(cannot)?;
            std::fs::rename(from, &to).map_err(cannot)?;
            Ok(to)
        });
        let to = match moved {
            Ok(to) => to,
            Err(why) => return self.complain(why),
        };
        if let Err(why) = folder::follow_script(&folder, from, &to) {
            self.complain(why);
        }
        let renamed = |path: &Path| match path.strip_prefix(from) {
            Ok(rest) if rest.as_os_str().is_empty() => Some(to.clone()),
            Ok(rest) => Some(to.join(rest)),
            Err(_) => None,
        };
        let requests = &mut self.state.requests;
        if let Some(open) = &mut requests.open
            && let Some(path) = renamed(&open.path)
        {
            // What is written there now, if its script is named otherwise from there.
            if let Ok((read, text)) = load(&path) {
                (open.saved.script, open.text) = (read.request.script, text);
            }
            open.path = path;
        }
        let unsaved = std::mem::take(&mut requests.unsaved);
        requests.unsaved = unsaved.into_iter().map(|(path, draft)| (renamed(&path).unwrap_or(path), draft)).collect();
        self.requests_changed();
    }

    fn delete_request(&mut self, path: PathBuf) {
        let Ok(folder) = self.state.requests.folder.clone() else { return };
        match trash::delete(&folder, std::slice::from_ref(&path)) {
            Ok(deleted) => {
                let requests = &mut self.state.requests;
                requests.open.take_if(|open| open.path.starts_with(&path));
                self.was_deleted(deleted, "Deleted the request");
                self.requests_changed();
            }
            Err(why) => self.complain(why),
        }
    }

    fn set_requests_folder(&mut self, folder: Option<PathBuf>) {
        let Ok(recordings) = &self.folder else { return };
        let data = settings::data_of(recordings);
        if let Some(folder) = &folder
            && let Err(error) = std::fs::create_dir_all(folder)
        {
            return self.complain(format!("{} cannot be used: {error}", folder.display()));
        }
        if let Err(why) = settings::set_requests_folder(&data, folder.as_deref()) {
            return self.complain(why);
        }
        self.leave_request();
        let requests = &mut self.state.requests;
        (requests.environment, requests.listing) = (None, Listing::default());
        self.start_requests();
        if let Ok(folder) = &self.state.requests.folder {
            let text = format!("Requests are in {}", folder.display());
            self.say(text);
        }
    }

    /// The request that a draft asks for, with the values of now: its spec, and what it is called. `None` where the keyring
    /// is asked first; `then` is done once that has answered.
    pub(super) fn filled_spec(&mut self, draft: &Draft, then: &Command) -> Result<Option<FilledSpec>, String> {
        let requests = &self.state.requests;
        if let Some(Environment { variables: Err(why), .. }) = requests.chosen() {
            return Err(why.clone());
        }
        match requests.variables().fill(draft, &requests.kept, &requests.hint()) {
            Ok(filled) => {
                let mut spec = self.spec_of(&filled.draft)?;
                spec.hidden = filled.secrets;
                let address = filled.draft.address.trim().to_owned();
                Ok(Some(FilledSpec { spec, address, label: filled.label }))
            }
            Err(Unfilled::Mistake(why)) => Err(why),
            Err(Unfilled::Keyring(names)) => {
                self.state.requests.waiting = Some((Box::new(draft.clone()), then.clone()));
                self.engine.beside(move || Reply::KeptValues(fetch_kept(&names)));
                Ok(None)
            }
        }
    }

    /// Takes what the keyring kept, and connects to what waited for it.
    pub(super) fn take_kept(&mut self, kept: Result<Kept, String>) {
        let waiting = self.state.requests.waiting.take();
        match kept {
            Ok(kept) => {
                self.state.requests.kept.extend(kept);
                if let Some((_, command)) = waiting.filter(|(draft, _)| **draft == self.state.draft) {
                    self.apply(command);
                }
            }
            Err(why) => self.complain(why),
        }
    }
}

/// A request with the values of now.
pub(super) struct FilledSpec {
    /// The request.
    pub spec: Spec,
    /// Its address as the draft has it now, which may hold secrets.
    pub address: String,
    /// Its address for lists: secrets stand in it by their names.
    pub label: String,
}

/// A name for a request, from its address.
fn suggested(draft: &Draft) -> String {
    let address = draft.address.trim().replace("{{", "").replace("}}", "");
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let plain = rest.split(['?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let name: String =
        plain.chars().map(|char| if char.is_alphanumeric() || char == '.' { char } else { '-' }).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "request".to_owned() } else { name.chars().take(60).collect() }
}

impl Scripting {
    /// Reads a script that may use these variables.
    fn read(path: PathBuf, given: &[(String, String, bool)]) -> Scripting {
        // Only a file is read here: a pipe may keep the window waiting for ever.
        let script = match std::fs::metadata(&path) {
            Ok(file) if !file.is_file() => Err(format!("{} is no file", path.display())),
            _ => crate::app::script::Script::load_with(&path, given).map(Arc::new),
        };
        Scripting::new(path, script)
    }
}
