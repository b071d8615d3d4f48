//! Expressions (`ap_expr`, server/util_expr_eval.c).

use super::flow::{Fail, Try};
use super::machine::Machine;
use super::{attribute, condition, escape, matching, table, template};
use crate::ir::clause::Store;
use crate::ir::expr::{Expr, Function, GlobKind};
use crate::ir::pattern::Glob;

/// Whether an expression is true.
///
/// # Errors
/// Where it depends on something that is not modelled.
pub fn holds(machine: &mut Machine, expression: &Expr) -> Try<bool> {
    machine.captures.of_mut(Store::Expression).clear();
    let held = truth(machine, expression)?;
    match machine.taint.take() {
        Some(taint) => Err(Fail::Unknown(None, taint.to_string())),
        None => Ok(held),
    }
}

fn truth(machine: &mut Machine, expression: &Expr) -> Try<bool> {
    Ok(match expression {
        Expr::Bool(value) => *value,
        Expr::Not(inner) => !truth(machine, inner)?,
        Expr::And(left, right) => truth(machine, left)? && truth(machine, right)?,
        Expr::Or(left, right) => truth(machine, left)? || truth(machine, right)?,
        Expr::Strings(left, order, right) => {
            condition::ordered(*order, text(machine, left)?.cmp(&text(machine, right)?))
        }
        Expr::Integers(left, order, right) => {
            let left = condition::leading_integer(&text(machine, left)?);
            let right = condition::leading_integer(&text(machine, right)?);
            condition::ordered(*order, left.cmp(&right))
        }
        Expr::Match(left, regex, negated) => {
            let subject = text(machine, left)?;
            let found = matching::search(machine, regex, &subject, None)?;
            let matched = found.is_some();
            if regex.compiled().is_ok_and(|code| code.group_count() > 0) {
                match found {
                    Some(found) => matching::set(machine, Store::Expression, &subject, found),
                    None => machine.captures.of_mut(Store::Expression).clear(),
                }
            }
            matched != *negated
        }
        Expr::In(left, list) => {
            let left = text(machine, left)?;
            for word in list {
                if text(machine, word)? == left {
                    return Ok(true);
                }
            }
            false
        }
        Expr::File(test, path) => {
            let path = text(machine, path)?;
            condition::file_test(machine, *test, &path)?
        }
        Expr::NonEmpty(word, wanted) => text(machine, word)?.is_empty() != *wanted,
        Expr::Truthy(word) => {
            let word = text(machine, word)?.to_ascii_lowercase();
            !matches!(word.as_slice(), b"" | b"0" | b"off" | b"false" | b"no")
        }
        Expr::IpMatch(address, network) => {
            let address = text(machine, address)?;
            in_network(&address, network)
        }
        Expr::Glob(left, right, kind) => {
            let (left, right) = (text(machine, left)?, text(machine, right)?);
            let (path, ignore_case) = (*kind == GlobKind::Path, *kind == GlobKind::TextNoCase);
            matching::glob_matches(&Glob { text: right.into(), path, ignore_case }, &left)
        }
        word => !text(machine, word)?.is_empty(),
    })
}

/// Whether an address lies in a network: an address, `address/bits`, `address/mask`, or the first octets of one.
fn in_network(address: &[u8], network: &[u8]) -> bool {
    let (Ok(address), Ok(network)) = (std::str::from_utf8(address), std::str::from_utf8(network)) else { return false };
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    if let Ok(net) = network.parse::<ipnet::IpNet>() {
        return net.contains(&address);
    }
    if let Ok(one) = network.parse::<std::net::IpAddr>() {
        return one == address;
    }
    if let Some((base, mask)) = network.split_once('/')
        && let (Ok(base), Ok(mask)) = (base.parse::<std::net::Ipv4Addr>(), mask.parse::<std::net::Ipv4Addr>())
        && let std::net::IpAddr::V4(address) = address
    {
        return u32::from(address) & u32::from(mask) == u32::from(base) & u32::from(mask);
    }
    let start = network.trim_end_matches('.');
    address.to_string().strip_prefix(start).is_some_and(|rest| rest.starts_with('.'))
}

/// The text of a word expression.
///
/// # Errors
/// Where it depends on something that is not modelled.
pub fn text(machine: &mut Machine, expression: &Expr) -> Try<Vec<u8>> {
    Ok(match expression {
        Expr::Literal(bytes) => bytes.to_vec(),
        Expr::Attribute(attribute) => attribute::value(machine, attribute)?,
        Expr::Variable(id) => template::variable(machine, *id)?,
        Expr::Capture(group) => machine.captures.of(Store::Expression).group(usize::from(*group)).to_vec(),
        Expr::Concat(words) => {
            let mut out = Vec::new();
            for word in words {
                out.extend(text(machine, word)?);
            }
            out
        }
        Expr::Function(function, argument) => {
            let argument = text(machine, argument)?;
            call(machine, *function, argument)?
        }
        Expr::Template(template) => template::render(machine, template)?,
        condition => if truth(machine, condition)? { &b"true"[..] } else { b"false" }.to_vec(),
    })
}

fn call(machine: &mut Machine, function: Function, argument: Vec<u8>) -> Try<Vec<u8>> {
    let unknown = |what: &str| Err(Fail::Unknown(None, format!("the function `{what}`")));
    Ok(match function {
        Function::RequestHeader => {
            let lines: Vec<&[u8]> = machine.header_lines(&argument).collect();
            lines.join(&b", "[..])
        }
        Function::Environment => {
            let at = machine.program.variables.iter().position(|variable| *variable.name == *argument);
            match at {
                Some(at) => template::variable(machine, crate::ir::VarId(at as u32))?,
                None => template::environment(machine, &argument.into()),
            }
        }
        Function::ToLower => argument.to_ascii_lowercase(),
        Function::ToUpper => argument.to_ascii_uppercase(),
        Function::Escape => escape::path(&argument),
        Function::Unescape => table::unescape(&argument),
        Function::FileContent => match machine.world.read(&argument) {
            Some(content) => content,
            None => return unknown("file"),
        },
        Function::FileSize => match machine.world.stat(&argument) {
            Some(found) => found.map_or(0, |found| found.size).to_string().into_bytes(),
            None => return unknown("filesize"),
        },
        Function::ResponseHeader => return unknown("resp"),
        Function::Base64 => return unknown("base64"),
        Function::Unbase64 => return unknown("unbase64"),
        Function::Md5 => return unknown("md5"),
        Function::Sha1 => return unknown("sha1"),
    })
}
