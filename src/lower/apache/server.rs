//! Servers: the main one, its virtual hosts, the addresses they answer at, and the made-up site of a lone file.

use super::builder::{Builder, Place};
use super::check::{self, Frame, Override};
use super::context::Context;
use super::folders::{HtaccessFile, as_folder};
use super::load::{Line, Loaded};
use super::refused::Refused;
use super::{lines, misc, rule, sections};
use crate::ir::access::Access;
use crate::ir::choice::{Choice, Sections};
use crate::ir::pattern::Glob;
use crate::ir::policy::{
    ContentPolicy, Decoding, HeaderPolicy, HostPolicy, ServerFacts, StatusPolicy, TargetChecks, TargetPolicy,
};
use crate::ir::scope::{Scope, Slot};
use crate::ir::site::{Listener, NameRule, OwnName, Site, SiteName};
use crate::ir::template::Template;
use crate::ir::{Budget, Bytes, Entry, Phase, Reach, Refusal, ScopeId, SiteId};
use crate::lower::Options;
use crate::source::FileId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A virtual host: its addresses (host and port, none for any), the site, and whether it states TLS.
type Addressed = (Vec<(Option<Bytes>, Option<u16>)>, SiteId, Option<bool>);

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

/// What the lines of one server say beside their scope.
#[derive(Clone, Default)]
struct Names {
    own: OwnName,
    has_name: bool,
    aliases: Vec<Vec<u8>>,
    root: Option<Vec<u8>>,
    encrypted: Option<bool>,
    path: Option<Vec<u8>>,
}

fn names(context: &mut Context, lines: &[Line]) -> Names {
    let mut names = Names::default();
    for line in lines {
        let words = line.words(context.sources);
        let Some(first) = words.first().map(|word| word.value.to_vec()) else { continue };
        match &*line.name {
            b"servername" => {
                if first.iter().any(|byte| b"*?".contains(byte)) {
                    let shown = String::from_utf8_lossy(&first);
                    let message =
                        format!("Invalid ServerName \"{shown}\" use ServerAlias to set multiple server names.");
                    refuse(context, vec![Refused::at(line.rest, message)], Reach::Server);
                }
                names.own = own_name(&first);
                names.has_name = true;
            }
            b"serverpath" => names.path = Some(first),
            b"serveralias" => names.aliases.extend(words.iter().map(|word| word.value.to_vec())),
            b"documentroot" => names.root = Some(first),
            b"sslengine" => names.encrypted = Some(first.eq_ignore_ascii_case(b"on")),
            b"serveradmin" => context.admin = first.into(),
            b"rewritemap" => {}
            b"limitinternalrecursion" => {
                let limit = super::flags::atoi(&first).max(0) as u32;
                context.program.budget.internal_redirects = if limit == 0 { u32::MAX } else { limit };
            }
            _ => {}
        }
    }
    names
}

fn own_name(text: &[u8]) -> OwnName {
    let (scheme, rest) = match text.windows(3).position(|three| three == b"://") {
        Some(at) => (text.get(..at).map(<[u8]>::to_ascii_lowercase), text.get(at + 3..).unwrap_or_default()),
        None => (None, text),
    };
    let (host, port) = match memchr::memrchr(b':', rest) {
        Some(at) if !rest.ends_with(b"]") => {
            let port = std::str::from_utf8(rest.get(at + 1..).unwrap_or_default()).unwrap_or("").parse().unwrap_or(0);
            (rest.get(..at).unwrap_or_default(), port)
        }
        _ => (rest, 0),
    };
    OwnName { scheme: scheme.map(Into::into), host: host.into(), port }
}

fn site_names(names: &Names) -> Vec<SiteName> {
    let alias = |text: &Vec<u8>| match text.iter().any(|byte| b"*?".contains(byte)) {
        true => SiteName::Glob(Glob { text: text.as_slice().into(), path: false, ignore_case: true }),
        false => SiteName::Exact(text.to_ascii_lowercase().into()),
    };
    let own = names.has_name.then(|| SiteName::Exact(names.own.host.to_ascii_lowercase().into()));
    own.into_iter().chain(names.aliases.iter().map(alias)).collect()
}

