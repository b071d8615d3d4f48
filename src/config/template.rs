//! What `redirlint init` writes.

/// A commented file in which every key is named and nothing is changed.
pub const TEXT: &str = r#"# redirlint.yaml: which rules speak, how loudly, and what redirlint cannot see in the configuration.
# The nearest file upward from a configuration counts. Every line below shows a default or an example.

# Rules or groups that are checked; all of them where nothing is listed. `redirlint rules` lists their names.
# select: [status, loop-chain, hsts-security]

# Rules or groups that are left out.
# ignore: [style]

# off, info, warning or error, for a rule or a group. Findings that rest on an assumption still stand lower.
# severity:
#   redirect-chain: info

# Folders and files with a choice of their own. Patterns are relative to this file; a folder covers what is below it.
# overrides:
#   - paths: ["legacy", "sites/*/old.conf"]
#     ignore: [redirect-chain]

# The world around the configuration.
assume:
  # Your own host names, beside those the configuration mentions.
  hosts: []
  # The one name that the others should redirect to.
  # canonical_host: www.example.com
  # Other hosts that redirects may lead to.
  known_external_hosts: []

  # Whether a proxy or CDN in front ends TLS: no, maybe or always; and the header by which it tells.
  tls_terminated_upstream: maybe
  # tls_header: { name: X-Forwarded-Proto, value: https }
  # Whether it adds Strict-Transport-Security.
  hsts_upstream: false
  # Whether a lone .htaccess may be judged as if the whole virtual host were in it.
  # vhost_visible: false

  # The folder that the site's files are served from: tests of files are answered from it.
  # document_root: public
  index_files: []

  # The servers that run, to tell what they do not know yet. Without them: the newest.
  # apache_version: "2.4.62"
  # nginx_version: "1.28.0"

  # Paths that programs ask with POST, PUT and the like; their redirects must keep the method.
  api_paths: []
  # Paths whose redirects are meant to be temporary.
  temporary_ok: []
  # Redirects that are still acceptable before the final answer.
  max_hops: 5
"#;
