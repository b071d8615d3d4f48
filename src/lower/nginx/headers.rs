//! Response headers: `add_header`, `expires`, and `more_set_headers` of the well-known third-party module.

use super::context::Context;
use super::load::Node;
use super::settings::Level;
use super::units::seconds;
use super::variables::Captures;
use crate::ir::Bytes;
use crate::ir::scope::{HeaderAction, HeaderRule};
use crate::ir::template::Template;
use std::sync::Arc;

impl Context {
    /// `add_header`.
    pub fn add_header(&mut self, level: &mut Level, node: Node) {
        let (Some(name), Some(value)) = (node.arg(0), node.arg(1)) else { return };
        let always = match node.arg(2) {
            None => false,
            Some(b"always") => true,
            Some(other) => {
                let shown = String::from_utf8_lossy(other);
                return self.refuse(node.arg_span(2), format!("invalid parameter \"{shown}\""));
            }
        };
        let value = self.template(value, Captures::Raw, node.arg_span(1));
        level.headers.push(header(node, HeaderAction::Add, name.into(), value, always));
    }

    /// `more_set_headers` and `more_clear_headers`.
    pub fn more_headers(&mut self, level: &mut Level, node: Node) {
        let clears = node.name() == b"more_clear_headers";
        let mut words = (0..node.words().len()).filter_map(|at| Some((node.arg(at)?, node.arg_span(at))));
        while let Some((word, span)) = words.next() {
            if matches!(word, b"-s" | b"-t") {
                words.next();
                continue;
            }
            if word.starts_with(b"-") {
                continue;
            }
            let (name, value) = match memchr::memchr(b':', word).filter(|_| !clears) {
                Some(at) => (word.get(..at), word.get(at + 1..)),
                None => (Some(word), None),
            };
            let value = value.unwrap_or_default().trim_ascii_start();
            let action = if value.is_empty() { HeaderAction::Unset } else { HeaderAction::Set };
            let value = self.template(value, Captures::Raw, span);
            let name = name.unwrap_or_default().trim_ascii();
            level.more.push(header(node, action, name.into(), value, true));
        }
    }

    /// `expires`: the `Cache-Control` that it makes; `Expires` says the same again.
    pub fn expires(&mut self, level: &mut Level, node: Node) {
        let last = node.words().len().saturating_sub(1);
        let value = node.arg(last).unwrap_or_default();
        let made = if value.contains(&b'$') {
            // The value comes with the request; what mentions a variable that there is not is refused.
            self.template(value, Captures::Raw, node.arg_span(last));
            Ok(None)
        } else if last > 0 && node.arg(0) != Some(b"modified") {
            Err("invalid value")
        } else {
            cache_control(value, last > 0)
        };
        match made {
            Ok(text) => {
                let header = |text| header(node, HeaderAction::Add, b"Cache-Control"[..].into(), text, false);
                level.expires = Some(text.map(Template::literal).map(header).into_iter().collect());
            }
            Err(why) => self.refuse(node.arg_span(last), format!("\"expires\" directive {why}")),
        }
    }
}

/// What an `expires` makes of `Cache-Control`; `None` where that is nothing, or depends on the time
/// (`ngx_http_parse_expires`).
fn cache_control(value: &[u8], modified: bool) -> Result<Option<Vec<u8>>, &'static str> {
    let max_age = |seconds: u64| Some(format!("max-age={seconds}").into_bytes());
    match value {
        b"off" if !modified => return Ok(None),
        b"max" if !modified => return Ok(max_age(315_360_000)),
        b"epoch" if !modified => return Ok(Some(b"no-cache".to_vec())),
        _ => {}
    }
    let (sign, time) = match value {
        [sign @ (b'@' | b'+' | b'-'), time @ ..] => (*sign, time),
        time => (b'+', time),
    };
    match (sign, seconds(time)) {
        (b'@', _) if modified => Err("daily time cannot be used with \"modified\" parameter"),
        (_, None) => Err("invalid value"),
        (b'@', Some(86_401..)) => Err("daily time value must be less than 24 hours"),
        (b'@', Some(_)) => Ok(None),
        (b'-', Some(_)) => Ok(Some(b"no-cache".to_vec())),
        (_, Some(_)) if modified => Ok(None),
        (_, Some(seconds)) => Ok(max_age(seconds)),
    }
}

fn header(node: Node, action: HeaderAction, name: Bytes, value: Template, always: bool) -> Arc<HeaderRule> {
    let span = node.head();
    Arc::new(HeaderRule { span, action, name, value, pattern: None, always, condition: None, early: false })
}
