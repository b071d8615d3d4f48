//! Servers: the main one, its virtual hosts, the addresses they answer at, and the made-up site of a lone file.

mod fragment;
mod htaccess;
mod listeners;
mod names;

use super::builder::{Builder, Place};
use super::check::{self, Frame};
use super::context::Context;
use super::folders::HtaccessFile;
use super::load::{Line, Loaded};
use super::refused::Refused;
use super::regex_options::RegexOptions;
use super::{lines, rule, sections, settings};
use crate::ir::choice::{Choice, Sections};
use crate::ir::policy::{
    ContentPolicy, Decoding, HeaderPolicy, HostPolicy, ServerFacts, StatusPolicy, TargetChecks, TargetPolicy,
};
use crate::ir::scope::{RewriteOptions, Scope, Slot};
use crate::ir::site::Site;
use crate::ir::template::Template;
use crate::ir::{Budget, Bytes, Entry, Phase, Reach, Refusal, SiteId, TableId};
use crate::lower::Options;
use htaccess::{Cache, with_files};
use listeners::{Address, Addressed, addresses, listeners, nameless};
use names::{Names, names, own_name, site_names};
use rustc_hash::FxHashMap;

pub use fragment::fragment;

/// The phases in httpd's order, and where jumps enter.
fn pipeline(context: &mut Context) {
    let walk = 11;
    context.program.pipeline = vec![
        Phase::RequestHeaders { early: true },
        Phase::Site(Slot::Environment),
        Phase::Normalise,
        Phase::MergeUrl,
        Phase::Site(Slot::Rewrite),
        Phase::SkipIfMapped(walk),
        Phase::Scope(Slot::ExpressionRedirect),
        Phase::Site(Slot::Redirect),
        Phase::Scope(Slot::Alias),
        Phase::SkipIfMapped(walk),
        Phase::Site(Slot::Alias),
        Phase::Walk,
        Phase::Scope(Slot::Environment),
        Phase::Access { sub_requests: true },
        Phase::Scope(Slot::Rewrite),
        Phase::Scope(Slot::ExpressionRedirect),
        Phase::Scope(Slot::Redirect),
        Phase::Scope(Slot::LateEnvironment),
        Phase::Site(Slot::LateEnvironment),
        Phase::DirectorySlash,
        Phase::Index,
        Phase::Fallback,
        Phase::Spelling,
        Phase::RequestHeaders { early: false },
        Phase::Content,
    ];
    context.program.entry = Entry { internal: 0, named: 0, search: 0, sub_request: 2 };
    context.program.budget = Budget { internal_redirects: 10, status: 500 };
    context.program.host = HostPolicy::Strict;
    context.program.target =
        TargetPolicy { checks: TargetChecks::Strict, merge_slashes: true, decoding: Decoding::DotsFirst };
    let prefix = context.prefix.to_string_lossy().into_owned().into_bytes();
    context.program.facts = ServerFacts {
        software: context.software(),
        prefix: prefix.into(),
        headers: HeaderPolicy::TwoTables,
        content: ContentPolicy::Apache,
        statuses: StatusPolicy::Listed,
        bare_folder: if context.modules.is_loaded(b"autoindex_module") { 403 } else { 404 },
        join_headers: true,
        ..ServerFacts::default()
    };
}

fn refuse(context: &mut Context, refused: Vec<Refused>, reach: Reach) {
    let refusals = refused.into_iter().map(|one| Refusal { span: one.span, message: one.message, help: None, reach });
    context.program.refusals.extend(refusals);
}

/// What virtual hosts take from the main server.
struct Main<'a> {
    lines: &'a [Line],
    names: Names,
    scope: Scope,
    sections: Sections,
    options: RewriteOptions,
    maps: FxHashMap<Bytes, TableId>,
    admin: Bytes,
}

/// A whole configuration.
pub fn whole<'a>(context: &mut Context<'a>, loaded: &'a Loaded, files: &'a [HtaccessFile], options: &Options) {
    pipeline(context);
    context.program.refusals = loaded.refusals.clone();
    let table = check::check(loaded, context.sources, &Frame::Server).refusals;
    context.program.refusals.extend(table);
    let (regex, refused) = RegexOptions::read(context.sources, &loaded.lines);
    context.regex = regex;
    context.program.refusals.extend(refused);
    context.program.facts.ports = listeners::ports(context, &loaded.lines);
    let mut cache = Cache::default();
    let main = main(context, &loaded.lines, options);
    let site = Site {
        span: None,
        names: site_names(&main.names),
        own: main.names.own.clone(),
        scope: context.scope(main.scope.clone()),
        choice: Choice::Sections(with_files(context, main.sections.clone(), main.lines, &[], files, &mut cache)),
        addresses: Vec::new(),
    };
    context.program.sites.push(site);
    let mut hosts: Vec<Addressed> = Vec::new();
    for line in loaded.lines.iter().filter(|line| &*line.name == b"virtualhost") {
        hosts.push(virtual_host(context, line, &main, files, &mut cache));
    }
    listeners(context, &hosts, main.names.encrypted == Some(true));
}

fn main<'a>(context: &mut Context<'a>, lines: &'a [Line], options: &Options) -> Main<'a> {
    let names = names(context, lines);
    maps(context, lines);
    let (mut builder, refused) = place(context, lines);
    refuse(context, refused, Reach::Server);
    let root = options.root.as_deref().map(|root| root.to_string_lossy().into_owned().into_bytes());
    let root = names.root.clone().or(root);
    root_of(context, &mut builder.scope, root.as_deref());
    let rewrite_options = builder.rewrite.options.clone();
    let scope = finished(context, builder, true);
    let (sections, refused) = sections::outer(context, lines);
    refuse(context, refused, Reach::Server);
    let (maps, admin) = (context.maps.clone(), context.admin.clone());
    Main { lines, names, scope, sections, options: rewrite_options, maps, admin }
}

