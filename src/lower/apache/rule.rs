//! mod_rewrite's directives.

use super::builder::{Builder, Place};
use super::context::Context;
use super::expr;
use super::flags::{self, ConditionFlags, RuleFlags};
use super::load::Line;
use super::refused::{Refused, shown};
use super::settings::handler_named;
use super::text;
use super::words::Arg;
use crate::ir::clause::{Action, Captures, Clause, Match, OnFailure, Rewrite, Store, Subject, Then, When};
use crate::ir::condition::{Condition, FileTest, Order, Test, TestKind};
use crate::ir::pattern::Pattern;
use crate::ir::policy::{BackReferenceEscape, Escape, OldQuery, QueryPolicy, Relative, SplitAt};
use crate::ir::scope::{Finish, RewriteOptions};
use crate::ir::table::{InternalFunction, Table, TableKind};
use crate::ir::template::{Part, Template};
use crate::lower::directives;
use crate::source::Span;
use rustc_hash::FxHashMap;

type Done = Result<(), Refused>;

/// `RewriteEngine`.
pub fn engine(context: &Context, builder: &mut Builder, line: &Line) -> Done {
    let words = line.words(context.sources);
    let on = words.first().is_some_and(|word| word.value.eq_ignore_ascii_case(b"on"));
    builder.scope.settings.rewriting = Some(on);
    touch(builder);
    Ok(())
}

/// A line of mod_rewrite makes the place one of its own even where it is left out (`ap_walk_config_sub`).
pub fn left_out(builder: &mut Builder, line: &Line) {
    let known = directives::apache().get(&line.name);
    if known.into_iter().any(|entry| entry.module == "mod_rewrite.c") {
        touch(builder);
    }
}

fn touch(builder: &mut Builder) {
    builder.rewrites = true;
    builder.rewrite.finish = if builder.at_server() { Finish::MapToFile } else { Finish::Redirect };
}

/// `RewriteOptions`.
pub fn options(context: &Context, builder: &mut Builder, line: &Line) -> Done {
    touch(builder);
    builder.rewrite.own_options = true;
    let options: &mut RewriteOptions = &mut builder.rewrite.options;
    for word in line.words(context.sources) {
        let flag = match word.value.to_ascii_lowercase().as_slice() {
            b"inherit" => &mut options.inherit,
            b"inheritbefore" => &mut options.inherit_before,
            b"inheritdown" => &mut options.inherit_down,
            b"inheritdownbefore" => &mut options.inherit_down_before,
            b"ignoreinherit" => &mut options.ignore_inherit,
            b"allownoslash" => &mut options.allow_no_slash,
            b"allowanyuri" => &mut options.allow_any_uri,
            b"mergebase" => &mut options.merge_base,
            b"ignorecontextinfo" => &mut options.ignore_context_info,
            b"legacyprefixdocroot" => &mut options.legacy_prefix_docroot,
            b"unsafeprefixstat" => &mut options.unsafe_prefix_stat,
            other if other.starts_with(b"maxredirects=") => continue,
            _ => {
                let message = format!("RewriteOptions: unknown option '{}'", shown(&word.value));
                return Err(Refused::at(line.span_of(word.range), message));
            }
        };
        *flag = true;
    }
    Ok(())
}

/// `RewriteBase`.
pub fn base(context: &Context, builder: &mut Builder, line: &Line) -> Done {
    if builder.at_server() {
        return Err(Refused::at(line.head, "RewriteBase: only valid in per-directory config files"));
    }
    let words = line.words(context.sources);
    let Some(word) = words.first() else { return Ok(()) };
    touch(builder);
    match word.value.first() {
        None => Err(Refused::at(line.rest, "RewriteBase: empty URL not allowed")),
        Some(b'/') => {
            builder.rewrite.base = Some(word.value.as_ref().into());
            Ok(())
        }
        Some(_) => Err(Refused::at(line.span_of(word.range.clone()), "RewriteBase: argument is not a valid URL")),
    }
}

/// The words of a rule or condition.
fn three<'a>(context: &Context<'a>, line: &'a Line, name: &str) -> Result<Vec<Arg<'a>>, Refused> {
    let words = line.rewrite_words(context.sources);
    if words.len() < 2 {
        let text = shown(line.args(context.sources));
        return Err(Refused::at(line.head, format!("{name}: bad argument line '{text}'")));
    }
    Ok(words)
}

fn at(line: &Line, word: &Arg) -> Span {
    line.span_of(word.range.clone())
}

