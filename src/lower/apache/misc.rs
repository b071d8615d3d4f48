//! Directives of one setting each: index, slash, options, error documents, headers, environment.

use super::alias::{clause, on_path};
use super::builder::Builder;
use super::context::Context;
use super::expr;
use super::flags::atoi;
use super::load::Line;
use super::refused::{Refused, shown};
use super::text::{self, Parts};
use crate::ir::clause::{Action, Captures, Clause, Handler, Match, OnFailure, Store, Subject, Then, When};
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::pattern::Pattern;
use crate::ir::policy::{SelfHost, SelfPort, SelfUrl};
use crate::ir::scope::{EncodedSlashes, ErrorPage, ErrorStatus, ErrorTarget, HeaderAction, HeaderRule};
use crate::ir::template::{Attribute, Part, Template};
use crate::ir::{Effect, Note};
use std::sync::Arc;

type Done = Result<(), Refused>;

fn words<'a>(context: &Context<'a>, line: &'a Line) -> Vec<Vec<u8>> {
    line.words(context.sources).into_iter().map(|word| word.value.into_owned()).collect()
}

fn is_on(words: &[Vec<u8>]) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"on"))
}

/// A directive of one setting; `false` where the name is not one of these.
pub fn setting(context: &mut Context, builder: &mut Builder, line: &Line) -> Result<bool, Refused> {
    let words = words(context, line);
    let first = words.first().cloned().unwrap_or_default();
    let settings = &mut builder.scope.settings;
    match &*line.name {
        b"redirectrelative" => settings.absolute = Some(!is_on(&words)),
        b"mergeslashes" => settings.merge_slashes = Some(is_on(&words)),
        b"allowencodedslashes" => {
            settings.encoded_slashes = Some(match first.to_ascii_lowercase().as_slice() {
                b"on" => EncodedSlashes::Decode,
                b"nodecode" => EncodedSlashes::Keep,
                _ => EncodedSlashes::Refuse,
            });
        }
        b"directorycheckhandler" => settings.index_unless_handled = Some(is_on(&words)),
        b"directoryslash" => settings.directory_slash = Some(is_on(&words)),
        b"directoryindex" => {
            let disabled = words.len() == 1 && first.eq_ignore_ascii_case(b"disabled");
            let names = settings.index.get_or_insert_default();
            if disabled {
                names.clear();
            } else {
                names.extend(words.iter().map(|name| Template::literal(name.as_slice())));
            }
        }
        b"directoryindexredirect" => {
            settings.index_redirect = match first.to_ascii_lowercase().as_slice() {
                b"off" => Some(0),
                b"on" | b"temp" => Some(302),
                b"permanent" => Some(301),
                b"seeother" => Some(303),
                _ => Some(u16::try_from(atoi(&first)).unwrap_or(302)),
            };
        }
        b"fallbackresource" => {
            let off = first.eq_ignore_ascii_case(b"disabled");
            settings.fallback = Some((!off).then(|| first.into()));
        }
        b"acceptpathinfo" => {
            settings.accept_path_info = match first.to_ascii_lowercase().as_slice() {
                b"on" => Some(true),
                b"off" => Some(false),
                _ => None,
            };
        }
        b"sethandler" => {
            settings.handler = Some(handler_named(&first));
        }
        b"addhandler" | b"removehandler" => {
            let add = &*line.name == b"addhandler";
            let handler = if add { handler_named(&first) } else { Handler::Static };
            let named = words.iter().skip(usize::from(add));
            let named = named.map(|word| word.strip_prefix(b".").unwrap_or(word));
            settings.extensions.items.extend(named.map(|name| Arc::new((name.into(), handler.clone()))));
        }
        b"options" => options(builder, line, &words)?,
        b"errordocument" => error_document(context, builder, line)?,
        b"header" => header(context, builder, line, false)?,
        b"requestheader" => header(context, builder, line, true)?,
        b"setenv" | b"passenv" | b"unsetenv" => late_environment(context, builder, line),
        b"satisfy" => settings.any_access = Some(first.eq_ignore_ascii_case(b"any")),
        b"usecanonicalname" => {
            let own = settings.self_url.get_or_insert_with(own_url);
            (own.host, own.port) = match first.to_ascii_lowercase().as_slice() {
                b"on" => (SelfHost::ServerName, SelfPort::Server),
                _ => (SelfHost::Request, SelfPort::Request),
            };
        }
        b"usecanonicalphysicalport" => settings.self_url.get_or_insert_with(own_url).physical_port = is_on(&words),
        b"setenvif" => set_env_if(context, builder, line, false, 0)?,
        b"setenvifnocase" => set_env_if(context, builder, line, true, 0)?,
        b"browsermatch" => set_env_if(context, builder, line, false, 1)?,
        b"browsermatchnocase" => set_env_if(context, builder, line, true, 1)?,
        b"checkspelling" => settings.negotiates = Some(is_on(&words)),
        b"proxypassmatch" => {
            if let ([path, ..], true) = (words.as_slice(), builder.at_server()) {
                let regex = context.regex(path, false, line.rest).map_err(|error| {
                    Refused::at(line.rest, format!("Regular expression could not be compiled. ({error})"))
                })?;
                let action = Action::Handler(Handler::Dynamic(b"proxy"[..].into()));
                builder.proxies.push(clause(line.head, Some(on_path(Pattern::Regex(Box::new(regex)))), action));
            }
        }
        b"proxypass" => proxy_pass(builder, line, &words),
        _ => return Ok(false),
    }
    Ok(true)
}

