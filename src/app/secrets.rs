//! Secrets of the recording that is shown: which rules find them, what they found, and copies without them.

use super::engine::Reply;
use super::{App, Command, Job, Pane, State, View, ViewId};
use crate::session::file::load;
use crate::session::redact::{Group, Plan, Rules, count_in, save_redacted};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the rules are kept, in the folder of the recordings.
const RULES_FILE: &str = "redaction.json";

/// What becomes of secrets in a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretsAre {
    /// They stay as they are.
    Kept,
    /// Each is replaced by marks of the same length.
    Replaced,
}

/// What is known of secrets, and by which rules.
#[derive(Debug, Default)]
pub struct Secrets {
    /// The rules; they are kept from start to start.
    pub rules: Rules,
    /// A rule of the user's own that is being typed.
    pub text: String,
    /// What is wrong with it.
    pub mistake: Option<String>,
    looked: Option<(ViewId, Result<Arc<Plan>, String>)>,
    job: Option<Job>,
}

impl Secrets {
    /// With the rules that were kept in a folder.
    pub(super) fn kept_in(folder: Option<&Path>) -> Secrets {
        let text = folder.and_then(|folder| std::fs::read_to_string(folder.join(RULES_FILE)).ok());
        let rules: Rules = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        // Rules that cannot be used are no rules.
        Secrets { rules: if rules.check_all().is_ok() { rules } else { Rules::default() }, ..Secrets::default() }
    }

    /// What was found in a recording, or why nothing could be looked for; `None` before that.
    pub fn of(&self, view: ViewId) -> Option<&Result<Arc<Plan>, String>> {
        self.looked.as_ref().filter(|(of, _)| *of == view).map(|(_, plan)| plan)
    }

    /// Looking for them, while that goes on.
    pub fn looking(&self) -> Option<&Job> {
        self.job.as_ref()
    }
}

impl App {
    /// Shows what would go, and looks for it where that was not done.
    pub(super) fn review_secrets(&mut self) {
        (self.state.pane, self.state.details) = (Pane::Secrets, true);
        self.find_secrets();
    }

    /// Looks for secrets where that was not done since the recording or the rules changed.
    pub(super) fn find_secrets(&mut self) {
        if self.state.secrets_found().is_none() && self.state.view().is_some() {
            self.look_for_secrets();
        }
    }

    pub(super) fn stop_looking_for_secrets(&mut self) {
        if let Some(job) = self.state.secrets.job.take() {
            job.stop();
            self.state.jobs.retain(|other| !other.is(&job));
        }
    }

    pub(super) fn look_for_secrets(&mut self) {
        self.stop_looking_for_secrets();
        let Some((id, path)) = self.state.view().and_then(|view| Some((view.id, view.path()?))) else { return };
        let job = self.begin("Looking for secrets".to_owned());
        self.state.secrets.job = Some(job.clone());
        let rules = self.state.secrets.rules.clone();
        self.engine.beside(move || {
            let result = plan_of(&path, &rules, &job);
            Reply::Secrets { view: id, job, result }
        });
    }

    pub(super) fn take_secrets(&mut self, view: ViewId, job: &Job, result: Result<Arc<Plan>, String>) {
        self.state.jobs.retain(|other| !other.is(job));
        if !self.state.secrets.job.as_ref().is_some_and(|other| other.is(job)) {
            return;
        }
        self.state.secrets.job = None;
        let result = if job.is_stopped() { Err("Looking for secrets was stopped.".to_owned()) } else { result };
        self.state.secrets.looked = Some((view, result));
    }

    /// A copy without secrets, by the rules as they are.
    pub(super) fn save_redacted(&mut self, to: PathBuf) {
        let to = if to.extension().is_none() { to.with_extension("pushscope") } else { to };
        let Some(from) = self.state.view().and_then(View::path) else { return };
        let job = self.begin(format!("Saving {} without secrets", to.display()));
        let (rules, reporter) = (self.state.secrets.rules.clone(), job.clone());
        self.engine.beside(move || {
            let result = save_redacted(&from, &to, &rules, &mut |done, total| reporter.report(done, total));
            Reply::Redacted { job, path: to, result: result.map_err(|error| error.to_string()) }
        });
    }