/// A whole configuration.
pub fn whole<'a>(context: &mut Context<'a>, loaded: &'a Loaded, files: &'a [HtaccessFile], options: &Options) {
    pipeline(context);
    context.program.refusals = loaded.refusals.clone();
    let table = check::check(loaded, context.sources, &Frame::Server).refusals;
    context.program.refusals.extend(table);
    let lines = &loaded.lines;
    regex_defaults(context, lines);
    let main_names = names(context, lines);
    maps(context, lines);
    let (mut main, refused) = place(context, lines);
    refuse(context, refused, Reach::Server);
    let root = options.root.as_deref().map(|root| root.to_string_lossy().into_owned().into_bytes());
    let root = main_names.root.clone().or(root);
    root_of(context, &mut main.scope, root.as_deref());
    let main_options = main.rewrite.options.clone();
    let main_scope = finished(context, main, true);
    let (main_sections, refused) = sections::outer(context, lines);
    refuse(context, refused, Reach::Server);
    let mut cache = Cache::default();
    let main_site = Site {
        span: None,
        names: Vec::new(),
        own: main_names.own.clone(),
        scope: context.scope(main_scope.clone()),
        choice: Choice::Sections(with_files(context, main_sections.clone(), lines, &[], files, &mut cache)),
        addresses: Vec::new(),
    };
    context.program.sites.push(main_site);
    let mut hosts: Vec<Addressed> = Vec::new();
    let main_maps = context.maps.clone();
    for line in lines.iter().filter(|line| &*line.name == b"virtualhost") {
        let block = line.block.as_deref().unwrap_or_default();
        let mut own = names(context, block);
        let inherits = inherits_rules(context, block) || main_options.inherit_down || main_options.inherit_down_before;
        context.maps = if inherits { main_maps.clone() } else { FxHashMap::default() };
        maps(context, block);
        let (mut builder, refused) = place(context, block);
        refuse(context, refused, Reach::Server);
        root_of(context, &mut builder.scope, own.root.as_deref());
        builder.scope.settings.unmapped_prefix = own.path.take().map(Into::into);
        let scope = finished(context, builder, false).over(&inheritable(&main_scope));
        let (vhost_sections, refused) = sections::outer(context, block);
        refuse(context, refused, Reach::Server);
        let addresses = addresses(context, line);
        if !own.has_name {
            let port = addresses.first().and_then(|(_, port)| *port).unwrap_or(0);
            own.own = OwnName { port, ..main_names.own.clone() };
        }
        let all = Sections {
            folders: [main_sections.folders.clone(), vhost_sections.folders].concat(),
            folder_patterns: [main_sections.folder_patterns.clone(), vhost_sections.folder_patterns].concat(),
            urls: [main_sections.urls.clone(), vhost_sections.urls].concat(),
            htaccess: FxHashMap::default(),
        };
        let choice = Choice::Sections(with_files(context, all, lines, block, files, &mut cache));
        let id = SiteId(context.program.sites.len() as u32);
        let texts = |(host, port): &(Option<Bytes>, Option<u16>)| {
            (host.clone().unwrap_or_else(|| b"*"[..].into()), port.unwrap_or(0))
        };
        let site = Site {
            span: Some(line.head),
            names: match own.has_name {
                true => site_names(&own),
                false => site_names(&Names { own: own.own.clone(), has_name: true, ..own.clone() }),
            },
            own: own.own.clone(),
            scope: context.scope(scope),
            choice,
            addresses: addresses.iter().map(texts).collect(),
        };
        context.program.sites.push(site);
        hosts.push((addresses, id, own.encrypted));
    }
    listeners(context, &hosts, main_names.encrypted == Some(true));
}

