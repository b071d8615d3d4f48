//! Requests and answers as JSON. The fields are a promise to the outside.

use super::super::args::BytesAs;
use super::super::input::Loaded;
use super::text;
use crate::eval::follow::{self, Hop, Journey};
use crate::eval::{Request, Served};
use crate::ir::Refusal;
use crate::source::{Sources, Span};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::Write;

/// One line of `--requests`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    #[serde(default)]
    method: Option<String>,
    url: Option<String>,
    target: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    scheme: Option<String>,
    local: Option<(String, u16)>,
    remote: Option<String>,
    version: Option<String>,
    sni: Option<String>,
}

impl Ask {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(line: &[u8], _how: BytesAs) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| error.to_string())
    }

    /// The request; `absolute` puts a host in front of a URL that has none.
    ///
    /// # Errors
    /// Neither `url` nor `target`, or a character that is no byte.
    pub fn request(self, how: BytesAs, absolute: &dyn Fn(&[u8]) -> Vec<u8>) -> Result<Request, String> {
        let bytes = |text: &str| to_bytes(text, how).map(Vec::into_boxed_slice);
        let headers = self.headers.iter().map(|(name, value)| Ok((bytes(name)?, bytes(value)?)));
        let mut headers = headers.collect::<Result<Vec<_>, String>>()?;
        let encrypted = self.scheme.as_deref() == Some("https");
        let mut request = match (&self.target, &self.url) {
            (Some(target), _) => Request {
                method: b"GET"[..].into(),
                target: bytes(target)?,
                version: b"1.1"[..].into(),
                headers: Vec::new(),
                encrypted,
                local: None,
                remote: None,
                sni: None,
            },
            (None, Some(url)) => follow::request_for(&absolute(&bytes(url)?)).ok_or("the URL has no host")?,
            (None, None) => return Err("it has neither `url` nor `target`".to_owned()),
        };
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
            request.headers.clear();
        }
        request.headers.append(&mut headers);
        if let Some(method) = &self.method {
            request.method = bytes(method)?;
        }
        if let Some(version) = &self.version {
            request.version = bytes(version)?;
        }
        request.local = self.local.map(|(address, port)| (address.into_bytes().into(), port));
        request.remote = self.remote.map(|address| address.into_bytes().into());
        request.sni = self.sni.map(|name| name.into_bytes().into());
        Ok(request)
    }
}

/// A string of the JSON or the command line as bytes.
///
/// # Errors
/// A character above U+00FF where strings are Latin-1.
pub fn to_bytes(text: &str, how: BytesAs) -> Result<Vec<u8>, String> {
    if how == BytesAs::Utf8 || text.is_ascii() {
        return Ok(text.as_bytes().to_vec());
    }
    let byte = |letter: char| u8::try_from(u32::from(letter)).map_err(|_| format!("`{letter}` is no byte in Latin-1"));
    text.chars().map(byte).collect()
}

#[derive(Serialize)]
struct Answered<'a> {
    version: u8,
    outcome: follow::End,
    hops: Vec<OneHop<'a>>,
}

#[derive(Serialize)]
struct OneHop<'a> {
    request: Asked<'a>,
    response: Response<'a>,
    cause: Option<Cause<'a>>,
    steps: Vec<OneStep<'a>>,
    assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<&'a str>,
}

#[derive(Serialize)]
struct Asked<'a> {
    method: Cow<'a, str>,
    url: Cow<'a, str>,
}

#[derive(Serialize)]
struct Response<'a> {
    status: Option<u16>,
    location: Option<Cow<'a, str>>,
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    served: Option<End<'a>>,
}

#[derive(Serialize)]
struct End<'a> {
    uri: Cow<'a, str>,
    query: Option<Cow<'a, str>>,
    file: Option<Cow<'a, str>>,
    path_info: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Cause<'a> {
    file: Cow<'a, str>,
    line: usize,
    column: usize,
    directive: Cow<'a, str>,
}

#[derive(Serialize)]
struct OneStep<'a> {
    file: Cow<'a, str>,
    line: usize,
    text: Cow<'a, str>,
    effect: &'a str,
}

/// Writes a journey as one line.
///
/// # Errors
/// Output that cannot be written.
pub fn write(loaded: &Loaded, journey: &Journey, how: BytesAs, out: &mut dyn Write) -> std::io::Result<()> {
    let hops = journey.hops.iter().map(|hop| one_hop(&loaded.sources, hop, how)).collect();
    line(&Answered { version: 1, outcome: journey.end, hops }, out)
}

/// Writes what there is to say of a configuration that the server would refuse.
///
/// # Errors
/// Output that cannot be written.
pub fn refused(loaded: &Loaded, refusal: &Refusal, out: &mut dyn Write) -> std::io::Result<()> {
    let at = cause(&loaded.sources, refusal.span);
    let error = serde_json::json!({"message": refusal.message, "file": at.file, "line": at.line, "column": at.column});
    line(&serde_json::json!({"version": 1, "outcome": "config-error", "hops": [], "error": error}), out)
}

fn line(value: &impl Serialize, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", crate::report::shown::json(&serde_json::to_string(value)?))
}

fn one_hop<'a>(sources: &'a Sources, hop: &'a Hop, how: BytesAs) -> OneHop<'a> {
    let answer = &hop.answer;
    let header = |(name, value): &'a (crate::ir::Bytes, crate::ir::Bytes)| (text(name, how), text(value, how));
    let step = |step: &'a crate::eval::Step| {
        let at = cause(sources, step.span);
        OneStep { file: at.file, line: at.line, text: at.directive, effect: &step.effect }
    };
    OneHop {
        request: Asked { method: text(&hop.request.method, how), url: text(&hop.url, how) },
        response: Response {
            status: answer.status,
            location: answer.location.as_deref().map(|location| text(location, how)),
            headers: answer.headers.iter().map(header).collect(),
            served: answer.served.as_ref().map(|served| end(served, how)),
        },
        cause: answer.cause.map(|span| cause(sources, span)),
        steps: answer.steps.iter().map(step).collect(),
        assumptions: answer.assumptions.iter().map(|one| format!("{}: {}", one.question, one.assumed)).collect(),
        unknown: answer.unknown.as_ref().map(|(_, why)| &**why),
    }
}

fn end(served: &Served, how: BytesAs) -> End<'_> {
    let maybe =
        |bytes: &'_ Option<crate::ir::Bytes>| bytes.as_deref().map(|bytes| text(bytes, how).into_owned().into());
    End {
        uri: text(&served.uri, how),
        query: maybe(&served.query),
        file: maybe(&served.file),
        path_info: maybe(&served.path_info),
    }
}

fn cause(sources: &Sources, span: Span) -> Cause<'_> {
    let place = sources.position(span);
    Cause {
        file: sources.file(span.file).path().to_string_lossy(),
        line: place.line,
        column: place.column,
        directive: String::from_utf8_lossy(first_line(sources.text(span))),
    }
}

/// The first line of a directive: a block's header says enough.
pub fn first_line(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end()
}
