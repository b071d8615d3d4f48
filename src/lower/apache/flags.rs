//! The flags of `RewriteRule` and `RewriteCond`: `[R=301,L,E=a:b]` as a value.
//!
//! Says which flags stand there, not what they do: that is `rule`'s part.

use super::refused::shown;

/// The flags of a rule (modules/mappers/mod_rewrite.c `cmd_rewriterule_setflag`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RuleFlags {
    pub escape_backrefs: bool,
    pub escape_only: Option<Vec<u8>>,
    pub escape_except: Vec<u8>,
    pub escape_no_plus: bool,
    pub escape_controls: bool,
    pub chain: bool,
    pub cookies: Vec<Vec<u8>>,
    pub drop_path_info: bool,
    pub env: Vec<Vec<u8>>,
    pub end: bool,
    pub handler: Option<Vec<u8>>,
    pub media_type: Option<Vec<u8>>,
    pub last: bool,
    pub no_escape: bool,
    pub next: Option<u32>,
    pub not_in_sub_request: bool,
    pub no_case: bool,
    pub proxy: bool,
    pub pass_through: bool,
    pub query_append: bool,
    pub query_discard: bool,
    pub query_last: bool,
    pub redirect: bool,
    /// The status is an answer of its own, and the substitution is not used (F, G, R=404).
    pub status_only: bool,
    /// The status that R, F or G named last; 302 where none did.
    pub code: u16,
    pub skip: u32,
    pub unsafe_prefix_stat: bool,
    pub unsafe_allow_3f: bool,
    pub keep_slashes: bool,
}

/// The flags of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ConditionFlags {
    pub no_case: bool,
    pub or_next: bool,
    pub no_vary: bool,
}

/// Statuses with a status line of their own, which `R=` accepts.
pub fn has_status_line(code: u16) -> bool {
    matches!(code, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=417 | 421..=424 | 426 | 428 | 429 | 431
        | 451 | 500..=508 | 510 | 511)
}

/// Digits at the start as a number, as C's `atoi` reads them.
pub fn atoi(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let value = digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0i64, |value, byte| {
        value.saturating_mul(10).saturating_add(i64::from(byte - b'0')).min(i64::from(i32::MAX))
    });
    sign * value
}

/// Key and value of a flag.
type Item = (Vec<u8>, Vec<u8>);

/// Key and value of every flag, in order; the value is empty where there is no `=`.
fn items(text: &[u8]) -> Result<Vec<Item>, String> {
    let Some(inner) = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) else {
        return Err("bad flag delimiters".into());
    };
    let split = |item: &[u8]| {
        let item = item.trim_ascii();
        match memchr::memchr(b'=', item) {
            Some(at) => (item.get(..at).unwrap_or_default().to_vec(), item.get(at + 1..).unwrap_or_default().to_vec()),
            None => (item.to_vec(), Vec::new()),
        }
    };
    Ok(inner.split(|&byte| byte == b',').map(split).collect())
}

/// Reads the flags of a condition.
///
/// # Errors
/// httpd's message.
pub fn condition(text: &[u8]) -> Result<ConditionFlags, String> {
    let mut flags = ConditionFlags::default();
    for (key, _) in items(text)? {
        match key.to_ascii_lowercase().as_slice() {
            b"nocase" | b"nc" => flags.no_case = true,
            b"ornext" | b"or" => flags.or_next = true,
            b"novary" | b"nv" => flags.no_vary = true,
            _ => return Err(format!("unknown flag '{}'", shown(&key))),
        }
    }
    Ok(flags)
}

/// Reads the flags of a rule.
///
/// # Errors
/// httpd's message.
pub fn rule(text: &[u8]) -> Result<RuleFlags, String> {
    let mut flags = RuleFlags { code: 302, ..RuleFlags::default() };
    for (key, value) in items(text)? {
        set(&mut flags, &key, value)?;
    }
    Ok(flags)
}

