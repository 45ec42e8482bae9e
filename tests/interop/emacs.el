;; SPDX-License-Identifier: Apache-2.0
;; Emacs's dap-mode debugs a Lua file: emacs --batch -l emacs.el BINARY FILE. Says where it stops.
(package-initialize)
(require 'dap-mode)
(require 'dap-ui)

(defvar binary (pop command-line-args-left))
(defvar program (pop command-line-args-left))
(defvar ended nil)

(setq dap-auto-configure-features nil)
(dap-register-debug-provider
 "llmspell"
 (lambda (conf) (plist-put conf :dap-server-path (list binary "debug" "--stdio"))))

(add-hook 'dap-terminated-hook (lambda (_session) (setq ended t)))
(add-hook 'dap-stack-frame-changed-hook
          (lambda (session)
            (when-let ((frame (dap--debug-session-active-frame session)))
              (princ (format "stopped in %s at %s\n" (gethash "name" frame) (gethash "line" frame)))
              (if (= (gethash "line" frame) 2)
                  (dap-next session)
                (dap-continue session (dap--debug-session-thread-id session))))))

(find-file program)
(goto-char (point-min))
(forward-line 1)
(dap-breakpoint-add)
(dap-debug (list :type "llmspell" :request "launch" :name "Lua" :program program))
(with-timeout (30 (princ "too late\n"))
  (while (not ended)
    (accept-process-output nil 0.05)))
(dolist (buffer (buffer-list))
  (when (string-match-p "Lua out" (buffer-name buffer))
    (princ (with-current-buffer buffer (buffer-string)))))
