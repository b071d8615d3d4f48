//! What a request, its connection and its server are, as text can mention it.

use super::flow::Try;
use super::machine::Machine;
use super::{Kind, content, credentials, own_url, proxy, real_address, referer, rewrite};
use crate::ir::policy::StatusPolicy;
use crate::ir::template::{Attribute, TimePart};

/// The bytes of an attribute. What cannot be known is empty, and taints the text it goes into.
pub fn value(machine: &mut Machine, attribute: &Attribute) -> Try<Vec<u8>> {
    let request = machine.request;
    Ok(match attribute {
        Attribute::RequestLine => request_line(machine),
        Attribute::RawTarget => machine.raw_target.clone(),
        Attribute::Path => machine.path.clone(),
        Attribute::Query => machine.query.clone().unwrap_or_default(),
        Attribute::QueryMark => mark(machine.query.as_ref().is_some_and(|query| !query.is_empty()), b"?"),
        Attribute::Argument(name) => argument(machine.query.as_deref().unwrap_or_default(), name).to_vec(),
        Attribute::Header(name) => header(machine, name),
        Attribute::HeaderVariable(name) => header_variable(machine, name),
        Attribute::Cookie(name) => cookie(machine, name),
        Attribute::Host => host(machine),
        Attribute::ServerName => own_url::server_name(machine),
        Attribute::Scheme => own_url::scheme(machine),
        Attribute::Encrypted(yes, no) => if request.encrypted { yes } else { no }.to_vec(),
        Attribute::ServerPort => own_url::server_port(machine).to_string().into_bytes(),
        Attribute::LocalPort => machine.port.to_string().into_bytes(),
        Attribute::LocalAddress => local_address(machine),
        Attribute::HostPort => machine.host_port.clone().unwrap_or_default(),
        Attribute::HostPortMark => mark(machine.host_port.as_ref().is_some_and(|port| !port.is_empty()), b":"),
        Attribute::RemoteAddress => {
            let address = machine.remote.clone();
            known(machine, address, "remote")
        }
        Attribute::ForwardedAddress(rule) => {
            let address = real_address::forwarded(machine, rule);
            known(machine, address, "remote")
        }
        Attribute::ForwardedFor => forwarded_for(machine),
        Attribute::RemotePort => known(machine, None, "remote-port"),
        Attribute::Method => machine.main_method.as_ref().unwrap_or(&machine.method).clone(),
        // A request inside a request has none (`ap_set_sub_req_protocol`).
        Attribute::Protocol if machine.around.is_some() => b"INCLUDED".to_vec(),
        Attribute::Protocol => [b"HTTP/", &*request.version].concat(),
        Attribute::Filename => content::file_name(machine)?,
        Attribute::PathInfo => machine.path_info.clone().unwrap_or_default(),
        Attribute::DocumentRoot => content::document_root(machine)?,
        Attribute::RemoteUser => remote_user(machine),
        Attribute::BasicUser => credentials::basic(machine).map(|(user, _)| user).unwrap_or_default(),
        Attribute::SecureLink => credentials::secure_link(machine)?,
        Attribute::SecureLinkExpires => credentials::secure_link_end(machine)?,
        Attribute::InvalidReferer => referer::is_invalid(machine)?,
        Attribute::ProxyHost => proxy::host_of(machine)?,
        Attribute::UpstreamStatus => {
            machine.upstream.as_ref().map(|answer| format!("{:03}", answer.status).into_bytes()).unwrap_or_default()
        }
        Attribute::UpstreamHeader(name) => upstream_header(machine, name),
        Attribute::Status => status(machine),
        Attribute::StatusSoFar => machine.status.or(machine.saved_status).unwrap_or(200).to_string().into_bytes(),
        Attribute::Time(part) => time(machine, *part),
        Attribute::Environment(name) => super::template::environment(machine, name),
        Attribute::SubRequest { url, attribute } => rewrite::look_ahead(machine, *url, attribute)?,
        Attribute::IsSubRequest(yes, no) => if machine.depth > 0 { yes } else { no }.to_vec(),
        Attribute::ResponseHeader(name) => response_header(machine, name),
        Attribute::Fixed(text) => text.to_vec(),
        Attribute::Unknown(name) => unknown(machine, name),
    })
}

