//! Proxies and servers that want to know who we are (RFC 9110 §11.7, RFC 1929).

use super::Confidence;
use super::reports::{Reports, Told};
use super::rules::{LOGIN, Rule, SERVER_LOGIN};
use super::seen::{Case, Seen, Talk};
use super::text::{quoted, this};
use crate::dissect::Severity;
use crate::wire::Challenge;

/// A proxy or a server asks.
pub(super) fn challenged(case: &Case, seen: &mut Seen, talk: &mut Talk, challenge: &Challenge, reports: &mut Reports) {
    let (rule, whose) = if challenge.by_proxy { (&LOGIN, "proxy") } else { (&SERVER_LOGIN, "server") };
    if challenge.by_proxy {
        seen.said_proxy = true;
        talk.login = Some(challenge.who.clone());
    } else {
        talk.server_login = Some(challenge.who.clone());
    }
    // What was asked first is part of what was refused then.
    if challenge.refused {
        reports.take_back(case.connection(), rule, &format!("{} false", challenge.who));
    }
    let who = &challenge.who;
    let schemes = challenge.schemes.join(", ");
    let realm = if challenge.realm.is_empty() { String::new() } else { format!(" for {}", quoted(&challenge.realm)) };
    let is_of_windows = |scheme: &&String| ["ntlm", "negotiate", "kerberos"].contains(&&*scheme.to_ascii_lowercase());
    let windows: Vec<&str> = challenge.schemes.iter().filter(is_of_windows).map(String::as_str).collect();
    let (means, attempt) = match (challenge.can_be_answered, challenge.refused) {
        (false, _) => (
            format!(
                "The {whose} lets nobody in without a login, and none of what it offers can be answered here{}.",
                if windows.is_empty() {
                    String::new()
                } else {
                    format!(": {} needs the login of a Windows domain", windows.join(" and "))
                }
            ),
            format!(
                "Have whoever runs the {whose} {who} offer Basic or Digest for this machine, or make an exception; \
                 or use a local relay that does {} for you.",
                if windows.is_empty() { &schemes } else { windows[0] }
            ),
        ),
        (true, true) => (
            format!(
                "The user or password that was given is not accepted: misspelt, expired, locked, or not meant for \
                 this {whose}."
            ),
            format!("Check user and password for {who}; some want the domain before the user (DOMAIN\\user)."),
        ),
        (true, false) => (
            format!("The {whose} lets nobody in without a login."),
            format!("Give user and password for the {whose} {who}."),
        ),
    };
    let refused = if challenge.refused { " It refused the login that was given." } else { "" };
    reports.tell(
        case,
        Told {
            rule,
            severity: Severity::Error,
            confidence: Confidence::Certain,
            about: format!("{who} {}", challenge.refused),
            seen: format!("The {whose} {who} asks who we are{realm}, by {schemes}.{refused}"),
            means,
            attempt,
            evidence: vec![this(case, format!("asked by {schemes}"))],
        },
    );
}

/// The proxy let something through: what it asked for was answered.
pub(super) fn accepted(case: &Case, talk: &mut Talk, reports: &mut Reports) {
    let Some(who) = talk.login.take() else { return };
    settled(case, &LOGIN, &who, reports);
}

/// The server answered by another status: what it asked for was answered.
pub(super) fn accepted_by_server(case: &Case, talk: &mut Talk, reports: &mut Reports) {
    let Some(who) = talk.server_login.take() else { return };
    settled(case, &SERVER_LOGIN, &who, reports);
}

fn settled(case: &Case, rule: &'static Rule, who: &str, reports: &mut Reports) {
    for refused in [false, true] {
        let Some(finding) = reports.told(case.connection(), rule, &format!("{who} {refused}")) else { continue };
        finding.severity = Severity::Info;
        finding.means = "The login that was given then was accepted.".to_owned();
        finding.attempt = "Nothing: we are let in.".to_owned();
    }
}
