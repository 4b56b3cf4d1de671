//! Reading the steps that send.

use super::content::Content;
use super::read::Reader;
use super::step::{Fragments, Frame, Mask, Send, What};
use super::template::Template;
use super::toml::{Fault, Read, Value, fail};
use crate::transport::LengthForm;
use toml::de::DeValue;

/// Fragments that a message may have by a list.
const MOST_FRAGMENTS: usize = 100_000;

const CONTENT: [&str; 5] = ["text", "json", "hex", "base64", "file"];

const OPCODES: [(&str, u64); 6] =
    [("continuation", 0), ("text", 1), ("binary", 2), ("close", 8), ("ping", 9), ("pong", 10)];

impl Reader<'_> {
    pub(super) fn send(&mut self, value: &Value) -> Read<What> {
        if let DeValue::String(_) = value.value {
            let content = Content::Text(self.template(value)?);
            return Ok(What::Send(Send {
                content,
                is_text: true,
                compress: None,
                fragments: Fragments::Usual,
                method: "POST".to_owned(),
                url: None,
                headers: Vec::new(),
            }));
        }
        let more = ["as", "compress", "fragments", "method", "url", "headers"];
        let allowed: Vec<&str> = CONTENT.iter().chain(&more).copied().collect();
        let table = value.table(&allowed)?;
        let content = self.content(&table)?;
        let is_text = match table.text("as")? {
            None => content.is_text(),
            Some(("text", span)) => match &content {
                Content::Bytes(bytes, _) if std::str::from_utf8(bytes).is_err() => {
                    return fail(
                        &span,
                        "a text message is UTF-8 (RFC 6455 §5.6), and these bytes are not; frame = { … } sends them all the same",
                    );
                }
                _ => true,
            },
            Some(("binary", _)) => false,
            Some((_, span)) => return fail(&span, "as is \"text\" or \"binary\""),
        };
        let fragments = table.value("fragments").map_or(Ok(Fragments::Usual), |value| fragments(&value))?;
        let url = table.value("url").map(|url| self.template(&url)).transpose()?;
        let mut headers = Vec::new();
        if let Some(value) = table.value("headers") {
            for (name, text) in value.members()? {
                let text =
                    Value { key: "headers", span: text.span(), key_at: name.span().start, value: text.get_ref() };
                headers.push((name.get_ref().clone().into_owned(), self.template(&text)?));
            }
        }
        let method = table.text("method")?.map_or_else(|| "POST".to_owned(), |(method, _)| method.to_owned());
        Ok(What::Send(Send { content, is_text, compress: table.flag("compress")?, fragments, method, url, headers }))
    }

    /// What a ping or a pong carries.
    pub(super) fn control(&mut self, value: &Value) -> Read<Content> {
        let content = match value.value {
            DeValue::String(_) => Content::Text(self.template(value)?),
            _ => self.content(&value.table(&CONTENT)?)?,
        };
        match &content {
            Content::Bytes(bytes, _) if bytes.len() > 125 => {
                value.fail("a ping or pong holds at most 125 bytes (RFC 6455 §5.5); frame = { … } sends more")
            }
            _ => Ok(content),
        }
    }

    pub(super) fn close(&mut self, value: &Value) -> Read<What> {
        if let DeValue::Integer(_) = value.value {
            return Ok(What::Close { code: Some(value.number(0..65536)? as u16), reason: Template::default() });
        }
        let table = value.table(&["code", "reason"])?;
        let code = table.number("code", 0..65536)?.map(|code| code as u16);
        let reason = table.value("reason").map(|reason| self.template(&reason)).transpose()?;
        match (&code, table.value("reason")) {
            (None, Some(reason)) => Err(Fault {
                at: reason.key_at,
                text: "a close reason needs a code before it (RFC 6455 §5.5.1)".to_owned(),
            }),
            _ => Ok(What::Close { code, reason: reason.unwrap_or_default() }),
        }
    }

    pub(super) fn frame(&mut self, value: &Value) -> Read<What> {
        let more = ["fin", "rsv1", "rsv2", "rsv3", "opcode", "mask", "length", "claim"];
        let allowed: Vec<&str> = CONTENT.iter().chain(&more).copied().collect();
        let table = value.table(&allowed)?;
        let opcode = match table.value("opcode") {
            None => 1,
            Some(value) => match value.value {
                DeValue::String(name) => match OPCODES.iter().find(|(known, _)| known == name) {
                    Some((_, opcode)) => *opcode,
                    None => {
                        return value.fail(format!(
                            "opcode is 0 to 15, or one of {}",
                            OPCODES.map(|(name, _)| name).join(", ")
                        ));
                    }
                },
                _ => value.number(0..16)?,
            },
        };
        let mask = match table.value("mask") {
            None => Mask::Random,
            Some(value) => match value.value {
                DeValue::Boolean(true) => Mask::Random,
                DeValue::Boolean(false) => Mask::None,
                DeValue::String(hex) => match u32::from_str_radix(hex, 16) {
                    Ok(key) if hex.len() == 8 => Mask::Key(key.to_be_bytes()),
                    _ => return value.fail("a masking key is 8 hexadecimal digits, such as \"37fa213d\""),
                },
                _ => return value.fail("mask is true, false, or a key such as \"37fa213d\""),
            },
        };
        let length_form = match table.text("length")? {
            None | Some(("minimal", _)) => LengthForm::Minimal,
            Some(("7", _)) => LengthForm::Bits7,
            Some(("16", _)) => LengthForm::Bits16,
            Some(("64", _)) => LengthForm::Bits64,
            Some((_, span)) => return fail(&span, "length is \"minimal\", \"7\", \"16\" or \"64\" (bits)"),
        };
        let has_content = !table.present(&CONTENT).is_empty();
        let content = if has_content { self.content(&table)? } else { Content::Text(Template::default()) };
        let rsv = [table.flag("rsv1")?, table.flag("rsv2")?, table.flag("rsv3")?].map(|flag| flag.unwrap_or(false));
        Ok(What::Frame(Frame {
            fin: table.flag("fin")?.unwrap_or(true),
            rsv,
            opcode: opcode as u8,
            mask,
            length_form,
            claimed_len: table.number("claim", 0..u64::MAX)?,
            content,
        }))
    }
}

fn fragments(value: &Value) -> Read<Fragments> {
    let DeValue::Array(list) = value.value else {
        return Ok(Fragments::Each(value.number(1..1 << 32)? as usize));
    };
    if list.len() > MOST_FRAGMENTS {
        return value.fail(format!("a message is sent in at most {MOST_FRAGMENTS} fragments by a list"));
    }
    let size = |item: &toml::Spanned<DeValue>| {
        let item = Value { key: "fragments", span: item.span(), key_at: item.span().start, value: item.get_ref() };
        Ok(item.number(0..1 << 32)? as usize)
    };
    Ok(Fragments::Sizes(list.iter().map(size).collect::<Read<_>>()?))
}