/// What only the server knows. Without encryption nothing is known of it; a path that leads to no file has no owner.
fn unknown(machine: &mut Machine, name: &[u8]) -> Vec<u8> {
    let encrypted = machine.request.encrypted;
    match name.to_ascii_lowercase().as_slice() {
        lower if lower.starts_with(b"ssl:") && !encrypted => Vec::new(),
        b"ssl:https" => b"on".to_vec(),
        b"ssl:ssl_server_name" => machine.request.sni.as_deref().unwrap_or_default().to_vec(),
        b"ssl:ssl_session_reused" => b".".to_vec(),
        b"ssl:ssl_protocol" => {
            machine.recorder.assume("variable:SSL_PROTOCOL", "TLSv1.3");
            b"TLSv1.3".to_vec()
        }
        b"ssl:ssl_tls_sni" => machine.request.sni.as_deref().unwrap_or_default().to_vec(),
        // Handler and type are found out once the file is known and may be had.
        b"handler" | b"content_type" if !machine.flags.admitted => Vec::new(),
        b"handler" if machine.scope.settings.handler.is_none() => Vec::new(),
        b"content_type" if machine.found == Some(Kind::Directory) => b"httpd/unix-directory".to_vec(),
        b"last_modified" if machine.status.is_none() => b"19700101000000".to_vec(),
        b"request_log_id" | b"conn_log_id" => {
            machine.recorder.assume("log-id", "nothing was logged so far");
            Vec::new()
        }
        b"script_user" | b"script_group" if machine.found.is_none() => b"<unknown>".to_vec(),
        _ => known(machine, None, &format!("variable:{}", String::from_utf8_lossy(name))),
    }
}

fn mark(there: bool, mark: &[u8]) -> Vec<u8> {
    if there { mark.to_vec() } else { Vec::new() }
}

/// The value, or empty bytes that taint what they go into.
fn known(machine: &mut Machine, value: Option<Vec<u8>>, question: &str) -> Vec<u8> {
    value.unwrap_or_else(|| {
        machine.recorder.assume(question, "empty");
        machine.taint = Some(question.into());
        Vec::new()
    })
}

fn request_line(machine: &Machine) -> Vec<u8> {
    let request = machine.request;
    let mut line = [&*request.method, b" ", &*request.target].concat();
    if !request.version.is_empty() {
        line.extend_from_slice(b" HTTP/");
        line.extend_from_slice(&request.version);
    }
    line
}

/// The first value of an argument of a query: the name in any case, the value raw. No argument is nameless.
pub fn argument<'q>(query: &'q [u8], name: &[u8]) -> &'q [u8] {
    if name.is_empty() {
        return b"";
    }
    query
        .split(|&byte| byte == b'&')
        .filter_map(|pair| {
            let (have, value) = pair.split_at_checked(name.len())?;
            (have.eq_ignore_ascii_case(name)).then_some(value.strip_prefix(b"=")?)
        })
        .next()
        .unwrap_or_default()
}

/// A request header as httpd sees it: the lines that came are joined; of those it made itself the first counts.
pub fn header(machine: &Machine, name: &[u8]) -> Vec<u8> {
    match &machine.changed_headers {
        Some(_) => machine.header_lines(name).next().unwrap_or_default().to_vec(),
        None => joined(machine, name, b", "),
    }
}

/// Every line of a request header, joined.
fn joined(machine: &Machine, name: &[u8], separator: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = machine.header_lines(name).collect();
    lines.join(separator)
}

/// A header by the name of an nginx variable: lower case, dashes as underscores.
fn header_variable(machine: &Machine, name: &[u8]) -> Vec<u8> {
    let facts = &machine.program.facts;
    let is_it = |have: &[u8]| (facts.underscores_in_headers || !have.contains(&b'_')) && is_variable_of(have, name);
    let lines: Vec<&[u8]> =
        machine.headers().iter().filter(|(have, _)| is_it(have)).map(|(_, value)| &**value).collect();
    match name {
        b"cookie" => lines.join(&b"; "[..]),
        b"x_forwarded_for" => lines.join(&b", "[..]),
        _ if facts.join_headers => lines.join(&b", "[..]),
        _ => lines.first().map(|line| line.to_vec()).unwrap_or_default(),
    }
}

fn cookie(machine: &Machine, name: &[u8]) -> Vec<u8> {
    let comma = machine.program.facts.cookie_comma;
    machine.header_lines(b"cookie").find_map(|line| cookie_in(line, name, comma)).unwrap_or_default().to_vec()
}

