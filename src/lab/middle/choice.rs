//! Choosing a middlebox: `via` and its parameters are taken out of a lab address, the rest is for the endpoint.

use std::time::Duration;

use super::MIDDLEBOXES;

/// A middlebox with what the user set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Connect443Only,
    NeedsLogin,
    TlsIntercept,
    RewritesConnection,
    SwallowsUpstream,
    /// How long the body is collected.
    Buffers(Duration),
    /// How long the connection may be silent.
    CutsIdle(Duration),
    DowngradesHttp10,
    BlockPage,
    /// After how many bytes of the answer's body the connection ends.
    Truncates(u64),
}

/// The parameters, each with the middlebox that it is for.
const PARAMETERS: &[(&str, &str)] = &[("idle", "cuts-idle"), ("lump", "buffers"), ("cut", "truncates")];

const IDLE_SECONDS: f64 = 5.0;
const LUMP_MS: u64 = 3000;
const CUT_BYTES: u64 = 700;

/// Splits a lab address into one without `via`, and the middlebox that `via` names. The error is a sentence.
pub fn take_via(lab_url: &str) -> Result<(String, Option<Kind>), String> {
    let Some((address, query)) = lab_url.split_once('?') else { return Ok((lab_url.to_owned(), None)) };
    let (mut name, mut settings, mut rest) = (None, Vec::new(), Vec::new());
    for pair in query.split('&') {
        let Some((key, value)) = url::form_urlencoded::parse(pair.as_bytes()).next() else { continue };
        if key == "via" {
            if name.replace(value.into_owned()).is_some() {
                return Err("via names one middlebox; the lab puts no second one behind it.".to_owned());
            }
        } else if PARAMETERS.iter().any(|(parameter, _)| key == *parameter) {
            settings.push((key.into_owned(), value.into_owned()));
        } else {
            rest.push(pair);
        }
    }
    let Some(name) = name else { return Ok((lab_url.to_owned(), None)) };
    let kind = choose(&name, &settings)?;
    let address = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
    Ok((address, Some(kind)))
}

fn choose(name: &str, settings: &[(String, String)]) -> Result<Kind, String> {
    let mut kind = match name {
        "connect-443-only" => Kind::Connect443Only,
        "needs-login" => Kind::NeedsLogin,
        "tls-intercept" => Kind::TlsIntercept,
        "rewrites-connection" => Kind::RewritesConnection,
        "swallows-upstream" => Kind::SwallowsUpstream,
        "buffers" => Kind::Buffers(Duration::from_millis(LUMP_MS)),
        "cuts-idle" => Kind::CutsIdle(Duration::from_secs_f64(IDLE_SECONDS)),
        "downgrades-http10" => Kind::DowngradesHttp10,
        "block-page" => Kind::BlockPage,
        "truncates" => Kind::Truncates(CUT_BYTES),
        _ => {
            let names: Vec<_> = MIDDLEBOXES.iter().map(|middlebox| middlebox.name).collect();
            return Err(format!("The lab has no middlebox {name:?}; via is one of {}.", names.join(", ")));
        }
    };
    for (key, value) in settings {
        kind = set(kind, name, key, value)?;
    }
    Ok(kind)
}

fn set(kind: Kind, name: &str, key: &str, value: &str) -> Result<Kind, String> {
    let bad = |allowed: &str| Err(format!("The parameter {key} is {allowed}, not {value:?}."));
    match (kind, key) {
        (Kind::CutsIdle(_), "idle") => match value.parse::<f64>() {
            Ok(idle) if (0.1..=3600.0).contains(&idle) => Ok(Kind::CutsIdle(Duration::from_secs_f64(idle))),
            _ => bad("a number of seconds from 0.1 to 3600"),
        },
        (Kind::Buffers(_), "lump") => match value.parse() {
            Ok(lump_ms @ 1..=600_000) => Ok(Kind::Buffers(Duration::from_millis(lump_ms))),
            _ => bad("a number of milliseconds from 1 to 600000"),
        },
        (Kind::Truncates(_), "cut") => match value.parse() {
            Ok(cut @ 0..=1_073_741_824) => Ok(Kind::Truncates(cut)),
            _ => bad("a number of bytes from 0 to 1073741824"),
        },
        _ => {
            let owner = PARAMETERS.iter().find(|(parameter, _)| *parameter == key).map_or("", |(_, owner)| owner);
            Err(format!("The parameter {key} is for via={owner}, not for via={name}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_middlebox_is_chosen_by_its_name() {
        for middlebox in MIDDLEBOXES {
            let (address, kind) = take_via(&format!("lab:sse?rate=5&via={}&count=2", middlebox.name)).unwrap();
            assert_eq!(address, "lab:sse?rate=5&count=2");
            assert!(kind.is_some_and(|kind| kind.is_proxy() == middlebox.is_proxy), "{}", middlebox.name);
        }
    }

    #[test]
    fn what_is_not_for_a_middlebox_stays_as_it_was() {
        for address in ["lab:sse", "lab:sse?rate=5", "lab:sse?idle=5", "lab:", "http://a/?x"] {
            assert_eq!(take_via(address).unwrap(), (address.to_owned(), None));
        }
        assert_eq!(take_via("lab:ws?via=buffers").unwrap().0, "lab:ws");
        let (address, kind) = take_via("lab:ws?channel=a%26b&lump=20&via=buffers&_=%zz").unwrap();
        assert_eq!(
            (address.as_str(), kind),
            ("lab:ws?channel=a%26b&_=%zz", Some(Kind::Buffers(Duration::from_millis(20))))
        );
        assert_eq!(take_via("lab:ws?cut=0&via=truncates").unwrap(), ("lab:ws".to_owned(), Some(Kind::Truncates(0))));
        let half = Some(Kind::CutsIdle(Duration::from_millis(500)));
        assert_eq!(take_via("lab:ws?via=cuts-idle&idle=.5").unwrap(), ("lab:ws".to_owned(), half));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let error = take_via("lab:ws?via=smoke").unwrap_err();
        for middlebox in MIDDLEBOXES {
            assert!(error.contains(middlebox.name), "{error}");
        }
        for (query, named) in [
            ("via=cuts-idle&idle=0", "idle"),
            ("via=cuts-idle&idle=NaN", "idle"),
            ("via=cuts-idle&idle=", "idle"),
            ("via=buffers&lump=0", "lump"),
            ("via=buffers&lump=fast", "lump"),
            ("via=truncates&cut=-1", "cut"),
            ("via=truncates&lump=5", "via=buffers"),
            ("via=buffers&via=truncates", "second"),
            ("via=", "buffers"),
        ] {
            let error = take_via(&format!("lab:ws?{query}")).unwrap_err();
            assert!(error.contains(named), "{query}: {error}");
        }
    }
}
