//! What a server is called: `ServerName`, `ServerAlias`, and the settings that only a server has.

use crate::ir::Reach;
use crate::ir::pattern::Glob;
use crate::ir::site::{OwnName, SiteName};
use crate::lower::apache::context::Context;
use crate::lower::apache::flags::atoi;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::Refused;

/// What the lines of one server say beside their scope.
#[derive(Clone, Default)]
pub struct Names {
    /// The name it gives itself.
    pub own: OwnName,
    /// Whether that was written.
    pub has_name: bool,
    /// `ServerAlias`.
    pub aliases: Vec<Vec<u8>>,
    /// `DocumentRoot`.
    pub root: Option<Vec<u8>>,
    /// `SSLEngine`.
    pub encrypted: Option<bool>,
    /// `ServerPath`.
    pub path: Option<Vec<u8>>,
}

/// Reads them; a name that httpd refuses is refused.
pub fn names(context: &mut Context, lines: &[Line]) -> Names {
    let mut names = Names::default();
    for line in lines {
        let words = line.words(context.sources);
        let Some(first) = words.first().map(|word| word.value.to_vec()) else { continue };
        match &*line.name {
            b"servername" => {
                if first.iter().any(|byte| b"*?".contains(byte)) {
                    let shown = String::from_utf8_lossy(&first);
                    let message =
                        format!("Invalid ServerName \"{shown}\" use ServerAlias to set multiple server names.");
                    super::refuse(context, vec![Refused::at(line.rest, message)], Reach::Server);
                }
                match own_name(&first) {
                    Some(own) => (names.own, names.has_name) = (own, true),
                    None => {
                        let shown = String::from_utf8_lossy(&first);
                        let message =
                            format!("The port number \"{shown}\" is outside the appropriate range (i.e., 1..65535).");
                        super::refuse(context, vec![Refused::at(line.rest, message)], Reach::Server);
                    }
                }
            }
            b"serverpath" => names.path = Some(first),
            b"serveralias" => names.aliases.extend(words.iter().map(|word| word.value.to_vec())),
            b"documentroot" => names.root = Some(first),
            b"sslengine" => names.encrypted = Some(first.eq_ignore_ascii_case(b"on")),
            b"serveradmin" => context.admin = first.into(),
            b"rewritemap" => {}
            _ => {}
        }
    }
    names
}

/// Scheme, host and port of a `ServerName`; `None` where the port is none.
pub fn own_name(text: &[u8]) -> Option<OwnName> {
    let (scheme, rest) = match text.windows(3).position(|three| three == b"://") {
        Some(at) => (text.get(..at).map(<[u8]>::to_ascii_lowercase), text.get(at + 3..).unwrap_or_default()),
        None => (None, text),
    };
    let (host, port) = match memchr::memchr(b':', rest).and_then(|at| rest.split_at_checked(at)) {
        Some((host, port)) => {
            let port = u16::try_from(atoi(port.get(1..).unwrap_or_default())).ok();
            (host, port.filter(|port| *port != 0)?)
        }
        None => (rest, 0),
    };
    Some(OwnName { scheme: scheme.map(Into::into), host: host.into(), port })
}

/// The names that a request's host is held against.
pub fn site_names(names: &Names) -> Vec<SiteName> {
    let alias = |text: &Vec<u8>| match text.iter().any(|byte| b"*?".contains(byte)) {
        true => SiteName::Glob(Glob { text: text.as_slice().into(), path: false, ignore_case: true }),
        false => SiteName::Exact(text.to_ascii_lowercase().into()),
    };
    let own = names.has_name.then(|| SiteName::Exact(names.own.host.to_ascii_lowercase().into()));
    own.into_iter().chain(names.aliases.iter().map(alias)).collect()
}