/// `RewriteCond`.
pub fn condition<'a>(context: &mut Context<'a>, builder: &mut Builder, line: &'a Line) -> Done {
    touch(builder);
    let words = three(context, line, "RewriteCond")?;
    let [subject, pattern, rest @ ..] = words.as_slice() else { return Ok(()) };
    let flags = match rest.first() {
        Some(word) => flags::condition(&word.value)
            .map_err(|message| Refused::at(at(line, word), format!("RewriteCond: {message}")))?,
        None => ConditionFlags::default(),
    };
    let (negated, text) = match pattern.value.strip_prefix(b"!") {
        Some(text) => (true, text),
        None => (false, pattern.value.as_ref()),
    };
    let (kind, flip) = test(context, line, subject, pattern, text, flags, negated)?;
    let test = Test { span: line.head, kind, negated: negated != flip };
    builder.pending.push((Condition::Test(Box::new(test)), flags));
    Ok(())
}

fn test(
    context: &mut Context,
    line: &Line,
    subject: &Arg,
    word: &Arg,
    text: &[u8],
    flags: ConditionFlags,
    negated: bool,
) -> Result<(TestKind, bool), Refused> {
    if subject.value.eq_ignore_ascii_case(b"expr") {
        let expression = expr::boolean(context, line.head, text).map_err(|message| {
            let message = format!("RewriteCond: cannot compile expression \"{}\": {message}", shown(text));
            Refused::at(at(line, word), message)
        })?;
        let store = (!negated).then_some(Store::Condition);
        return Ok((TestKind::ExpressionInto(expression, store), false));
    }
    let template = text::rewrite(context, &subject.value, &Escape::Raw);
    let file = |test| Ok((TestKind::File { subject: template.clone(), test }, false));
    let compare = |order, operand: &[u8]| {
        let ignore_case = flags.no_case;
        Ok((TestKind::Compare { subject: template.clone(), order, operand: operand.into(), ignore_case }, false))
    };
    let number = |order, operand: &[u8], flip| {
        Ok((TestKind::Numbers { subject: template.clone(), order, operand: flags::atoi(operand) }, flip))
    };
    match text {
        b"-f" => return file(FileTest::File),
        b"-s" => return file(FileTest::NonEmptyFile),
        b"-d" => return file(FileTest::Directory),
        b"-x" => return file(FileTest::Executable),
        b"-h" | b"-L" | b"-l" => return file(FileTest::Symlink),
        b"-U" => return file(FileTest::ReachableUrl),
        b"-F" => return file(FileTest::ReachableFile),
        [b'-', b'l', b't', rest @ ..] if !rest.is_empty() => return number(Order::Less, rest, false),
        [b'-', b'l', b'e', rest @ ..] if !rest.is_empty() => return number(Order::LessOrEqual, rest, false),
        [b'-', b'g', b't', rest @ ..] if !rest.is_empty() => return number(Order::Greater, rest, false),
        [b'-', b'g', b'e', rest @ ..] if !rest.is_empty() => return number(Order::GreaterOrEqual, rest, false),
        [b'-', b'e', b'q', rest @ ..] if !rest.is_empty() => return number(Order::Equal, rest, false),
        [b'-', b'n', b'e', rest @ ..] if !rest.is_empty() => return number(Order::Equal, rest, true),
        [b'>', b'=', rest @ ..] => return compare(Order::GreaterOrEqual, rest),
        [b'>', rest @ ..] if !rest.is_empty() => return compare(Order::Greater, rest),
        [b'<', b'=', rest @ ..] => return compare(Order::LessOrEqual, rest),
        [b'<', rest @ ..] if !rest.is_empty() => return compare(Order::Less, rest),
        b"=\"\"" => return compare(Order::Equal, b""),
        [b'=', rest @ ..] if !rest.is_empty() => return compare(Order::Equal, rest),
        _ => {}
    }
    let regex = context.regex(text, flags.no_case, at(line, word)).map_err(|error| {
        let message = format!("RewriteCond: cannot compile regular expression '{}' ({error})", shown(text));
        Refused::at(at(line, word), message)
    })?;
    let captures =
        Captures { store: (!negated).then_some(Store::Condition), on_failure: OnFailure::Keep, named: Box::new([]) };
    let matched =
        Match { subject: Subject::Text(template), pattern: Pattern::Regex(Box::new(regex)), negated: false, captures };
    Ok((TestKind::Matches(matched), false))
}

/// The waiting conditions as one: chains of OR, the last of which may be left open.
fn guards(pending: &mut Vec<(Condition, ConditionFlags)>) -> Condition {
    let (mut all, mut group) = (Vec::new(), Vec::new());
    for (condition, flags) in pending.drain(..) {
        group.push(condition);
        if !flags.or_next {
            let done = std::mem::take(&mut group);
            all.push(Condition::Any(done));
        }
    }
    if !group.is_empty() {
        all.push(Condition::Trailing(group));
    }
    Condition::All(all)
}

