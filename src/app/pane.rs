//! What stands below the timeline: the selected record, or figures and findings over all.

/// A pane below the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The selected record: fields, payload, bytes.
    #[default]
    Record,
    /// Figures over the rows.
    Statistics,
    /// What is wrong with the connections, and what to try.
    Findings,
    /// What the user has to say of records.
    Remarks,
    /// How far what was sent has come.
    Delivery,
    /// Every way to an endpoint, tried.
    Doctor,
    /// The script: its steps, and how far it is.
    Script,
    /// The secrets in the recording, and which of them a copy lacks.
    Secrets,
    /// A recording as a server: its address, its clients, what they do differently.
    Replay,
}

impl Pane {
    /// Those that can be asked for by name.
    pub const NAMED: [Pane; 7] =
        [Pane::Statistics, Pane::Findings, Pane::Remarks, Pane::Delivery, Pane::Doctor, Pane::Script, Pane::Replay];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Pane::Record => "Details",
            Pane::Statistics => "Statistics",
            Pane::Findings => "Findings",
            Pane::Remarks => "Remarks",
            Pane::Delivery => "How far it got",
            Pane::Doctor => "Doctor",
            Pane::Script => "Script",
            Pane::Secrets => "Secrets",
            Pane::Replay => "Replay",
        }
    }

    /// What asking for it is called.
    pub fn ask(self) -> &'static str {
        match self {
            Pane::Record => "Show the selected record",
            Pane::Statistics => "Show statistics of the rows",
            Pane::Findings => "Show findings: what is wrong, and what to try",
            Pane::Remarks => "Show bookmarks and remarks",
            Pane::Delivery => "Show how far what was sent got",
            Pane::Doctor => "Show the doctor: every way to the address, tried",
            Pane::Script => "Show the script: its steps, and how far it is",
            Pane::Secrets => "Show the secrets in the recording",
            Pane::Replay => "Show the replay: its address, its clients, and what they do differently",
        }
    }
}
