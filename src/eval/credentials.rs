//! What a client says about itself: a user with a password, a signature in its URL.

use super::access::Verdict;
use super::content;
use super::flow::{Fail, Reply, Try};
use super::machine::Machine;
use super::template;
use crate::ir::Bytes;
use crate::ir::access::{Login, SecureLink};
use crate::source::Span;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::{Digest, Md5};

/// How base64 is read: what is left over at the end does not matter, nor does padding.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The bytes up to the first `=`.
fn decode(alphabet: &Alphabet, text: &[u8]) -> Option<Vec<u8>> {
    let text = text.split(|&byte| byte == b'=').next().unwrap_or(text);
    GeneralPurpose::new(alphabet, LENIENT).decode(text).ok()
}

/// User and password of the request's Basic credentials.
pub fn basic(machine: &Machine) -> Option<(Vec<u8>, Vec<u8>)> {
    let line = machine.header_lines(b"authorization").next()?;
    let (scheme, encoded) = line.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = decode(&STANDARD, encoded.trim_ascii())?;
    let at = memchr::memchr(b':', &decoded)?;
    Some((decoded.get(..at)?.to_vec(), decoded.get(at + 1..)?.to_vec()))
}

/// Holds the credentials against a file of users.
///
/// # Errors
/// 403 where the file does not exist, 500 where it cannot be read, unknown where it is not known or the password
/// is written in a way that is not modelled.
pub fn check(machine: &mut Machine, login: &Login) -> Try<Verdict> {
    let Some(file) = &login.file else { return Ok(Verdict::Silent) };
    if template::render(machine, &login.realm)? == b"off" {
        return Ok(Verdict::Silent);
    }
    let span = Some(login.span);
    let refused = || Ok(Verdict::Refuses(Reply::bare(401, span).into()));
    let Some((user, password)) = basic(machine) else { return refused() };
    let file = template::render(machine, file)?;
    let file = content::full_name(machine, file);
    let lines = match (machine.world.stat(&file), machine.world.read(&file)) {
        (Some(None), _) => return Err(Fail::Status(403, span)),
        (Some(Some(found)), _) if found.kind == super::Kind::Directory => return Err(Fail::Status(500, span)),
        (_, Some(lines)) => lines,
        (_, None) => return Err(Fail::Unknown(span, "whether the credentials are right".to_owned())),
    };
    let Some(written) = password_of(&lines, &user) else { return refused() };
    match written.strip_prefix(b"{PLAIN}") {
        Some(plain) if plain == password => Ok(Verdict::Allows),
        Some(_) => refused(),
        None => Err(Fail::Unknown(span, "whether the password is right".to_owned())),
    }
}

/// Whether the client has proved to be one of the users named, or any where none is (modules/aaa/mod_auth_basic.c,
/// mod_authn_file.c).
///
/// # Errors
/// 401 where it has to say who it is, 500 where nothing says how, unknown where it depends on a password.
pub fn is_user(machine: &Machine, names: &[Bytes], span: Span) -> Try<bool> {
    let answer = |status| Err(Fail::Status(status, Some(span)));
    let settings = &machine.scope.settings;
    match settings.auth_type.as_deref().map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"none") => return answer(500),
        Some(b"basic") if settings.realm.is_none() => return answer(500),
        Some(b"basic") => {}
        Some(_) => return Err(Fail::Unknown(Some(span), "whether the client is logged in".to_owned())),
    }
    let Some((user, _)) = basic(machine) else { return answer(401) };
    let Some(file) = &settings.user_file else { return answer(500) };
    let file = content::full_name(machine, file.to_vec());
    match (machine.world.stat(&file), machine.world.read(&file)) {
        (Some(None), _) => answer(500),
        (_, Some(lines)) if password_of(&lines, &user).is_none() => answer(401),
        _ if names.is_empty() || names.iter().any(|name| **name == *user) => {
            Err(Fail::Unknown(Some(span), "whether the password is right".to_owned()))
        }
        // With the right password it would be the wrong user, which is asked for again.
        _ => answer(401),
    }
}

/// What a file of `user:password[:comment]` lines has for a user.
fn password_of<'f>(lines: &'f [u8], user: &[u8]) -> Option<&'f [u8]> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"#"));
    let mut theirs = lines.filter_map(|line| line.strip_prefix(user)?.strip_prefix(b":"));
    let rest = theirs.next()?;
    rest.split(|&byte| byte == b':' || byte == b'\r').next()
}

/// The value of `$secure_link` in the scope in force: empty for a wrong signature.
///
/// # Errors
/// Where the link has an end: whether that has come depends on when it is followed.
pub fn secure_link(machine: &mut Machine) -> Try<Vec<u8>> {
    let Some(rule) = machine.scope.settings.secure_link.clone() else { return Ok(Vec::new()) };
    match &*rule {
        SecureLink::Secret(secret) => Ok(by_secret(machine, secret).unwrap_or_default()),
        SecureLink::Sum { made_of, .. } => {
            let Some((sum, end)) = given(machine)? else { return Ok(Vec::new()) };
            let Some(sum) = decode(&URL_SAFE, &sum).filter(|_| sum.len() <= 24) else { return Ok(Vec::new()) };
            let right = Md5::digest(template::render(machine, made_of)?);
            match end {
                _ if sum != right.as_slice() => Ok(Vec::new()),
                None => Ok(b"1".to_vec()),
                Some(_) => Err(Fail::Unknown(machine.scope.span, "whether the signed link is still good".to_owned())),
            }
        }
    }
}

/// The end that a signature names, right or wrong.
///
/// # Errors
/// Where a text cannot be made.
pub fn secure_link_end(machine: &mut Machine) -> Try<Vec<u8>> {
    Ok(given(machine)?.and_then(|(_, end)| end).unwrap_or_default())
}

/// Checksum and end as the client gives them; `None` where the end is no time.
fn given(machine: &mut Machine) -> Try<Option<(Vec<u8>, Option<Vec<u8>>)>> {
    let Some(rule) = machine.scope.settings.secure_link.clone() else { return Ok(None) };
    let SecureLink::Sum { given, .. } = &*rule else { return Ok(None) };
    let text = template::render(machine, given)?;
    let (sum, end) = match memchr::memchr(b',', &text).and_then(|at| text.split_at_checked(at)) {
        Some((sum, end)) => (sum, end.get(1..)),
        None => (&*text, None),
    };
    let is_time = |end: &[u8]| end.iter().all(u8::is_ascii_digit) && end.iter().any(|&digit| digit != b'0');
    Ok(end.is_none_or(is_time).then(|| (sum.to_vec(), end.map(<[u8]>::to_vec))))
}

/// `/prefix/checksum/link`: the link, where the checksum is right.
fn by_secret(machine: &Machine, secret: &[u8]) -> Option<Vec<u8>> {
    let mut pieces = machine.raw_target.get(1..)?.splitn(3, |&byte| byte == b'/');
    let (_, sum, link) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let right = Md5::digest([link, secret].concat());
    let written: String = right.iter().map(|byte| format!("{byte:02x}")).collect();
    sum.eq_ignore_ascii_case(written.as_bytes()).then(|| link.to_vec())
}