fn handler_named(name: &[u8]) -> Handler {
    match name.to_ascii_lowercase().as_slice() {
        b"none" | b"default-handler" => Handler::Static,
        b"server-status" | b"server-info" => Handler::Fixed(200),
        _ => Handler::Dynamic(name.into()),
    }
}

/// Apache's way of making URLs of its own, unless told otherwise.
pub fn own_url() -> SelfUrl {
    SelfUrl { host: SelfHost::Request, port: SelfPort::Request, physical_port: false, scheme: None }
}

/// Whether signed and unsigned words are mixed as httpd does not take them: `All` and `None` may stand before
/// signed ones (server/core.c, `set_options`).
fn mixes_signs(words: &[Vec<u8>]) -> bool {
    let signed = |word: &Vec<u8>| word.starts_with(b"+") || word.starts_with(b"-");
    let whole = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"all") || word.eq_ignore_ascii_case(b"none");
    let mut merging = false;
    let mut whole_before = false;
    for (at, word) in words.iter().enumerate() {
        let wrong = if signed(word) { !merging && at > 0 && !whole_before } else { merging };
        if wrong {
            return true;
        }
        merging |= signed(word);
        whole_before |= whole(word);
    }
    false
}

fn options(builder: &mut Builder, line: &Line, words: &[Vec<u8>]) -> Done {
    if mixes_signs(words) {
        let why = "Either all Options must start with + or -, or no Option may.";
        return Err(Refused::at(line.rest, why.to_owned()));
    }
    let settings = &mut builder.scope.settings;
    if words.iter().any(|word| !word.starts_with(b"+") && !word.starts_with(b"-")) {
        (settings.follow_symlinks, settings.listing) = (Some(false), Some(false));
    }
    let mut negotiates = false;
    for word in words {
        let (on, name) = match word.split_first() {
            Some((b'+', name)) => (true, name),
            Some((b'-', name)) => (false, name),
            _ => (true, word.as_slice()),
        };
        match name.to_ascii_lowercase().as_slice() {
            b"indexes" => settings.listing = Some(on),
            b"followsymlinks" | b"symlinksifownermatch" => settings.follow_symlinks = Some(on),
            b"all" => (settings.follow_symlinks, settings.listing) = (Some(on), Some(on)),
            b"none" => {}
            b"multiviews" => negotiates = on,
            b"execcgi" | b"includes" | b"includesnoexec" => {}
            _ => return Err(Refused::at(line.rest, format!("Illegal option {}", shown(name)))),
        }
    }
    if negotiates {
        builder.scope.settings.negotiates = Some(true);
    }
    Ok(())
}

