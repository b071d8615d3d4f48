//! The modules of the Apache that is installed.

use std::path::Path;

/// `LoadModule` lines for those of the modules that are installed, a process manager first.
pub fn loads(names: &str) -> String {
    let modules = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"];
    let modules = modules.iter().find(|folder| Path::new(folder).exists()).unwrap();
    std::iter::once("mpm_prefork")
        .chain(names.split_whitespace())
        .filter(|name| Path::new(modules).join(format!("mod_{name}.so")).exists())
        .map(|name| format!("LoadModule {name}_module {modules}/mod_{name}.so\n"))
        .collect()
}
