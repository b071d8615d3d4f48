use super::*;
use crate::lower::{Dialect, Loader, Options};
use std::path::{Path, PathBuf};

/// No file but the main one.
struct Nothing;

impl Loader for Nothing {
    fn read(&self, _path: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn glob(&self, _pattern: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
    fn exists(&self, _path: &Path) -> bool {
        false
    }
    fn find(&self, _folder: &Path, _names: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn refusals(text: &str, frame: &Frame) -> Vec<String> {
    let mut sources = Sources::new();
    let main = sources.add("/srv/x.conf", text.as_bytes().to_vec());
    let options = Options::new(if *frame == Frame::Server { Dialect::Apache } else { Dialect::Htaccess }, "/srv");
    let loaded = super::super::load::load(&mut sources, main, &options, &Nothing, None);
    check(&loaded, &sources, frame).refusals.into_iter().map(|refusal| refusal.message).collect()
}

fn server(text: &str) -> Vec<String> {
    refusals(text, &Frame::Server)
}

fn htaccess(text: &str) -> Vec<String> {
    refusals(text, &Frame::Htaccess { allow: Override::ALL, list: Vec::new() })
}

#[test]
fn an_unknown_name_is_refused_as_it_is_written() {
    let invalid = |name: &str| {
        vec![format!(
            "Invalid command '{name}', perhaps misspelled or defined by a module not included in the server configuration"
        )]
    };
    assert_eq!(server("ReWriteRul ^a b"), invalid("ReWriteRul"));
    assert_eq!(server("<Direktory /a>\nNonsense\n</Direktory>"), invalid("<Direktory"));
    assert_eq!(htaccess("\u{feff}# first"), invalid("\u{feff}#"));
    assert_eq!(server("LoadModule mpm_event_module x\nRedirect 301 /a /b"), invalid("Redirect"));
    assert_eq!(server("php_flag a b"), Vec::<String>::new());
    assert_eq!(server("LoadModule x_module x\nXOption y"), Vec::<String>::new());
}

#[test]
fn a_directive_in_the_wrong_place_is_refused() {
    assert_eq!(server("Require all granted"), ["Require not allowed here"]);
    assert_eq!(server("<Directory /a>\nServerName x\n</Directory>"), ["ServerName not allowed here"]);
    assert_eq!(
        server("<VirtualHost *:80>\nListen 80\n</VirtualHost>"),
        ["Listen cannot occur within <VirtualHost> section"]
    );
    assert_eq!(htaccess("<VirtualHost *:80>\n</VirtualHost>"), ["<VirtualHost not allowed here"]);
    assert_eq!(htaccess("Define a b\nInclude x"), ["Define not allowed here", "Include not allowed here"]);
    assert_eq!(htaccess("<Files x>\n<If true>\nRedirect gone\n</If>\n</Files>"), Vec::<String>::new());
}

#[test]
fn allow_override_decides_by_class_or_by_name() {
    let info = Frame::Htaccess { allow: Override::FILE_INFO, list: vec![b"options".as_slice().into()] };
    let found = refusals("Redirect gone /a\nOptions -Indexes\nDirectoryIndex a", &info);
    assert_eq!(found, ["DirectoryIndex not allowed here"]);
}

#[test]
fn what_nonfatal_forgives_is_left_out_and_wrong_words_are_not_forgiven() {
    let all = Frame::Htaccess { allow: Override::FILE_INFO.with(Override::NONFATAL_ALL), list: Vec::new() };
    assert_eq!(refusals("Options Indexes\nBogus\n<Location /a>\nBogus\n</Location>", &all), Vec::<String>::new());
    assert_eq!(refusals("RewriteEngine maybe", &all), ["RewriteEngine must be On or Off"]);
    let unknown = Frame::Htaccess { allow: Override::FILE_INFO.with(Override::NONFATAL_UNKNOWN), list: Vec::new() };
    assert_eq!(refusals("Options Indexes\nBogus", &unknown), ["Options not allowed here"]);
}

#[test]
fn words_are_counted_as_httpd_counts_them() {
    assert_eq!(server("ServerName"), ["ServerName takes one argument"]);
    assert_eq!(server("ServerName \"\""), ["ServerName takes one argument"]);
    assert_eq!(server("ServerName a # b"), ["ServerName takes one argument"]);
    assert_eq!(server("RewriteEngine On # yes"), Vec::<String>::new());
    assert_eq!(server("RewriteEngine yes"), ["RewriteEngine must be On or Off"]);
    assert_eq!(server("ErrorDocument 404"), ["ErrorDocument takes two arguments"]);
}

#[test]
fn else_needs_an_if_before_it() {
    assert_eq!(server("<If true>\n</If>\n<ElseIf true>\n</ElseIf>\n<Else>\n</Else>"), Vec::<String>::new());
    assert_eq!(server("<Else>\n</Else>").len(), 1);
}