fn error_document(context: &Context, builder: &mut Builder, line: &Line) -> Done {
    let given = line.words(context.sources);
    let [code, text, ..] = given.as_slice() else { return Ok(()) };
    let number = u16::try_from(atoi(&code.value)).unwrap_or(0);
    if !(400..600).contains(&number) && !(300..400).contains(&number) && !(200..300).contains(&number) {
        return Err(Refused::at(line.rest, format!("Unsupported HTTP response code {}", shown(&code.value))));
    }
    let value = &text.value;
    let template = || expr::string(context, value).map_err(|message| Refused::at(line.rest, message));
    let blank = value.iter().any(u8::is_ascii_whitespace);
    let target = if value.eq_ignore_ascii_case(b"default") {
        ErrorTarget::Default
    } else if blank || value.starts_with(b"\"") {
        ErrorTarget::Text(template()?)
    } else if value.starts_with(b"/") {
        ErrorTarget::Path(template()?)
    } else if value.windows(3).any(|three| three == b"://") {
        ErrorTarget::Url(template()?)
    } else {
        ErrorTarget::Text(template()?)
    };
    let page = ErrorPage { span: line.head, code: number, target, status: ErrorStatus::Original };
    let pages = &mut builder.scope.settings.error_pages.items;
    pages.retain(|have| have.code != number);
    pages.push(Arc::new(page));
    Ok(())
}

fn guard(context: &mut Context, line: &Line, word: &[u8]) -> Result<Option<Arc<Condition>>, Refused> {
    let test = |kind, negated| Some(Arc::new(Condition::Test(Box::new(Test { span: line.head, kind, negated }))));
    if let Some(name) = word.strip_prefix(b"env=") {
        let (negated, name) = name.strip_prefix(b"!").map_or((false, name), |name| (true, name));
        let variable = context.variable(name);
        return Ok(test(TestKind::IsSet(variable), negated));
    }
    if let Some(text) = word.strip_prefix(b"expr=") {
        let parsed = expr::boolean(context, text)
            .map_err(|message| Refused::at(line.rest, format!("Can't parse envclause/expression: {message}")))?;
        return Ok(test(TestKind::Expression(parsed), false));
    }
    Ok(None)
}

fn header(context: &mut Context, builder: &mut Builder, line: &Line, request: bool) -> Done {
    let mut given = words(context, line);
    let condition = given.first().map(|word| word.to_ascii_lowercase());
    let always = condition.as_deref() == Some(b"always");
    if !request && (always || condition.as_deref() == Some(b"onsuccess")) {
        given.remove(0);
    }
    let [action, name, rest @ ..] = given.as_slice() else { return Ok(()) };
    let action = match action.to_ascii_lowercase().as_slice() {
        b"set" => HeaderAction::Set,
        b"append" => HeaderAction::Append,
        b"merge" => HeaderAction::Merge,
        b"add" => HeaderAction::Add,
        b"setifempty" => HeaderAction::SetIfEmpty,
        b"unset" => HeaderAction::Unset,
        b"edit" => HeaderAction::Edit,
        b"edit*" => HeaderAction::EditAll,
        b"note" => HeaderAction::Note,
        b"echo" => HeaderAction::Echo,
        _ => {
            let message = "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'.";
            return Err(Refused::at(line.rest, message));
        }
    };
    let edits = matches!(action, HeaderAction::Edit | HeaderAction::EditAll);
    let taken = match action {
        HeaderAction::Unset | HeaderAction::Echo => 0,
        _ if edits => 2,
        _ => 1,
    };
    let (values, tail) = rest.split_at(taken.min(rest.len()));
    let early = tail.iter().any(|word| word.eq_ignore_ascii_case(b"early"));
    let condition = match tail.first() {
        Some(word) => guard(context, line, word)?,
        None => None,
    };
    let value = match (values.last(), edits) {
        (Some(text), true) => text::substitution(text),
        (Some(text), false) => match text.strip_prefix(b"expr=") {
            Some(text) => expr::string(context, text)
                .map_err(|message| Refused::at(line.rest, format!("Can't parse value expression : {message}")))?,
            None => format(context, text),
        },
        (None, _) => Template::default(),
    };
    let pattern =
        match values.first().filter(|_| edits) {
            Some(text) => Some(Arc::new(context.regex(text, false, line.rest).map_err(|error| {
                Refused::at(line.rest, format!("Header edit regex could not be compiled. ({error})"))
            })?)),
            None => None,
        };
    let name = name.strip_suffix(b":").unwrap_or(name).into();
    let rule = HeaderRule { span: line.head, action, name, value, pattern, always, condition, early };
    let settings = &mut builder.scope.settings;
    let list = if request { &mut settings.request_headers } else { &mut settings.headers };
    list.items.push(Arc::new(rule));
    Ok(())
}

