//! A `.htaccess` without the server around it.

use super::htaccess::htaccess;
use super::{HtaccessFile, pipeline, root_of};
use crate::ir::SiteId;
use crate::ir::access::Access;
use crate::ir::choice::{Choice, Sections};
use crate::ir::scope::Scope;
use crate::ir::site::{Listener, NameRule, OwnName, Site};
use crate::lower::Options;
use crate::lower::apache::check::{Frame, Override};
use crate::lower::apache::context::Context;
use crate::lower::apache::folders::as_folder;
use crate::lower::apache::load::Loaded;
use crate::lower::apache::settings;
use crate::source::FileId;
use rustc_hash::FxHashSet;

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
    scope.settings.self_url = Some(settings::own_url());
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
        void: FxHashSet::default(),
    };
    context.program.listeners.push(listener);
}
