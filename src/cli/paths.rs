//! Paths as the servers know them (absolute) and as people see them (as they typed them).

use super::input::Wanted;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// The path from the root of the file system, links left alone; `..` is resolved where the folder exists.
pub fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if !absolute.components().any(|part| part == Component::ParentDir) {
        return absolute;
    }
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => absolute.canonicalize().unwrap_or(absolute),
    }
}

/// The absolute folder a file stands in.
pub fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    absolute(folder.unwrap_or(Path::new(".")))
}

/// Where the main file stands. Standard input stands for the file that leads the root.
pub fn of_main(path: &Path, root: Option<&Path>) -> PathBuf {
    match root {
        _ if path.as_os_str() != "-" => absolute(path),
        Some(root) => root.join(".htaccess"),
        None => path.to_path_buf(),
    }
}

/// The path as the user would type it, knowing how the configuration was named.
pub fn shown(wanted: &Wanted, path: &Path) -> PathBuf {
    let main = &wanted.path;
    if path == absolute(main) || main.as_os_str() == "-" && path.file_name() == Some(OsStr::new(".htaccess")) {
        return plain(main);
    }
    let typed = wanted.site.as_deref().or(main.parent()).unwrap_or(Path::new(""));
    let folder = if typed.as_os_str().is_empty() { Path::new(".") } else { typed };
    if let Ok(below) = path.strip_prefix(absolute(folder)) {
        return plain(&typed.join(below));
    }
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(below) if main.is_relative() => below.to_path_buf(),
        _ => path.to_path_buf(),
    }
}

/// Without `./` in front.
fn plain(path: &Path) -> PathBuf {
    path.strip_prefix(".").map_or_else(|_| path.to_path_buf(), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_as_their_configuration_was_named() {
        let here = std::env::current_dir().unwrap();
        let wanted =
            |path: &str, site: Option<&str>| Wanted { path: path.into(), site: site.map(Into::into), searched: false };
        let told = |wanted: &Wanted, path: &str| shown(wanted, &here.join(path)).display().to_string();
        assert_eq!(told(&wanted("a/nginx.conf", None), "a/nginx.conf"), "a/nginx.conf");
        assert_eq!(told(&wanted("a/nginx.conf", None), "a/conf.d/x"), "a/conf.d/x");
        assert_eq!(told(&wanted("./.htaccess", Some(".")), "sub/.htaccess"), "sub/.htaccess");
        assert_eq!(told(&wanted(".htaccess", None), "sub/.htaccess"), "sub/.htaccess");
        let full = here.join("a/nginx.conf");
        assert_eq!(shown(&wanted(full.to_str().unwrap(), None), &here.join("b/x")), here.join("b/x"));
        assert_eq!(shown(&wanted("a/x", None), Path::new("/elsewhere/x")), Path::new("/elsewhere/x"));
    }
}