/// mod_headers' format: `%{NAME}e` and its like.
fn format(context: &mut Context, text: &[u8]) -> Template {
    let mut parts = Parts::default();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        match (byte, rest.first()) {
            (b'%', Some(b'%')) => {
                parts.literal.push(b'%');
                at += 2;
            }
            (b'%', Some(b'{')) => {
                let end = memchr::memchr(b'}', rest).unwrap_or(rest.len());
                let name = rest.get(1..end).unwrap_or_default();
                match rest.get(end + 1) {
                    Some(b'e') => parts.push(Part::Variable(context.variable(name))),
                    _ => parts.push(Part::Attribute(Attribute::Unknown(name.into()))),
                }
                at += end + 3;
            }
            (b'%', Some(letter)) => {
                parts.push(Part::Attribute(Attribute::Unknown([*letter].into())));
                at += 2;
            }
            _ => {
                parts.literal.push(byte);
                at += 1;
            }
        }
    }
    parts.finish()
}

fn set_env_if(context: &mut Context, builder: &mut Builder, line: &Line, no_case: bool, agent: usize) -> Done {
    let given = words(context, line);
    let (attribute, given) = match given.split_first() {
        Some((first, rest)) if agent == 0 => (first.clone(), rest.to_vec()),
        _ => (b"User-Agent".to_vec(), given),
    };
    let [pattern, assignments @ ..] = given.as_slice() else { return Ok(()) };
    if assignments.is_empty() {
        return Err(Refused::at(line.head, "missing envariable expression"));
    }
    let regex = context
        .regex(pattern, no_case, line.rest)
        .map_err(|error| Refused::at(line.rest, format!("SetEnvIf regex could not be compiled. ({error})")))?;
    let single = |attribute| Subject::Text(Template { parts: vec![Part::Attribute(attribute)], ..Template::default() });
    let subject = match attribute.to_ascii_lowercase().as_slice() {
        b"remote_addr" | b"remote_host" => single(Attribute::RemoteAddress),
        b"server_addr" => single(Attribute::LocalAddress),
        b"request_method" => single(Attribute::Method),
        b"request_protocol" => single(Attribute::Protocol),
        b"request_uri" => single(Attribute::Path),
        lower if attribute.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)) => {
            let variable = context.variable(&attribute);
            let header = Part::Attribute(Attribute::Header(lower.into()));
            // A variable of the name counts where there is no such header.
            Subject::Text(Template { parts: vec![header, Part::Variable(variable)], ..Template::default() })
        }
        _ => {
            let names = context.regex(&attribute, true, line.rest).map_err(|error| {
                Refused::at(line.rest, format!("Header name regex could not be compiled. ({error})"))
            })?;
            Subject::HeadersNamed(Pattern::Regex(Box::new(names)))
        }
    };
    let captures = Captures { store: Some(Store::Pattern), on_failure: OnFailure::Keep, named: Box::new([]) };
    let matches = Match { subject, pattern: Pattern::Regex(Box::new(regex)), negated: false, captures };
    let does = assignments.iter().map(|text| assignment(context, text)).collect();
    let when = When { matches: Some(matches), conditions: Condition::All(Vec::new()), not_in_sub_request: false };
    builder.environment.push(Clause { span: line.head, when, does, then: Then::Next, otherwise: Then::Next });
    Ok(())
}