/// `RewriteRule`.
pub fn rule<'a>(context: &mut Context<'a>, builder: &mut Builder, line: &'a Line) -> Done {
    touch(builder);
    let words = three(context, line, "RewriteRule")?;
    let [pattern, output, rest @ ..] = words.as_slice() else { return Ok(()) };
    let flags = match rest.first() {
        Some(word) => flags::rule(&word.value)
            .map_err(|message| Refused::at(at(line, word), format!("RewriteRule: {message}")))?,
        None => RuleFlags { code: 302, ..RuleFlags::default() },
    };
    let (negated, text) = match pattern.value.strip_prefix(b"!") {
        Some(text) => (true, text),
        None => (false, pattern.value.as_ref()),
    };
    let regex = context.regex(text, flags.no_case, at(line, pattern)).map_err(|error| {
        let message = format!("RewriteRule: cannot compile regular expression '{}' ({error})", shown(text));
        Refused::at(at(line, pattern), message)
    })?;
    let captures = Captures { store: Some(Store::Pattern), on_failure: OnFailure::Clear, named: Box::new([]) };
    let pattern = Pattern::Regex(Box::new(regex));
    let clause = Clause {
        span: line.head,
        when: When {
            matches: Some(Match { subject: Subject::Rewritten, pattern, negated, captures }),
            conditions: guards(&mut builder.pending),
            not_in_sub_request: flags.not_in_sub_request || flags.redirect,
        },
        does: vec![Action::Rewrite(Box::new(change(context, builder, &output.value, &flags)))],
        then: then(&flags),
        otherwise: Then::Next,
    };
    builder.rules.push(clause);
    builder.chains.push(flags.chain);
    Ok(())
}

fn then(flags: &RuleFlags) -> Then {
    if flags.end && !flags.pass_through {
        Then::EndAll
    } else if flags.pass_through || flags.last || flags.proxy {
        Then::EndList
    } else if let Some(rounds) = flags.next {
        Then::Restart { limit: rounds.saturating_sub(2) }
    } else if flags.skip > 0 {
        Then::Skip(flags.skip)
    } else {
        Then::Next
    }
}

fn change(context: &mut Context, builder: &Builder, output: &[u8], flags: &RuleFlags) -> Rewrite {
    let escape = match flags.escape_backrefs {
        false => Escape::Raw,
        true => Escape::BackReference(Box::new(BackReferenceEscape {
            only: flags.escape_only.clone().map(Into::into),
            except: flags.escape_except.clone().into(),
            no_plus: flags.escape_no_plus,
            controls: flags.escape_controls,
        })),
    };
    let silent = output == b"-" || flags.status_only;
    let (output, query) = query(output, flags);
    let modern = context.since(60);
    Rewrite {
        to: (!silent).then(|| text::rewrite(context, output, &escape)),
        written: output.into(),
        meanwhile: meanwhile(context, flags),
        query,
        relative: match builder.place {
            Place::Section(_) => Relative::Folder,
            Place::Server if modern && !flags.proxy && !flags.redirect => Relative::Slash,
            Place::Server => Relative::AsIs,
        },
        implicit_redirect: Some(302),
        redirect: (flags.redirect && !silent).then_some(flags.code),
        status: flags.status_only.then_some(flags.code),
        escape: if flags.no_escape { Escape::Raw } else { Escape::AbsoluteUrl },
        foreign_question_mark: (modern && !flags.unsafe_allow_3f).then_some(403),
        merge_slashes: modern && !flags.keep_slashes,
        drop_path_info: flags.drop_path_info,
        pass_through: flags.pass_through,
        proxy: flags.proxy.then_some(if context.modules.is_loaded(b"proxy_module") { 0 } else { 403 }),
        unsafe_prefix_stat: flags.unsafe_prefix_stat || !modern,
        handler: flags.handler.as_deref().map(|name| handler_named(context, name)),
    }
}

/// The text without a `?` that only says "no query", and how its query is handled.
fn query<'t>(output: &'t [u8], flags: &RuleFlags) -> (&'t [u8], QueryPolicy) {
    let mut split = if flags.query_last { SplitAt::Last } else { SplitAt::First };
    let (mut output, mut none) = (output, false);
    if let Some(without) = output.strip_suffix(b"?") {
        if flags.query_append {
            split = SplitAt::Last;
        } else {
            (output, none) = (without, true);
        }
    } else if flags.query_discard && !output.contains(&b'?') {
        none = true;
    }
    let old = match (none, flags.query_discard, flags.query_append) {
        (true, _, _) => OldQuery::None,
        (_, true, true) => OldQuery::DiscardThenAppend,
        (_, true, false) => OldQuery::Discard,
        (_, false, true) => OldQuery::Append,
        _ => OldQuery::Default,
    };
    (output, QueryPolicy::Split { split, old })
}