fn set(flags: &mut RuleFlags, key: &[u8], value: Vec<u8>) -> Result<(), String> {
    match key.to_ascii_lowercase().as_slice() {
        b"b" | b"backrefescaping" => {
            flags.escape_backrefs = true;
            if !value.is_empty() {
                flags.escape_only = Some(value);
            }
        }
        b"bne" if value.is_empty() => {
            return Err("flag 'BNE' wants a list of characters (i.e. [BNE=...])".into());
        }
        b"bne" => flags.escape_except = value,
        b"bnp" | b"backrefernoplus" => flags.escape_no_plus = true,
        b"bctls" => (flags.escape_controls, flags.escape_backrefs) = (true, true),
        b"c" | b"chain" => flags.chain = true,
        b"co" | b"cookie" => flags.cookies.push(value),
        b"e" | b"env" => flags.env.push(value),
        b"end" => flags.end = true,
        b"f" | b"forbidden" => (flags.status_only, flags.code) = (true, 403),
        b"g" | b"gone" => (flags.status_only, flags.code) = (true, 410),
        b"h" | b"handler" => flags.handler = Some(value).filter(|name| !name.is_empty()),
        b"l" | b"last" => flags.last = true,
        b"ne" | b"noescape" => flags.no_escape = true,
        b"n" | b"next" => {
            let limit = if value.is_empty() { flags.next.unwrap_or(32000) } else { atoi(&value).max(0) as u32 };
            flags.next = Some(limit);
        }
        b"ns" | b"nosubreq" => flags.not_in_sub_request = true,
        b"nc" | b"nocase" => flags.no_case = true,
        b"p" | b"proxy" => flags.proxy = true,
        b"pt" | b"passthrough" => flags.pass_through = true,
        b"qsa" | b"qsappend" => flags.query_append = true,
        b"qsd" | b"qsdiscard" => flags.query_discard = true,
        b"qsl" | b"qslast" => flags.query_last = true,
        b"r" | b"redirect" => redirect(flags, &value)?,
        b"s" | b"skip" => flags.skip = atoi(&value).max(0) as u32,
        b"t" | b"type" => flags.media_type = Some(value),
        b"unsafeprefixstat" => flags.unsafe_prefix_stat = true,
        b"unsafeallow3f" => flags.unsafe_allow_3f = true,
        b"unc" => flags.keep_slashes = true,
        b"dpi" | b"discardpath" => flags.drop_path_info = true,
        [b'd', ..] => {}
        _ => return Err(format!("unknown flag '{}'", shown(key))),
    }
    Ok(())
}

fn redirect(flags: &mut RuleFlags, value: &[u8]) -> Result<(), String> {
    flags.redirect = true;
    let code = match value.to_ascii_lowercase().as_slice() {
        b"" => return Ok(()),
        b"permanent" => 301,
        b"temp" => 302,
        b"seeother" => 303,
        [b'0'..=b'9', ..] => {
            let code = u16::try_from(atoi(value)).unwrap_or(0);
            if !has_status_line(code) {
                return Err(format!("invalid HTTP response code '{}' for flag 'R'", shown(value)));
            }
            flags.status_only |= !(300..400).contains(&code);
            code
        }
        _ => 0,
    };
    flags.code = code;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_flag_are_dropped_and_its_value_starts_behind_the_first_equals_sign() {
        let flags = rule(b"[ R=301 , L,E=a:b=c ]").unwrap();
        assert!(flags.redirect && flags.last);
        assert_eq!((flags.code, flags.env), (301, vec![b"a:b=c".to_vec()]));
    }

    #[test]
    fn an_empty_or_unknown_flag_is_refused_but_any_word_with_d_is_not() {
        assert!(rule(b"[]").is_err());
        assert!(rule(b"[L,]").is_err());
        assert!(rule(b"[Dxyz]").is_ok());
        assert_eq!(rule(b"[L").unwrap_err(), "bad flag delimiters");
    }

    #[test]
    fn a_redirect_with_an_error_status_answers_without_its_text() {
        assert!(rule(b"[R=404]").unwrap().status_only);
        let both = rule(b"[F,R=301]").unwrap();
        assert!(both.status_only && both.code == 301);
        assert!(rule(b"[R=306]").is_err());
    }
}