fn assignment(context: &mut Context, text: &[u8]) -> Action {
    if let Some(name) = text.strip_prefix(b"!") {
        return Action::Set(context.variable(name), None);
    }
    match memchr::memchr(b'=', text) {
        Some(at) => {
            let (name, value) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            Action::Set(context.variable(name), Some(text::substitution(value)))
        }
        None => Action::Set(context.variable(text), Some(Template::literal(&b"1"[..]))),
    }
}

/// mod_ssl's `HTTPS=on`, which stands in the environment only after rewriting and redirects.
pub fn encrypted(context: &mut Context) -> Clause {
    let span = crate::source::Span::new(crate::source::FileId(0), 0, 0);
    let on = Part::Attribute(Attribute::Encrypted(b"on"[..].into(), [].into()));
    let text = Template { parts: vec![on], ..Template::default() };
    let mut new = clause(span, None, Action::Set(context.variable(b"HTTPS"), Some(text.clone())));
    new.when.conditions = Condition::Test(Box::new(Test { span, kind: TestKind::Truthy(text), negated: false }));
    new.then = Then::Next;
    new
}

/// `SetEnv`, `PassEnv`, `UnsetEnv`: a variable that something set before keeps its value.
fn late_environment(context: &mut Context, builder: &mut Builder, line: &Line) {
    let given = words(context, line);
    let mut push = |context: &mut Context, name: &[u8], value: Option<Template>| {
        let variable = context.variable(name);
        let unset = Test { span: line.head, kind: TestKind::IsSet(variable), negated: true };
        let mut new = clause(line.head, None, Action::Set(variable, value.clone()));
        new.then = Then::Next;
        if value.is_some() {
            new.when.conditions = Condition::Test(Box::new(unset));
        }
        builder.late_environment.push(new);
    };
    match (&*line.name, given.as_slice()) {
        (b"setenv", [name, rest @ ..]) => {
            let value = rest.first().map(|value| value.as_slice()).unwrap_or_default();
            push(context, name, Some(Template::literal(value)));
        }
        (b"passenv", names) => {
            for name in names {
                let part = Part::Attribute(Attribute::Environment(name.as_slice().into()));
                push(context, name, Some(Template { parts: vec![part], ..Template::default() }));
            }
        }
        (_, names) => names.iter().for_each(|name| push(context, name, None)),
    }
}

fn proxy_pass(builder: &mut Builder, line: &Line, words: &[Vec<u8>]) {
    match (&builder.place, words) {
        (super::builder::Place::Server, [path, url]) if url.as_slice() == b"!" => {
            let mut exception =
                clause(line.head, Some(on_path(Pattern::Prefix(path.as_slice().into()))), Action::MarkInternal);
            exception.does.clear();
            builder.proxies.push(exception);
        }
        (super::builder::Place::Section(_), [url]) if url.as_slice() == b"!" => {
            builder.scope.settings.handler = Some(Handler::Static);
        }
        (super::builder::Place::Server, [path, url, ..]) if url.as_slice() != b"!" => {
            let pattern = Pattern::Prefix(path.as_slice().into());
            let action = Action::Handler(Handler::Dynamic(url.as_slice().into()));
            builder.proxies.push(clause(line.head, Some(on_path(pattern)), action));
        }
        (super::builder::Place::Section(_), [url, ..]) => {
            builder.scope.settings.handler = Some(Handler::Dynamic(url.as_slice().into()));
        }
        _ => builder.note(Note {
            span: line.head,
            directive: "ProxyPass".to_owned(),
            effect: Effect::May,
            reason: "exceptions from proxying are not modelled".to_owned(),
        }),
    }
}