    pub(super) fn take_redacted(&mut self, job: &Job, path: &Path, result: Result<Arc<Plan>, String>) {
        self.state.jobs.retain(|other| !other.is(job));
        match result {
            Ok(plan) => {
                let remarks: Vec<String> = plan.remarks().into_iter().map(|remark| format!("; {remark}")).collect();
                self.say(format!("Saved {}: {}{}", path.display(), plan.summary(), remarks.concat()));
                self.apply(Command::RefreshSaved);
            }
            Err(_) if job.is_stopped() => {
                self.say(format!("Saving {} was stopped: nothing was written", path.display()));
            }
            Err(why) => self.complain(why),
        }
    }

    pub(super) fn toggle_secrets(&mut self, group: Group) {
        let is_on = self.state.secrets.rules.has(group);
        self.state.secrets.rules.set(group, !is_on);
        self.rules_changed();
    }

    pub(super) fn set_secret_rule(&mut self, text: String) {
        self.state.secrets.text = text;
        self.state.secrets.mistake = None;
    }

    /// Takes the rule that was typed: a JSONPath, a pattern, or a header's name.
    pub(super) fn add_secret_rule(&mut self) {
        let text = self.state.secrets.text.trim().to_owned();
        let mut rules = self.state.secrets.rules.clone();
        let is_name = !text.starts_with(['$', '/']);
        let list = if is_name { &mut rules.headers } else { &mut rules.patterns };
        if !list.contains(&text) {
            list.push(text);
        }
        match rules.check_all() {
            Ok(()) => {
                self.state.secrets.rules = rules;
                self.state.secrets.text.clear();
                self.state.secrets.mistake = None;
                self.rules_changed();
            }
            Err(error) => self.state.secrets.mistake = Some(error.to_string()),
        }
    }

    pub(super) fn remove_secret_rule(&mut self, rule: &str) {
        let rules = &mut self.state.secrets.rules;
        rules.headers.retain(|other| other != rule);
        rules.patterns.retain(|other| other != rule);
        self.rules_changed();
    }

    fn rules_changed(&mut self) {
        if let Ok(folder) = &self.folder {
            let kept = serde_json::to_string_pretty(&self.state.secrets.rules).map_err(|error| error.to_string());
            let kept =
                kept.and_then(|text| std::fs::write(folder.join(RULES_FILE), text).map_err(|error| error.to_string()));
            if let Err(why) = kept {
                self.complain(format!("the rules for secrets cannot be kept in {}: {why}", folder.display()));
            }
        }
        let is_asked = self.state.path_field.as_ref().is_some_and(|field| field.secrets.is_some());
        if is_asked || self.state.shows(Pane::Secrets) {
            self.look_for_secrets();
        }
    }

    /// What to say of a copy or an export that keeps the secrets.
    pub(super) fn said_of_kept(&self) -> String {
        match self.state.secrets_found() {
            Some(plan) => match plan.total().found {
                0 => "; there were no secrets to keep".to_owned(),
                count => format!("; secrets were kept ({count} in the recording)"),
            },
            None => "; secrets were kept".to_owned(),
        }
    }

    /// What to say of secrets in a text that was copied.
    pub(super) fn said_of_copied(&self, text: &[u8]) -> String {
        match count_in(text, &self.state.secrets.rules) {
            0 => String::new(),
            1 => "; it holds a secret".to_owned(),
            count => format!("; it holds {count} secrets"),
        }
    }
}

impl State {
    /// What was found in the recording that is shown, where that is so of all of it and by the rules as they are.
    pub fn secrets_found(&self) -> Option<&Plan> {
        let view = self.view()?;
        let plan = self.secrets.of(view.id)?.as_ref().ok()?;
        (plan.events() == view.session.events() && *plan.rules() == self.secrets.rules).then_some(plan)
    }
}

fn plan_of(path: &Path, rules: &Rules, job: &Job) -> Result<Arc<Plan>, String> {
    let mut progress = |done, total| job.report(done, total);
    let loaded = load(path, &mut progress).map_err(|error| error.to_string())?;
    let plan = Plan::of(&loaded.session, rules, &mut progress).map_err(|error| error.to_string())?;
    Ok(Arc::new(plan))
}
