//! `redirlint trace`: what the server would answer, hop by hop, and which line decided it.

pub mod answers;
pub mod story;

use super::args::{BytesAs, Format, Scheme, Shared, TraceArgs};
use super::disk::Disk;
use super::input::{self, Loaded};
use super::{Exit, Stop};
use crate::eval::follow::{self, Journey, Limits};
use crate::eval::{Assumed, Kind, Request};
use crate::ir::{Reach, Refusal};
use std::io::{BufRead, Write};

/// Runs the command.
///
/// # Errors
/// A file that cannot be read, a request that makes no sense, or output that cannot be written.
pub fn run(args: &TraceArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let loaded = input::load_one(&args.path, &args.shared)?;
    let tracer = Tracer { args, loaded: &loaded, disk: Disk::new(loaded.options.real_files, assumed(&args.assume)?) };
    match &args.requests {
        Some(path) if path.as_os_str() == "-" => tracer.batch(&mut std::io::stdin().lock(), out)?,
        Some(path) => {
            let open = std::fs::File::open(path);
            let file = open.map_err(|error| Stop::Told(format!("cannot read `{}`: {error}", path.display())))?;
            tracer.batch(&mut std::io::BufReader::new(file), out)?;
        }
        None => tracer.tell(tracer.typed()?, out)?,
    }
    let refused = tracer.refusal().is_some() && args.requests.is_none();
    Ok(if refused { Exit::Findings } else { Exit::Clean })
}

struct Tracer<'a> {
    args: &'a TraceArgs,
    loaded: &'a Loaded,
    disk: Disk,
}

impl Tracer<'_> {
    fn refusal(&self) -> Option<&Refusal> {
        self.loaded.lowered.program.refusals.iter().find(|refusal| refusal.reach == Reach::Server)
    }

    fn batch(&self, lines: &mut dyn BufRead, out: &mut dyn Write) -> Result<(), Stop> {
        let mut line = Vec::new();
        let mut number = 0usize;
        while lines.read_until(b'\n', &mut line)? > 0 {
            number += 1;
            if !line.trim_ascii().is_empty() {
                let ask = answers::Ask::read(&line, self.args.bytes);
                let request = ask.and_then(|ask| ask.request(self.args.bytes, &|url| self.absolute(url)));
                let request = request.map_err(|why| Stop::Told(format!("request on line {number}: {why}")))?;
                self.tell(request, out)?;
            }
            line.clear();
        }
        Ok(())
    }

    fn tell(&self, request: Request, out: &mut dyn Write) -> Result<(), Stop> {
        // Many requests are answered as one JSON object a line, whatever the format.
        let machine = self.args.format == Format::Json || self.args.requests.is_some();
        if let Some(refusal) = self.refusal() {
            let told = if machine {
                answers::refused(self.loaded, refusal, out)
            } else {
                story::refused(self.loaded, refusal, out)
            };
            return Ok(told?);
        }
        let journey = self.journey(request);
        let told = if machine {
            answers::write(self.loaded, &journey, self.args.bytes, out)
        } else {
            story::write(self.loaded, &journey, self.args.shared.verbose > 0, out)
        };
        Ok(told?)
    }

    fn journey(&self, request: Request) -> Journey {
        let program = &self.loaded.lowered.program;
        let redirects = self.args.max_hops.unwrap_or(self.args.client.redirects());
        let single_json = self.args.format == Format::Json && self.args.requests.is_none();
        let limits = Limits { redirects, explain: self.args.shared.verbose > 0 || single_json };
        if self.args.no_follow {
            follow::single(program, &self.disk, request, limits)
        } else {
            follow::follow(program, &self.disk, request, limits)
        }
    }

    fn absolute(&self, url: &[u8]) -> Vec<u8> {
        absolute(&self.args.shared, url)
    }

    fn typed(&self) -> Result<Request, Stop> {
        let told = |why: String| Stop::Told(why);
        let bytes = |text: &str| answers::to_bytes(text, self.args.bytes).map_err(told);
        let url = self.absolute(&bytes(self.args.url.as_deref().unwrap_or("/"))?);
        let mut request = follow::request_for(&url).ok_or_else(|| told("the URL has no host".to_owned()))?;
        request.method = self.args.method.as_bytes().into();
        request.remote = self.args.remote_addr.as_ref().map(|address| address.as_bytes().into());
        for header in &self.args.headers {
            let split = header.split_once(':');
            let (name, value) =
                split.ok_or_else(|| told(format!("`{header}` is no header: write it as `Name: value`")))?;
            if name.eq_ignore_ascii_case("host") {
                request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
            }
            request.headers.push((name.as_bytes().into(), bytes(value.trim())?.into()));
        }
        Ok(request)
    }
}

/// The URL, absolute: a path belongs to the host and scheme of the flags.
pub fn absolute(shared: &Shared, url: &[u8]) -> Vec<u8> {
    if follow::request_for(url).is_some() {
        return url.to_vec();
    }
    let scheme = if shared.scheme == Some(Scheme::Https) { "https://" } else { "http://" };
    let host = shared.host.as_deref().unwrap_or("localhost");
    [scheme.as_bytes(), host.as_bytes(), url].concat()
}

/// What `file:/x` and `dir:/x` say of the world.
///
/// # Errors
/// A text that is neither.
pub fn assumed(given: &[String]) -> Result<Assumed, Stop> {
    let mut assumed = Assumed::default();
    for text in given {
        let (kind, path) = match text.split_once(':') {
            Some(("file", path)) => (Kind::File, path),
            Some(("dir", path)) => (Kind::Directory, path),
            _ => return Err(Stop::Told(format!("`{text}` is nothing to assume: write `file:/path` or `dir:/path`"))),
        };
        assumed.paths.insert(path.as_bytes().to_vec(), kind);
    }
    Ok(assumed)
}

/// Bytes as a string of the JSON.
pub fn text(bytes: &[u8], how: BytesAs) -> std::borrow::Cow<'_, str> {
    match how {
        BytesAs::Utf8 => String::from_utf8_lossy(bytes),
        BytesAs::Latin1 if bytes.is_ascii() => String::from_utf8_lossy(bytes),
        BytesAs::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}
