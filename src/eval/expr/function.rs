//! The functions of expressions. They work on C strings: a result ends at its first NUL.

use crate::eval::flow::{Fail, Try};
use crate::eval::machine::Machine;
use crate::eval::{Kind, attribute, escape, table, template};
use crate::ir::VarId;
use crate::ir::expr::Function;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use md5::{Digest, Md5};
use sha1::Sha1;

/// Without padding, and whatever the bits behind the last byte are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The value of a function.
///
/// # Errors
/// Where it is not modelled, or depends on a file that is not known.
pub fn call(machine: &mut Machine, function: Function, argument: Vec<u8>) -> Try<Vec<u8>> {
    Ok(match function {
        Function::RequestHeader => attribute::header(machine, &argument),
        Function::Environment => match variable(machine, &argument) {
            Some(id) => template::variable(machine, id)?,
            None => template::environment(machine, &argument.into()),
        },
        Function::RequestVariable => {
            let set = variable(machine, &argument).and_then(|id| machine.variable(id));
            set.and_then(|value| value.bytes.clone()).unwrap_or_default()
        }
        Function::ProcessVariable => template::environment(machine, &argument.into()),
        // Nothing leaves notes before a redirect is decided.
        Function::Note => Vec::new(),
        // Nothing stands in the answer before it is decided.
        Function::ResponseHeader if machine.status.is_none() && machine.added_headers.is_empty() => Vec::new(),
        Function::ResponseHeader => return unknown("resp"),
        Function::ToLower => argument.to_ascii_lowercase(),
        Function::ToUpper => argument.to_ascii_uppercase(),
        Function::Escape => escape::path(&argument),
        Function::Unescape => unescape(&argument),
        Function::Base64 => STANDARD.encode(&argument).into_bytes(),
        Function::Unbase64 => unbase64(&argument),
        Function::Md5 => hex(&Md5::digest(&argument)),
        Function::Sha1 => hex(&Sha1::digest(&argument)),
        Function::Ldap => return unknown("ldap"),
        Function::FileContent => match machine.world.read(&argument) {
            Some(content) => content,
            None => return unknown("file"),
        },
        Function::FileSize => match machine.world.stat(&argument) {
            Some(found) => {
                let size = found.filter(|found| found.kind == Kind::File).map_or(0, |found| found.size);
                size.to_string().into_bytes()
            }
            None => return unknown("filesize"),
        },
    })
}

fn unknown(what: &str) -> Try<Vec<u8>> {
    Err(Fail::Unknown(None, format!("the function `{what}`")))
}

fn variable(machine: &Machine, name: &[u8]) -> Option<VarId> {
    let at = machine.program.variables.iter().position(|variable| variable.name.eq_ignore_ascii_case(name))?;
    Some(VarId(at as u32))
}

/// Nothing where an escape is none or stands for NUL; an escaped slash stays escaped (`ap_unescape_url_keep2f`).
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut parts = text.split(|&byte| byte == b'%');
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        match part.split_at_checked(2) {
            Some((b"2f" | b"2F", _)) => out.extend([b"%", part].concat()),
            Some((digits, rest)) => match *table::unescape(&[b"%", digits].concat()) {
                [0] => return Vec::new(),
                [byte] => {
                    out.push(byte);
                    out.extend_from_slice(rest);
                }
                _ => return Vec::new(),
            },
            None => return Vec::new(),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// Decodes up to the first byte that Base64 does not know; what is left of a group counts as far as it goes.
fn unbase64(text: &[u8]) -> Vec<u8> {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let length = text.iter().take_while(|byte| known(byte)).count();
    let whole = if length % 4 == 1 { length - 1 } else { length };
    let decoded = LENIENT.decode(text.get(..whole).unwrap_or_default()).unwrap_or_default();
    decoded.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_as_far_as_it_goes() {
        assert_eq!(unbase64(b"Zm9vMg=="), b"foo2");
        assert_eq!(unbase64(b"Zm9vMg"), b"foo2");
        assert_eq!(unbase64(b"Zm9v Mg=="), b"foo");
        assert_eq!(unbase64(b"%%%"), b"");
        assert_eq!(unbase64(b"Z"), b"");
    }

    #[test]
    fn an_escaped_slash_stays_and_a_broken_escape_takes_everything_away() {
        assert_eq!(unescape(b"a%20b%2f"), b"a b%2f");
        assert_eq!(unescape(b"%zz"), b"");
        assert_eq!(unescape(b"a%4"), b"");
        assert_eq!(unescape(b"a%00b"), b"");
    }
}