/// The rules and lists of the main server that a virtual host gets: redirects and aliases always, rewriting only
/// by RewriteOptions, which [`Scope::over`] looks at.
fn inheritable(main: &Scope) -> Scope {
    let mut scope = main.clone();
    if let Some(list) = &main.lists.rewrite {
        let mut list = crate::ir::scope::RewriteList {
            clauses: list.clauses.clone(),
            finish: list.finish.clone(),
            folder: list.folder.clone(),
            base: None,
            options: list.options.clone(),
            own_options: list.own_options,
        };
        let down = list.options.inherit_down || list.options.inherit_down_before;
        if !down {
            list.options.inherit = false;
        }
        scope.lists.rewrite = Some(Arc::new(list));
    }
    scope
}

fn finished(context: &mut Context, mut builder: Builder, main: bool) -> Scope {
    let tls = context.modules.is_loaded(b"ssl_module") && main;
    if !main && !builder.rewrites {
        // A virtual host without a word on rewriting has an empty list of its own.
        builder.rewrites = true;
        builder.rewrite.finish = crate::ir::scope::Finish::MapToFile;
    }
    if tls {
        builder.late_environment.push(misc::encrypted(context));
    }
    let mut scope = builder.finish();
    if main {
        scope.settings.self_url.get_or_insert_with(misc::own_url);
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

/// Whether a virtual host asks for the main server's rules, and with them for its maps.
fn inherits_rules(context: &Context, lines: &[Line]) -> bool {
    let options = lines.iter().filter(|line| &*line.name == b"rewriteoptions");
    let mut words = options.flat_map(|line| line.words(context.sources));
    words.any(|word| [&b"inherit"[..], b"inheritbefore"].iter().any(|name| word.value.eq_ignore_ascii_case(name)))
}

fn regex_defaults(context: &mut Context, lines: &[Line]) {
    for line in lines.iter().filter(|line| &*line.name == b"regexdefaultoptions") {
        for word in line.words(context.sources) {
            let (on, name) = match word.value.split_first() {
                Some((b'-', name)) => (false, name),
                Some((b'+', name)) => (true, name),
                _ => (true, &*word.value),
            };
            match name.to_ascii_lowercase().as_slice() {
                b"none" => (context.regex.dot_all, context.regex.dollar_end_only) = (false, false),
                b"icase" => context.regex.caseless = on,
                b"extended" => context.regex.extended = on,
                b"dotall" => context.regex.dot_all = on,
                b"dollar_endonly" => context.regex.dollar_end_only = on,
                _ => {}
            }
        }
    }
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

/// The addresses of a `<VirtualHost>` tag: host text (`None` for `*`) and port (`None` for any).
fn addresses(context: &Context, line: &Line) -> Vec<(Option<Bytes>, Option<u16>)> {
    let one = |text: &[u8]| {
        let colon = memchr::memrchr(b':', text).filter(|_| !text.ends_with(b"]"));
        let (host, port) = match colon {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            None => (text, &b"*"[..]),
        };
        let host = match host {
            b"*" | b"_default_" => None,
            host => Some(host.trim_ascii_start().strip_prefix(b"[").unwrap_or(host)),
        };
        let host = host.map(|host| host.strip_suffix(b"]").unwrap_or(host).into());
        (host, std::str::from_utf8(port).ok().and_then(|port| port.parse().ok()))
    };
    line.words(context.sources).iter().map(|word| one(&word.value)).collect()
}

/// More specific addresses first; what none of them covers is the main server's.
fn listeners(context: &mut Context, hosts: &[Addressed], encrypted: bool) {
    let mut listeners: Vec<Listener> = Vec::new();
    for (addresses, site, host_encrypted) in hosts {
        for (address, port) in addresses {
            let found = listeners.iter_mut().find(|have| have.address == *address && have.port == *port);
            match found {
                Some(listener) => listener.sites.push(*site),
                None => listeners.push(Listener {
                    address: address.clone(),
                    port: *port,
                    encrypted: host_encrypted.unwrap_or(encrypted),
                    sites: vec![*site],
                    default: *site,
                    rule: NameRule::FirstSite,
                }),
            }
        }
    }
    listeners.sort_by_key(|listener| (listener.address.is_none(), listener.port.is_none()));
    if !listeners.iter().any(|listener| listener.address.is_none() && listener.port.is_none()) {
        listeners.push(Listener {
            address: None,
            port: None,
            encrypted,
            sites: Vec::new(),
            default: SiteId(0),
            rule: NameRule::FirstSite,
        });
    }
    context.program.listeners = listeners;
}

/// What a `.htaccess` may contain, by folder, and the scopes already made for it.
type Cache = FxHashMap<(FileId, u8, Vec<Box<[u8]>>), ScopeId>;

fn with_files<'a>(
    context: &mut Context<'a>,
    mut sections: Sections,
    main: &'a [Line],
    host: &'a [Line],
    files: &'a [HtaccessFile],
    cache: &mut Cache,
) -> Sections {
    for file in files {
        let (allow, list) = allowed(context, &file.folder, [main, host]);
        if allow == Override::NONE && list.is_empty() {
            continue;
        }
        let key = (file.id, allow.0, list.clone());
        let scope = match cache.get(&key) {
            Some(scope) => *scope,
            None => {
                let frame = Frame::Htaccess { allow, list };
                let scope = htaccess(context, &file.folder, &file.loaded, &frame);
                cache.insert(key, scope);
                scope
            }
        };
        sections.htaccess.insert(file.folder.as_slice().into(), scope);
    }
    sections
}

/// The `AllowOverride` in force in a folder.
fn allowed(context: &Context, folder: &[u8], servers: [&[Line]; 2]) -> (Override, Vec<Box<[u8]>>) {
    let mut found: Vec<(usize, &Line)> = Vec::new();
    for line in servers.into_iter().flatten().filter(|line| &*line.name == b"directory") {
        let words = line.words(context.sources);
        let Some(word) = words.first().filter(|word| &*word.value != b"~") else { continue };
        let text = word.value.strip_suffix(b"/").unwrap_or(&word.value);
        let depth = text.iter().filter(|&&byte| byte == b'/').count();
        let parent = nth_folder(folder, depth);
        let glob = Glob { text: text.into(), path: true, ignore_case: false };
        if parent.is_some_and(|parent| parent == text || crate::ir::pattern::glob_matches(&glob, parent)) {
            found.push((depth, line));
        }
    }
    found.sort_by_key(|(depth, _)| *depth);
    let (mut allow, mut list) = (Override::NONE, Vec::new());
    for line in found.iter().flat_map(|(_, line)| line.block.iter().flatten()) {
        let words = line.words(context.sources);
        match &*line.name {
            b"allowoverride" => {
                allow = Override::NONE;
                for word in &words {
                    let lower = word.value.to_ascii_lowercase();
                    allow = allow.with(match &*lower {
                        b"nonfatal=override" => Override::NONFATAL_OVERRIDE,
                        b"nonfatal=unknown" => Override::NONFATAL_UNKNOWN,
                        b"nonfatal=all" => Override::NONFATAL_ALL,
                        _ => Override::NONE,
                    });
                    let class = lower.split(|&byte| byte == b'=').next().unwrap_or_default();
                    allow = allow.with(match class {
                        b"all" => Override::ALL,
                        b"fileinfo" => Override::FILE_INFO,
                        b"indexes" => Override::INDEXES,
                        b"options" => Override::OPTIONS,
                        b"authconfig" => Override::AUTH_CONFIG,
                        b"limit" => Override::LIMIT,
                        _ => Override::NONE,
                    });
                }
            }
            b"allowoverridelist" => {
                list = words.iter().map(|word| word.value.to_ascii_lowercase().into()).collect();
                list.retain(|name: &Bytes| **name != *b"none");
            }
            _ => {}
        }
    }
    (allow, list)
}

/// The first so many segments of a folder's path.
fn nth_folder(folder: &[u8], depth: usize) -> Option<&[u8]> {
    if depth == 0 {
        return Some(b"");
    }
    let mut slashes = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    folder.get(..slashes.nth(depth)?)
}

/// The scope of a `.htaccess`; broken where the server would refuse it.
fn htaccess<'a>(context: &mut Context<'a>, folder: &[u8], loaded: &'a Loaded, frame: &Frame) -> ScopeId {
    let mut builder = Builder::new(Place::Section(folder.into()));
    let checked = check::check(loaded, context.sources, frame);
    context.htaccess = true;
    context.left_out = checked.left_out;
    let refused = lines::lower(context, &mut builder, &loaded.lines);
    context.htaccess = false;
    context.left_out.clear();
    let mut refusals = loaded.refusals.clone();
    refusals.extend(checked.refusals);
    let own = refused.into_iter().map(|one| Refusal {
        span: one.span,
        message: one.message,
        help: None,
        reach: Reach::Server,
    });
    refusals.extend(own);
    refusals.retain(|refusal| !loaded.templates.contains(&refusal.span.file));
    let mut scope = builder.finish();
    let id = ScopeId(context.program.scopes.len() as u32);
    if let Some(first) = refusals.first() {
        scope.settings.broken = Some(first.message.as_str().into());
        scope.span = Some(first.span);
    }
    let here = refusals.into_iter().map(|refusal| Refusal { reach: Reach::Folder(id), ..refusal });
    context.program.refusals.extend(here);
    context.scope(scope)
}

/// A lone `.htaccess` in a site that cannot be seen: everything is allowed, everybody may come in.
pub fn fragment<'a>(
    context: &mut Context<'a>,
    main: FileId,
    loaded: &'a Loaded,
    files: &'a [HtaccessFile],
    options: &Options,
) {
    pipeline(context);
    context.program.fragment = true;
    let path = context.sources.file(main).path().to_path_buf();
    let folder = path.parent().filter(|folder| folder.is_absolute()).map(as_folder);
    // Without a place of its own it stands at the root of the site.
    let folder = folder.unwrap_or_else(|| as_folder(options.root.as_deref().unwrap_or(&options.prefix)));
    let base = options.base.as_bytes();
    let base = if base.is_empty() { &b"/"[..] } else { base };
    let (root, folder) = match (&options.root, folder.strip_suffix(base)) {
        (Some(root), _) => (as_folder(root), folder),
        (None, Some(root)) => ([root, b"/"].concat(), folder),
        (None, None) => {
            let root = folder.clone();
            let inner = [&*root, base.strip_prefix(b"/").unwrap_or(base)].concat();
            (root, inner)
        }
    };
    let frame = Frame::Htaccess { allow: Override::ALL, list: Vec::new() };
    let mut sections = Sections::default();
    let own = htaccess(context, &folder, loaded, &frame);
    sections.htaccess.insert(folder.into(), own);
    for file in files {
        let scope = htaccess(context, &file.folder, &file.loaded, &frame);
        sections.htaccess.entry(file.folder.as_slice().into()).or_insert(scope);
    }
    let mut scope = Scope::default();
    scope.settings.self_url = Some(misc::own_url());
    scope.settings.follow_symlinks = Some(true);
    scope.settings.access = Some(Access::Granted);
    root_of(context, &mut scope, Some(&root));
    let encrypted = options.scheme.as_deref() == Some("https");
    let host = options.host.clone().unwrap_or_default().into_bytes();
    let site = Site {
        span: None,
        names: Vec::new(),
        own: OwnName { scheme: None, host: host.into(), port: 0 },
        scope: context.scope(scope),
        choice: Choice::Sections(sections),
        addresses: Vec::new(),
    };
    context.program.sites.push(site);
    let listener = Listener {
        address: None,
        port: None,
        encrypted,
        sites: vec![SiteId(0)],
        default: SiteId(0),
        rule: NameRule::FirstSite,
    };
    context.program.listeners.push(listener);
}
