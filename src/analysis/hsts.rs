//! The value of a `Strict-Transport-Security` header, read as the preload list's own scanner reads it
//! (chromium/hstspreload, header.go), which is stricter than RFC 6797.

use std::borrow::Cow;

/// A year in seconds.
pub const YEAR: u64 = 31_536_000;
/// The smallest age of the list's old policy: 18 weeks, in seconds.
pub const EIGHTEEN_WEEKS: u64 = 10_886_400;
/// Ten years in seconds.
pub const TEN_YEARS: u64 = 315_360_000;

/// A value, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `preload` stands in it.
    pub preload: bool,
    /// `includeSubDomains` stands in it.
    pub include_subdomains: bool,
    /// Seconds; `None` where it is missing or cannot be read.
    pub max_age: Option<u64>,
}

/// What is wrong with a value, under the names of the preload list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues {
    /// These keep a domain off the list (or, for the parse codes, make the policy void).
    pub errors: Vec<&'static str>,
    /// These do not.
    pub warnings: Vec<&'static str>,
}

impl Issues {
    /// Each code is told once, as the list's own code does.
    fn error(&mut self, code: &'static str) {
        if !self.errors.contains(&code) {
            self.errors.push(code);
        }
    }

    /// See [`Issues::error`].
    fn warn(&mut self, code: &'static str) {
        if !self.warnings.contains(&code) {
            self.warnings.push(code);
        }
    }
}

/// The value with another age; `None` where no age is written as a number.
pub fn with_age(value: &str, seconds: u64) -> Option<String> {
    let start = value.to_ascii_lowercase().find("max-age=")? + "max-age=".len();
    let rest = value.get(start..)?;
    let quote = usize::from(rest.starts_with('"'));
    let digits = rest.bytes().skip(quote).take_while(u8::is_ascii_digit).count();
    let behind = rest.get(quote + digits..)?;
    (digits > 0).then(|| {
        format!("{}{}{seconds}{behind}", value.get(..start).unwrap_or_default(), rest.get(..quote).unwrap_or_default())
    })
}

/// Reads a value.
pub fn parse(value: &[u8]) -> (Policy, Issues) {
    let mut policy = Policy::default();
    let mut issues = Issues::default();
    let value: Cow<'_, str> = String::from_utf8_lossy(value);
    if value.trim_matches([' ', '\t']).is_empty() {
        issues.warn("header.parse.empty");
        return (policy, issues);
    }
    let mut seen_age = false;
    for directive in value.split(';') {
        let directive = directive.trim_matches([' ', '\t']);
        let lower = directive.to_ascii_lowercase();
        if lower == "preload" {
            if policy.preload {
                issues.warn("header.parse.repeated.preload");
            }
            policy.preload = true;
        } else if lower.starts_with("preload") {
            issues.warn("header.parse.invalid.preload");
        } else if lower == "includesubdomains" {
            if policy.include_subdomains {
                issues.warn("header.parse.repeated.include_sub_domains");
            }
            policy.include_subdomains = true;
        } else if lower.starts_with("includesubdomains") {
            issues.warn("header.parse.invalid.include_sub_domains");
        } else if let Some(digits) = lower.strip_prefix("max-age=") {
            let age = max_age(digits, &mut issues);
            if seen_age {
                issues.warn("header.parse.repeated.max_age");
            }
            seen_age |= age.is_some();
            policy.max_age = policy.max_age.or(age);
        } else if lower.starts_with("max-age") {
            issues.error("header.parse.invalid.max_age.no_value");
        } else if directive.is_empty() {
            issues.warn("header.parse.empty_directive");
        } else {
            // Told each time: each one is another text.
            issues.warnings.push("header.parse.unknown_directive");
        }
    }
    (policy, issues)
}

fn max_age(digits: &str, issues: &mut Issues) -> Option<u64> {
    if digits.starts_with('0') && digits.len() > 1 {
        issues.warn("header.parse.max_age.leading_zero");
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        issues.error("header.parse.max_age.non_digit_characters");
        return None;
    }
    match digits.parse() {
        Ok(age) => Some(age),
        Err(_) => {
            issues.error("header.parse.max_age.parse_int_error");
            None
        }
    }
}

/// Which rules of the list are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Bar {
    /// Today's: a year.
    #[default]
    Year,
    /// For domains that were submitted until October 2017: 18 weeks.
    EighteenWeeks,
}

/// Whether a value may be on the list.
pub fn preloadable(value: &[u8], bar: Bar) -> Issues {
    let (policy, mut issues) = parse(value);
    preloadable_policy(&policy, bar, &mut issues);
    issues
}

fn preloadable_policy(policy: &Policy, bar: Bar, issues: &mut Issues) {
    if !policy.include_subdomains {
        issues.error("header.preloadable.include_sub_domains.missing");
    }
    if !policy.preload {
        issues.error("header.preloadable.preload.missing");
    }
    match policy.max_age {
        None => issues.error("header.preloadable.max_age.missing"),
        Some(0) => issues.error("header.preloadable.max_age.zero"),
        Some(age) if bar == Bar::EighteenWeeks && age < EIGHTEEN_WEEKS => {
            issues.error("header.preloadable.max_age.below_18_weeks");
        }
        Some(age) if bar == Bar::Year && age < YEAR => issues.error("header.preloadable.max_age.below_1_year"),
        Some(age) if age > TEN_YEARS => issues.warn("header.preloadable.max_age.over_10_years"),
        Some(_) => {}
    }
}

/// Whether a value lets a domain be taken off the list.
pub fn removable(value: &[u8]) -> Issues {
    let (policy, mut issues) = parse(value);
    issues.warnings.clear();
    if policy.preload {
        issues.error("header.removable.contains.preload");
    }
    if policy.max_age.is_none() {
        issues.error("header.removable.missing.max_age");
    }
    issues
}

/// The values of the header in an answer, in order.
pub fn values_in(answer: &crate::eval::Answer) -> Vec<&[u8]> {
    let named = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"strict-transport-security"));
    named.map(|(_, value)| &value[..]).collect()
}

/// The one value of an answer, or what keeps a scanner from reading one.
///
/// # Errors
/// The code of the preload list for none or several headers.
pub fn single<'v>(values: &[&'v [u8]]) -> Result<&'v [u8], &'static str> {
    match values {
        [one] => Ok(one),
        [] => Err("response.no_header"),
        _ => Err("response.multiple_headers"),
    }
}
