vim.filetype.add({ filename = { [".htaccess"] = "apache" } })
vim.lsp.config("redirlint", {
  cmd = { "redirlint", "lsp" },
  filetypes = { "apache", "nginx" },
  root_markers = { "redirlint.yaml", ".git" },
})
vim.lsp.enable("redirlint")