/// E= and CO=.
fn meanwhile(context: &mut Context, flags: &RuleFlags) -> Vec<Action> {
    let mut actions: Vec<Action> = flags.env.iter().map(|text| assignment(context, text)).collect();
    actions.extend(flags.cookies.iter().filter_map(|text| cookie(context, text)));
    actions
}

fn assignment(context: &mut Context, text: &[u8]) -> Action {
    if let Some(name) = text.strip_prefix(b"!") {
        return Action::Set(context.variable(name), None);
    }
    let (name, value) = match memchr::memchr(b':', text) {
        Some(colon) => (text.get(..colon).unwrap_or_default(), text.get(colon + 1..).unwrap_or_default()),
        None => (text, &b""[..]),
    };
    let variable = context.variable(name);
    Action::Set(variable, Some(text::rewrite(context, value, &Escape::Raw)))
}

/// The `Set-Cookie` of a CO flag, without its expiry date.
fn cookie(context: &mut Context, text: &[u8]) -> Option<Action> {
    let (separator, text) = match text.strip_prefix(b";") {
        Some(rest) => (b';', rest),
        None => (b':', text),
    };
    let mut fields = text.split(|&byte| byte == separator);
    let (name, value, domain) = (fields.next()?, fields.next()?, fields.next()?);
    let path = fields.nth(1).filter(|path| !path.is_empty()).unwrap_or(b"/");
    let text = [name, b"=", value, b"; path=", path, b"; domain=", domain].concat();
    Some(Action::Cookie(text::rewrite(context, &text, &Escape::Raw)))
}

/// `RewriteMap`.
pub fn map(context: &mut Context, line: &Line) -> Done {
    let words = line.words(context.sources);
    let [name, source, ..] = words.as_slice() else { return Ok(()) };
    let kind = map_kind(context, &source.value)
        .map_err(|message| Refused::at(line.span_of(source.range.clone()), format!("RewriteMap: {message}")))?;
    let table = Table { name: name.value.as_ref().into(), span: line.head, source: None, kind, remembered: false };
    let id = context.table(table);
    context.maps.insert(name.value.as_ref().into(), id);
    Ok(())
}

fn map_kind(context: &Context, source: &[u8]) -> Result<TableKind, String> {
    let (kind, rest) = match memchr::memchr(b':', source) {
        Some(colon) => (source.get(..colon).unwrap_or_default(), source.get(colon + 1..).unwrap_or_default()),
        None => (&b"txt"[..], source),
    };
    if kind == b"int" {
        return Ok(TableKind::Internal(match rest {
            b"toupper" => InternalFunction::ToUpper,
            b"tolower" => InternalFunction::ToLower,
            b"escape" => InternalFunction::Escape,
            b"unescape" => InternalFunction::Unescape,
            _ => return Err(format!("internal map not found:{}", shown(rest))),
        }));
    }
    if kind != b"txt" && kind != b"rnd" && kind.len() == 3 || kind.starts_with(b"dbm") || kind.ends_with(b"dbd") {
        return Ok(TableKind::Unknown(format!("the map `{}`", shown(source))));
    }
    let file = if kind == b"txt" || kind == b"rnd" { rest } else { source };
    let path = context.prefix.join(String::from_utf8_lossy(file).as_ref());
    if context.real_files && !context.loader.exists(&path) {
        return Err(format!("file for map not found:{}", shown(path.as_os_str().as_encoded_bytes())));
    }
    let Ok(text) = context.loader.read(&path) else {
        return Ok(TableKind::Unknown(format!("the map file `{}`", shown(file))));
    };
    let mut entries: FxHashMap<crate::ir::Bytes, crate::ir::Bytes> = FxHashMap::default();
    for line in text.split(|&byte| byte == b'\n') {
        let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        if line.first().is_none_or(|&byte| byte == b'#' || byte.is_ascii_whitespace()) {
            continue;
        }
        if let (Some(key), Some(value)) = (words.next(), words.next()) {
            entries.entry(key.into()).or_insert_with(|| value.into());
        }
    }
    if kind != b"rnd" {
        return Ok(TableKind::Text(entries));
    }
    let parts = |value: &crate::ir::Bytes| value.split(|&byte| byte == b'|').map(Into::into).collect();
    Ok(TableKind::Random(entries.iter().map(|(key, value)| (key.clone(), parts(value))).collect()))
}

/// A text that is one variable.
pub fn only(part: Part) -> Template {
    Template { parts: vec![part], ..Template::default() }
}