fn virtual_host<'a>(
    context: &mut Context<'a>,
    line: &'a Line,
    main: &Main<'a>,
    files: &'a [HtaccessFile],
    cache: &mut Cache,
) -> Addressed {
    let block = line.block.as_deref().unwrap_or_default();
    context.admin = main.admin.clone();
    let mut own = names(context, block);
    let main_port = port_before(context, main.lines, line);
    let addresses = addresses(context, line, main_port).unwrap_or_else(|refused| {
        refuse(context, vec![refused], Reach::Server);
        Vec::new()
    });
    if !own.has_name {
        own.own = nameless(&addresses, &main.names.own, main_port);
        own.has_name = true;
    }
    let inherits = inherits_rules(context, block, &main.options);
    context.maps = if inherits { main.maps.clone() } else { FxHashMap::default() };
    maps(context, block);
    let declares = |lines: &[Line]| lines.iter().any(|line| &*line.name == b"rewritemap");
    let id = SiteId(context.program.sites.len() as u32);
    context.own_maps = (declares(block) || (declares(main.lines) && !inherits)).then_some(id);
    let (mut builder, refused) = place(context, block);
    refuse(context, refused, Reach::Server);
    root_of(context, &mut builder.scope, own.root.as_deref());
    builder.scope.settings.unmapped_prefix = own.path.take().map(Into::into);
    let mut scope = finished(context, builder, false).over(&main.scope);
    if !names_rewriting(block) {
        // A virtual host without a word on rewriting has no part in it (mod_rewrite's `hook_uri2file`).
        scope.lists.rewrite = None;
    }
    let (sections, refused) = sections::outer(context, block);
    refuse(context, refused, Reach::Server);
    let all = Sections {
        folders: [main.sections.folders.clone(), sections.folders].concat(),
        folder_patterns: [main.sections.folder_patterns.clone(), sections.folder_patterns].concat(),
        urls: [main.sections.urls.clone(), sections.urls].concat(),
        htaccess: FxHashMap::default(),
    };
    let choice = Choice::Sections(with_files(context, all, main.lines, block, files, cache));
    let site = Site {
        span: Some(line.head),
        names: site_names(&own),
        own: own.own,
        scope: context.scope(scope),
        choice,
        addresses: addresses.iter().map(Address::text).collect(),
    };
    context.program.sites.push(site);
    (addresses, id, own.encrypted)
}

/// The port of the `ServerName` that the main server has so far.
fn port_before(context: &Context, lines: &[Line], host: &Line) -> u16 {
    let before = lines.iter().take_while(|line| !std::ptr::eq(*line, host));
    let name = before.filter(|line| &*line.name == b"servername").last();
    let name = name.and_then(|line| own_name(&line.words(context.sources).first()?.value));
    name.map_or(0, |name| name.port)
}

fn finished(context: &mut Context, mut builder: Builder, main: bool) -> Scope {
    let tls = context.modules.is_loaded(b"ssl_module") && main;
    if !main && !builder.rewrites {
        // Rules of its own it has none, but it may get others'.
        builder.rewrites = true;
        builder.rewrite.finish = crate::ir::scope::Finish::MapToFile;
    }
    if tls {
        builder.late_environment.push(settings::encrypted(context));
    }
    let mut scope = builder.finish();
    if main {
        scope.settings.self_url.get_or_insert_with(settings::own_url);
    }
    scope
}

fn place<'a>(context: &mut Context<'a>, from: &'a [Line]) -> (Builder, Vec<Refused>) {
    let mut builder = Builder::new(Place::Server);
    let refused = lines::lower(context, &mut builder, from);
    (builder, refused)
}

fn maps(context: &mut Context, lines: &[Line]) {
    let mut refused = Vec::new();
    for line in lines.iter().filter(|line| &*line.name == b"rewritemap") {
        refused.extend(rule::map(context, line).err());
    }
    refuse(context, refused, Reach::Server);
}

/// Whether a virtual host gets the main server's rules, and with them its maps.
fn inherits_rules(context: &Context, lines: &[Line], main: &RewriteOptions) -> bool {
    let own: Vec<&Line> = lines.iter().filter(|line| &*line.name == b"rewriteoptions").collect();
    let says = |name: &[u8]| {
        let mut words = own.iter().flat_map(|line| line.words(context.sources));
        words.any(|word| word.value.eq_ignore_ascii_case(name))
    };
    let asks = match own.is_empty() {
        true => main.inherit || main.inherit_before,
        false => says(b"inherit") || says(b"inheritbefore"),
    };
    asks || ((main.inherit_down || main.inherit_down_before) && !says(b"ignoreinherit"))
}

/// Whether a directive of mod_rewrite stands anywhere in it.
fn names_rewriting(lines: &[Line]) -> bool {
    lines.iter().any(|line| line.name.starts_with(b"rewrite") || line.block.as_deref().is_some_and(names_rewriting))
}

fn root_of(context: &Context, scope: &mut Scope, root: Option<&[u8]>) {
    let Some(root) = root else { return };
    let full = match root.starts_with(b"/") {
        true => root.to_vec(),
        false => [context.prefix.to_string_lossy().as_bytes(), b"/", root].concat(),
    };
    let full = full.strip_suffix(b"/").map(<[u8]>::to_vec).unwrap_or(full);
    scope.settings.root = Some(Template::literal(full));
}
