//! Statuses, flags and variables in plain words: the tables behind `explain` and the editor's hover.
//!
//! The texts stand in `grammar/explain.yaml`. Rules have their pages elsewhere (`rules`), directives theirs in
//! the directive tables.

use std::sync::OnceLock;

/// Every text.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// HTTP statuses.
    pub statuses: Vec<Status>,
    /// Flags of rules.
    pub flags: Vec<Flag>,
    /// Variables.
    pub variables: Vec<Variable>,
}

/// What a status means.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The number.
    pub code: u16,
    /// Its name.
    pub name: String,
    /// What it says to the client.
    pub what: String,
    /// What becomes of the request's method when a browser follows.
    pub method: Option<String>,
    /// Whether it is stored.
    pub cache: Option<String>,
    /// How Apache is told to send it, or what happens when it is.
    pub apache: Option<String>,
    /// The same for nginx.
    pub nginx: Option<String>,
}

/// What a flag does.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// Its short name.
    pub name: String,
    /// Its long name.
    pub long: Option<String>,
    /// Whose it is: `apache` or `nginx`.
    pub server: String,
    /// What it does.
    pub what: String,
}

/// What a variable holds.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// As it is written in a configuration.
    pub name: String,
    /// Whose it is: `apache` or `nginx`.
    pub server: String,
    /// What it holds.
    pub what: String,
}

/// The texts; empty only if the shipped file were broken, which a test rules out.
pub fn texts() -> &'static Texts {
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let empty = Texts { statuses: Vec::new(), flags: Vec::new(), variables: Vec::new() };
        serde_yaml::from_str(include_str!("../grammar/explain.yaml")).unwrap_or(empty)
    })
}

/// The status of that number.
pub fn status(code: u16) -> Option<&'static Status> {
    texts().statuses.iter().find(|status| status.code == code)
}

/// Flags of that name, short or long, in either case; several where both servers have one. What follows `=`
/// is ignored.
pub fn flags(name: &str) -> Vec<&'static Flag> {
    let name = name.split('=').next().unwrap_or_default();
    let same = |flag: &&Flag| {
        flag.name.eq_ignore_ascii_case(name) || flag.long.as_deref().is_some_and(|long| long.eq_ignore_ascii_case(name))
    };
    texts().flags.iter().filter(same).collect()
}

/// The variable of that name, with or without the marks around it. `*` at the end of a known name stands for the rest
/// of what is asked, `1` for any number of a group.
pub fn variable(name: &str) -> Option<&'static Variable> {
    let all = &texts().variables;
    let numbered = match name.as_bytes() {
        [b'$', digit] if digit.is_ascii_digit() => "$1",
        [b'%', digit] if digit.is_ascii_digit() => "%1",
        _ => name,
    };
    // The marks tell the servers apart where both have a variable of that name.
    let exact = all.iter().find(|variable| variable.name == numbered);
    exact.or_else(|| all.iter().find(|variable| variable.is_called(name)))
}

/// A variable's name without the marks of its server.
fn bare(name: &str) -> &str {
    name.trim_matches(['%', '$', '{', '}'])
}

impl Variable {
    fn is_called(&self, name: &str) -> bool {
        let (own, asked) = (bare(&self.name), bare(name));
        let same_server = !name.starts_with(['%', '$']) || name.starts_with(self.name.get(..1).unwrap_or_default());
        let same = match own.strip_suffix('*') {
            Some(beginning) => asked.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning)),
            None => asked.eq_ignore_ascii_case(own),
        };
        same_server && same
    }
}

impl Status {
    /// The page, Markdown.
    pub fn page(&self) -> String {
        let mut page = format!("# {} {}\n\n{}\n", self.code, self.name, self.what);
        let rows = [
            ("Method when followed", &self.method),
            ("Cache", &self.cache),
            ("Apache", &self.apache),
            ("nginx", &self.nginx),
        ];
        for (label, text) in rows {
            if let Some(text) = text {
                page.push_str(&format!("\n- {label}: {text}"));
            }
        }
        page.push('\n');
        page
    }
}

impl Flag {
    /// The page, Markdown.
    pub fn page(&self) -> String {
        let long = self.long.as_ref().map(|long| format!(" (`{long}`)")).unwrap_or_default();
        format!("# `{}`{long}, a flag of {}\n\n{}\n", self.name, self.server, self.what)
    }
}

impl Variable {
    /// The page, Markdown.
    pub fn page(&self) -> String {
        format!("# `{}`, a variable of {}\n\n{}\n", self.name, self.server, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_texts_can_be_read_and_hold_every_redirect_status() {
        for code in 300..=308 {
            assert!(status(code).is_some(), "{code}");
        }
    }

    #[test]
    fn a_flag_is_found_by_either_name_and_with_its_value() {
        assert_eq!(flags("qsappend").len(), 1);
        assert_eq!(flags("R=301").first().map(|flag| flag.server.as_str()), Some("apache"));
        assert_eq!(flags("redirect").len(), 2, "Apache's long name of R, and nginx's flag");
    }

    #[test]
    fn a_variable_is_found_with_and_without_its_marks() {
        assert!(variable("$request_uri").is_some_and(|found| found.server == "nginx"));
        assert!(variable("%{HTTPS}").is_some());
        assert!(variable("the_request").is_some());
        let called = |name: &str| variable(name).map_or("", |found| found.name.as_str());
        assert_eq!(called("%{HTTP:X-Forwarded-Proto}"), "%{HTTP:*}");
        assert_eq!(
            (called("%{HTTP_HOST}"), called("$http_host"), called("$http_x_a")),
            ("%{HTTP_HOST}", "$http_host", "$http_*")
        );
        assert_eq!((called("$3"), called("%0"), called("%{TIME_HOUR}")), ("$1", "%1", "%{TIME*}"));
        assert_eq!(called("%{NO_SUCH}"), "");
    }
}
