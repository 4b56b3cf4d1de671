//! A recorded request as the address bar has it.

use crate::app::resend::{Endpoint, draft_of, recorded_request};
use crate::app::{Draft, View};
use crate::session::{Kind, RecordId, Session};
use crate::transport::Spec;

impl View {
    /// The selected request, or that of the link on which the selected record came.
    pub(super) fn selected_request(&self) -> Option<RecordId> {
        let id = self.selected?;
        let record = self.session.records().get(id)?;
        if record.kind == Kind::HttpRequest {
            return Some(id);
        }
        let first = id.saturating_sub(REQUEST_LOOK_BACK).max(self.session.records().first_held());
        (first..id).rev().find(|before| {
            let other = &self.session.records()[*before];
            other.kind == Kind::HttpRequest && other.link == record.link
        })
    }
}

/// Records before the selected one among which its request is looked for.
const REQUEST_LOOK_BACK: usize = 1 << 16;

/// A recorded request as the address bar has it, with the names of headers whose values are not in the recording.
pub(super) fn request_draft(session: &Session, id: RecordId) -> Result<(Draft, Vec<String>), String> {
    let request = recorded_request(session, id)?;
    let record = &session.records()[id];
    let endpoint = Endpoint::of(session, session.connection_of(record)).ok();
    let mut spec = match &endpoint {
        // What the user asked for, where this is how the connection asked.
        Some(endpoint) if request.is_to_own_server => Spec { body: None, ..endpoint.spec.clone() },
        _ => Spec::default(),
    };
    let is_upgrade = session.link(record.link).is_some_and(|link| link.agreement().is_some());
    let is_lab = spec.url.starts_with("lab:");
    let body = std::str::from_utf8(&request.body).map_err(|_| "its body is no text; resend it as it is".to_owned())?;
    if is_upgrade {
        let typed: Vec<String> = spec.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let own = ["upgrade", "connection", "user-agent", "accept"];
        let is_own = |name: &str| own.contains(&name) || name.starts_with("sec-websocket-");
        spec.headers = request.headers;
        spec.headers.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            typed.contains(&name) || !is_own(&name)
        });
    } else {
        spec.headers = request.headers;
        spec.method = request.method;
        spec.body = (!body.is_empty()).then(|| body.to_owned().into());
    }
    if !is_lab {
        let scheme = if is_upgrade { request.url.replacen("http", "ws", 1) } else { request.url };
        spec.url = scheme;
    }
    Ok((draft_of(&spec), request.without))
}

/// Whether a request from a file holds what the address bar would fill with the user's variables.
pub(super) fn has_braces(draft: &Draft) -> bool {
    let proxy = [&draft.proxy, &draft.ca_file, &draft.cert_file, &draft.key_file];
    let cursor = [&draft.cursor_name, &draft.cursor_target, &draft.last_event_id, &draft.websocket.subprotocols];
    let request = [&draft.address, &draft.method, &draft.headers, &draft.body];
    [request, proxy, cursor].into_iter().flatten().any(|text| text.contains("{{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_strangers_request_would_take_from_the_users_variables_is_seen() {
        let spec = |url: &str, value: &str| Spec {
            url: url.to_owned(),
            headers: vec![("X-Take".to_owned(), value.to_owned())],
            ..Spec::default()
        };
        assert!(!has_braces(&draft_of(&spec("wss://a/", "{} {a}"))));
        assert!(has_braces(&draft_of(&spec("wss://a/", "{{TOKEN}}"))));
        assert!(has_braces(&draft_of(&spec("wss://a/?t={{TOKEN}}", ""))));
    }
}
