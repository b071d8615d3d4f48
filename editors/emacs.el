;; `apache-mode' and `nginx-mode' come from their packages; `conf-mode' does as well.
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs '((apache-mode nginx-mode) . ("redirlint" "lsp"))))
(add-hook 'apache-mode-hook #'eglot-ensure)
(add-hook 'nginx-mode-hook #'eglot-ensure)
