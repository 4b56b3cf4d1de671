//! `pushscope record @NAME` and `--env`: saved requests, and the values of their variables.

use super::Failed;
use super::args::RecordArgs;
use crate::app::Draft;
use crate::app::requests::{
    Environment, Kept, Node, NodeIs, Unfilled, Variables, environments, fetch_kept, hint, list, load, name_of, place,
    usual_requests_folder,
};
use crate::transport::Spec;
use std::path::{Path, PathBuf};

/// What a recording is asked for, before the options of the command line.
pub struct Asked {
    /// The request.
    pub base: Spec,
    /// What it is called in the recording: secrets stand in it by their names.
    pub label: String,
    /// The script that belongs to the request.
    pub script: Option<PathBuf>,
    /// Variables for scripts: name, value, and whether that is secret.
    pub given: Vec<(String, String, bool)>,
    /// Values for what is given on the command line; none where braces mean nothing.
    values: Option<(Variables, String)>,
}

impl Asked {
    /// A text of the command line with the values of its variables; secrets are noted in the request.
    pub fn fill(&mut self, text: &str) -> Result<String, Failed> {
        let Some((variables, hint)) = &self.values else { return Ok(text.to_owned()) };
        let mut kept = Kept::new();
        loop {
            match variables.fill_text(text, &kept, hint, &mut self.base.hidden) {
                Ok(text) => return Ok(text),
                Err(Unfilled::Mistake(why)) => return Err(Failed::Usage(why.replacen("body, ", "", 1))),
                Err(Unfilled::Keyring(names)) => kept.extend(fetch_kept(&names).map_err(Failed::Run)?),
            }
        }
    }
}

/// Finds out what is asked for: an address as it is typed, or a saved request.
pub fn asked(args: &RecordArgs) -> Result<Asked, Failed> {
    let url = args.url.clone().unwrap_or_default();
    let named = url.strip_prefix('@');
    if named.is_none() && args.request_file.is_none() && args.environment.is_none() {
        // As typed: braces in it mean nothing.
        let base = Spec { url: url.clone(), ..Spec::default() };
        return Ok(Asked { base, label: url, script: None, given: Vec::new(), values: None });
    }
    let (file, folder) = match (named, &args.request_file) {
        (Some(name), _) => {
            let folder = usual_requests_folder().map_err(Failed::Usage)?;
            (Some(find(&folder, name)?), folder)
        }
        (None, Some(file)) => (Some(file.clone()), directory_of(file)?),
        (None, None) => (None, usual_requests_folder().map_err(Failed::Usage)?),
    };
    let (draft, script) = match &file {
        Some(file) => {
            let (read, _) = load(file).map_err(Failed::Usage)?;
            for notice in &read.notices {
                let at = if notice.line > 0 { format!(", line {}", notice.line) } else { String::new() };
                eprintln!("pushscope: {}{at}: {}", file.display(), notice.text);
            }
            let script = read.request.script.map(|script| file.parent().unwrap_or(Path::new("")).join(script));
            (read.request.draft, script)
        }
        None => (Draft { address: url, ..Draft::default() }, None),
    };
    let environments = environments(&folder);
    let variables = chosen(args.environment.as_deref(), &environments, &folder)?;
    let hint =
        hint(args.environment.as_deref(), &environments).replace("choose an environment", "--env NAME chooses one");
    let mut kept = Kept::new();
    let filled = loop {
        match variables.fill(&draft, &kept, &hint) {
            Ok(filled) => break filled,
            Err(Unfilled::Mistake(why)) => return Err(Failed::Usage(why)),
            Err(Unfilled::Keyring(names)) => kept.extend(fetch_kept(&names).map_err(Failed::Run)?),
        }
    };
    let mut base = filled.draft.spec(filled.draft.address.trim().to_owned()).map_err(Failed::Usage)?;
    base.hidden = filled.secrets;
    let given = variables.given(&kept);
    Ok(Asked { base, label: filled.label, script, given, values: Some((variables, hint)) })
}

/// The environment that is asked for.
fn chosen(name: Option<&str>, environments: &[Environment], folder: &Path) -> Result<Variables, Failed> {
    let Some(name) = name else { return Ok(Variables::default()) };
    match environments.iter().find(|environment| environment.name == name) {
        Some(environment) => environment.variables.clone().map_err(Failed::Usage),
        None => {
            let names: Vec<&str> = environments.iter().map(|environment| environment.name.as_str()).collect();
            let there =
                if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) };
            let place = folder.join("environments").join(format!("{name}.toml"));
            Err(Failed::Usage(format!("there is no environment {name} ({} is not there); {there}", place.display())))
        }
    }
}

/// The directory to which a request's file belongs: the nearest one above it that has environments, else its own.
fn directory_of(file: &Path) -> Result<PathBuf, Failed> {
    let absolute = std::path::absolute(file)
        .map_err(|error| Failed::Usage(format!("{} cannot be found: {error}", file.display())))?;
    let above = absolute.ancestors().skip(1).find(|folder| folder.join("environments").is_dir());
    Ok(above.or(absolute.parent()).unwrap_or(Path::new(".")).to_owned())
}

/// The file of a saved request.
fn find(folder: &Path, name: &str) -> Result<PathBuf, Failed> {
    let path = place(folder, name, ".toml").map_err(Failed::Usage)?;
    if path.is_file() {
        return Ok(path);
    }
    let nodes = list(folder).nodes;
    let names = nodes.iter().filter(|node| node.what != NodeIs::Folder).map(|node: &Node| name_of(folder, &node.path));
    let wanted = name.to_lowercase();
    let like: Vec<String> = names.filter(|known| known.to_lowercase().contains(&wanted)).take(5).collect();
    let help = match like.is_empty() {
        true => "`pushscope requests` lists them".to_owned(),
        false => format!("there are {}", like.iter().map(|name| format!("@{name}")).collect::<Vec<_>>().join(", ")),
    };
    Err(Failed::Usage(format!("there is no saved request {name} in {}; {help}", folder.display())))
}
