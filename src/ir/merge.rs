//! Laying scopes over each other: what an inner scope sets counts, what it leaves open comes from the outer one.
//!
//! Each setting brings its own rule; nothing here knows which server or which directive it came from.

use super::scope::{Inherit, Inner, Listed, Lists, RewriteList, Scope, Settings, Shared};
use std::sync::Arc;

impl Scope {
    /// This scope laid over an outer one.
    pub fn over(&self, outer: &Self) -> Self {
        Self {
            span: self.span.or(outer.span),
            lists: self.lists.over(&outer.lists),
            settings: over_settings(&self.settings, &outer.settings),
            inner: Inner {
                files: joined(&outer.inner.files, &self.inner.files),
                conditions: joined(&outer.inner.conditions, &self.inner.conditions),
            },
            notes: joined(&outer.notes, &self.notes),
        }
    }
}

impl Lists {
    fn over(&self, outer: &Self) -> Self {
        Self {
            environment: outer.environment.followed_by(&self.environment),
            late_environment: self.late_environment.followed_by(&outer.late_environment),
            rewrite: over_list(self.rewrite.as_ref(), outer.rewrite.as_ref()),
            expression_redirect: self.expression_redirect.clone().or_else(|| outer.expression_redirect.clone()),
            redirect: self.redirect.followed_by(&outer.redirect),
            alias: self.alias.followed_by(&outer.alias),
        }
    }
}

fn over_list(own: Option<&Arc<RewriteList>>, outer: Option<&Arc<RewriteList>>) -> Option<Arc<RewriteList>> {
    match (own, outer) {
        (Some(own), Some(outer)) => Some(Arc::new(own.over(outer))),
        (one, other) => one.or(other).cloned(),
    }
}

fn over_settings(own: &Shared<Settings>, outer: &Shared<Settings>) -> Shared<Settings> {
    match () {
        () if outer.is_unset() => own.clone(),
        () if own.is_unset() && !outer.internal => outer.clone(),
        () => Shared::new(own.over(outer)),
    }
}

impl<T> Listed<T> {
    fn over(&self, outer: &Self) -> Self {
        let items = match self.inherit {
            Inherit::IfEmpty if self.items.is_empty() => outer.items.clone(),
            Inherit::IfEmpty | Inherit::Never => self.items.clone(),
            Inherit::OuterFirst => joined(&outer.items, &self.items),
            Inherit::OwnFirst => joined(&self.items, &outer.items),
        };
        Self { items, inherit: self.inherit }
    }
}

fn joined<T: Clone>(first: &[T], second: &[T]) -> Vec<T> {
    first.iter().chain(second).cloned().collect()
}

impl Settings {
    fn over(&self, outer: &Self) -> Self {
        macro_rules! inherit {
            ($($field:ident),* ; lists $($list:ident),* ; own $($own:ident),*) => {
                Settings {
                    $($field: self.$field.clone().or_else(|| outer.$field.clone()),)*
                    $($list: self.$list.over(&outer.$list),)*
                    $($own: self.$own.clone(),)*
                }
            };
        }
        inherit!(
            rewriting, self_url, physical_port, absolute, merge_slashes, encoded_slashes, root, alias, index, index_redirect, directory_slash, listing, fallback, try_files, recursive_error_pages, access, host_access, any_access, real_address, secure_link, referers, auth_type, realm, user_file, opaque_proxy, handler, accept_path_info,
            negotiates, trace, alias_preserves_path, strict_host, spelling, follow_symlinks, broken, unmapped_prefix, index_unless_handled, msie_refresh, method_scope, internal_redirects;
            lists error_pages, headers, request_headers, extensions;
            own internal
        )
    }
}
