//! `pushscope doctor`.

use super::args::{DoctorArgs, ReportFormat, login};
use super::{Failed, runtime};
use crate::app::doctor::{EXAMINE_WAYS, ReportAs, examine, plan};
use crate::lab::Lab;
use crate::transport::{Auth, Spec, check};
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How long a way may take where the user says nothing.
const LIMIT: Duration = Duration::from_secs(10);

/// Tries every way and prints the report.
pub fn run(args: DoctorArgs) -> Result<(), Failed> {
    let runtime = runtime()?;
    let mut spec = Spec { url: args.url.clone(), ..Spec::default() };
    for header in &args.headers {
        spec.headers.push(super::record::header(header)?);
    }
    if let Some(text) = &args.user {
        let (user, password) = login(text);
        spec.auth = Auth::Basic { user, password };
    }
    if let Some(token) = &args.bearer {
        spec.auth = Auth::Bearer { token: token.clone() };
    }
    spec.proxy.login = args.proxy_user.as_deref().map(login);
    (spec.tls.insecure, spec.tls.ca_file) = (args.insecure, args.cacert.clone());
    let limit = args.timeout.unwrap_or(LIMIT);
    let report = runtime.block_on(async {
        let lab = match args.url.starts_with("lab:") {
            true => {
                let started = Lab::start(([127, 0, 0, 1], 0).into()).await;
                Some(started.map_err(|error| Failed::Run(format!("the lab cannot listen on 127.0.0.1: {error}")))?)
            }
            false => {
                check(&spec).map_err(|failure| Failed::Usage(failure.to_string()))?;
                None
            }
        };
        let plan = plan(&args.url, &spec, &args.proxies, lab.as_ref()).await.map_err(Failed::Usage)?;
        for way in &plan.ways {
            check(way.spec()).map_err(|failure| Failed::Usage(failure.to_string()))?;
        }
        let is_watched = std::io::stderr().is_terminal();
        if is_watched {
            eprintln!(
                "pushscope: {} ways, {EXAMINE_WAYS} at a time, {} s each at most",
                plan.ways.len(),
                limit.as_secs_f64()
            );
        }
        Ok::<_, Failed>(
            examine(plan, limit, |outcome, _| {
                if is_watched {
                    eprintln!("pushscope: {}: {}", outcome.way.name(), outcome.verdict.label());
                }
            })
            .await,
        )
    })?;
    let how = match (args.format, args.output.as_deref().and_then(|path| path.extension())) {
        (Some(format), _) => format.into(),
        (None, Some(extension)) => ReportAs::of_extension(&extension.to_string_lossy()),
        (None, None) => ReportAs::Text,
    };
    let text = report.write(how);
    match &args.output {
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Failed::Run(format!("the report cannot be written to {}: {error}", path.display())))?,
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    runtime.shutdown_timeout(Duration::from_millis(200));
    match report.is_reachable() {
        true => Ok(()),
        false => Err(Failed::Run(format!("no way to {} works from here", crate::transport::shown_address(&args.url)))),
    }
}

impl From<ReportFormat> for ReportAs {
    fn from(format: ReportFormat) -> ReportAs {
        match format {
            ReportFormat::Text => ReportAs::Text,
            ReportFormat::Json => ReportAs::Json,
            ReportFormat::Markdown => ReportAs::Markdown,
            ReportFormat::Html => ReportAs::Html,
        }
    }
}