/// The value of the first cookie of a name, which ends at a `;` (`ngx_http_parse_multi_header_lines`). `comma`: behind
/// a cookie of another name a comma will do.
fn cookie_in<'l>(line: &'l [u8], name: &[u8], comma: bool) -> Option<&'l [u8]> {
    let without_spaces = |text: &'l [u8]| text.get(text.iter().take_while(|&&byte| byte == b' ').count()..);
    let mut rest = line;
    while !rest.is_empty() {
        if let Some((have, behind)) = rest.split_at_checked(name.len())
            && have.eq_ignore_ascii_case(name)
        {
            match without_spaces(behind)? {
                [b'=', value @ ..] => return without_spaces(value)?.split(|&byte| byte == b';').next(),
                // The byte where the `=` should be is passed over, whatever it is.
                other => rest = other.get(1..)?,
            }
        }
        let end = rest.iter().position(|&byte| byte == b';' || (comma && byte == b','))?;
        rest = without_spaces(rest.get(end + 1..)?)?;
    }
    None
}

fn host(machine: &Machine) -> Vec<u8> {
    machine.host.clone().unwrap_or_else(|| machine.site.own.host.to_vec())
}

fn local_address(machine: &mut Machine) -> Vec<u8> {
    let local = machine.request.local.as_ref().map(|(address, _)| address.to_vec());
    known(machine, local, "local")
}

/// The status of the answer so far; a server whose error pages keep a status shows that one, and zeros before.
fn status(machine: &Machine) -> Vec<u8> {
    let status = match machine.program.facts.statuses {
        StatusPolicy::Closing => machine.saved_status.filter(|&status| status != 0).or(machine.status).or(Some(0)),
        StatusPolicy::Listed => machine.status,
    };
    status.map(|status| format!("{status:03}").into_bytes()).unwrap_or_default()
}

/// What came in `X-Forwarded-For`, and the client's address behind it.
fn forwarded_for(machine: &mut Machine) -> Vec<u8> {
    let mut all = joined(machine, b"x-forwarded-for", b", ");
    let address = machine.remote.clone();
    if !all.is_empty() {
        all.extend_from_slice(b", ");
    }
    all.extend(known(machine, address, "remote"));
    all
}

/// A header of the other server's answer: those of this name, lower case, dashes as underscores.
fn upstream_header(machine: &Machine, name: &[u8]) -> Vec<u8> {
    let Some(answer) = &machine.upstream else { return Vec::new() };
    let mut lines = answer.headers.iter().filter(|(have, _)| is_variable_of(have, name)).map(|(_, value)| &**value);
    match machine.program.facts.join_headers {
        true => lines.collect::<Vec<_>>().join(&b", "[..]),
        false => lines.next().unwrap_or_default().to_vec(),
    }
}

/// Whether a variable's name stands for a header: lower case, dashes as underscores.
fn is_variable_of(header: &[u8], name: &[u8]) -> bool {
    let folded = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    header.len() == name.len() && header.iter().zip(name).all(|(&a, &b)| folded(a) == b)
}

fn remote_user(machine: &mut Machine) -> Vec<u8> {
    if machine.header_lines(b"authorization").next().is_none() {
        return Vec::new();
    }
    known(machine, None, "user")
}

fn response_header(machine: &Machine, name: &[u8]) -> Vec<u8> {
    match name {
        b"location" => machine.location.clone().unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// A part of the request's time, in UTC where the zone of the server is not known.
fn time(machine: &mut Machine, part: TimePart) -> Vec<u8> {
    let Some(now) = machine.world.now() else { return known(machine, None, "time") };
    let (days, seconds) = (now.div_euclid(86_400), now.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    machine.recorder.assume("time-zone", "UTC");
    match part {
        TimePart::Stamp => format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
        TimePart::Year => format!("{year:04}"),
        TimePart::Month => format!("{month:02}"),
        TimePart::Day => format!("{day:02}"),
        TimePart::Hour => format!("{hour:02}"),
        TimePart::Minute => format!("{minute:02}"),
        TimePart::Second => format!("{second:02}"),
        TimePart::Weekday => format!("{}", (days + 4).rem_euclid(7)),
    }
    .into_bytes()
}

/// Days since 1970 as year, month, day of the Gregorian calendar.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_the_first_pair_of_its_name_with_an_equals_sign() {
        assert_eq!(argument(b"a&a=1&A=2", b"a"), b"1");
        assert_eq!(argument(b"xa=1", b"a"), b"");
        assert_eq!(argument(b"q=a%20b&c", b"Q"), b"a%20b");
    }

    #[test]
    fn a_cookie_ends_at_a_semicolon_and_others_at_a_comma_too() {
        assert_eq!(cookie_in(b"b=2, a=1,c=3; d=4", b"A", true), Some(&b"1,c=3"[..]));
        assert_eq!(cookie_in(b"b=2, a=1", b"a", false), None);
        assert_eq!(cookie_in(b"a;a=1; a = 2", b"a", true), Some(&b"2"[..]));
        assert_eq!(cookie_in(b"aa=1", b"a", true), None);
    }

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }
}
